"""Tables about the relation: offers, payments, points, surveys and what is said in public."""

from __future__ import annotations

import pandera.pandas as pa

from loyaltylab.tables.columns import (
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    SHARE,
    TEXT,
    TIMESTAMP,
    category_column,
    column,
    describe_table,
    id_column,
    optional_column,
    time_column,
)

SEVEN_POINTS = pa.Check.in_range(1, 7, error="must lie between 1 and 7")

OFFERS = describe_table(
    "offers",
    "one offer of better terms to a customer",
    {
        "offer_id": id_column("The offer."),
        "customer_id": id_column("To whom it was made."),
        "offered_at": time_column("When it was made."),
        "kind": category_column(
            ("save", "win_back"), "Made to a customer who asked to leave, or who had left."
        ),
        "discount_share": optional_column(
            NUMBER, "Share of the price taken off.", SHARE, unit="share"
        ),
        "ends_at": optional_column(
            TIMESTAMP, "When the discount, or the offer of it, ends.", unit="UTC time"
        ),
        "is_accepted": optional_column(FLAG, "Whether it was taken.", unit="yes/no"),
    },
)

RIVAL_PROMOTIONS = describe_table(
    "rival_promotions",
    "one campaign of a competitor",
    {
        "promotion_id": id_column("The campaign."),
        "starts_at": time_column("When it starts."),
        "ends_at": time_column("When it ends."),
        "rival": optional_column(TEXT, "Whose it is."),
        "discount_share": optional_column(
            NUMBER, "Share of the price the rival takes off.", SHARE, unit="share"
        ),
    },
)

PAYMENT_EVENTS = describe_table(
    "payment_events",
    "one event in how a customer pays",
    {
        "payment_event_id": id_column("The event."),
        "customer_id": id_column("Who pays."),
        "occurred_at": time_column("When it happened."),
        "kind": category_column(
            ("card_replaced", "payment_failed"),
            "The card on file was replaced, or payment failed in spite of reminders.",
        ),
    },
)

POINTS_LEDGER = describe_table(
    "points_ledger",
    "one booking of loyalty points",
    {
        "booking_id": id_column("The booking."),
        "customer_id": id_column("Whose points."),
        "booked_at": time_column("When it was booked."),
        "kind": category_column(
            ("earned", "expired", "forfeited"), "Earned, expired unused, or lost by leaving."
        ),
        "points_eur": column(
            NUMBER, "Worth of the points booked, whatever the kind.", NOT_NEGATIVE, unit="euro"
        ),
    },
)

SURVEYS = describe_table(
    "surveys",
    "one invitation to a survey, answered or not",
    {
        "survey_id": id_column("The invitation."),
        "customer_id": id_column("Who was invited."),
        "invited_at": time_column("When the invitation was sent."),
        "answered_at": time_column("When it was answered. Empty: not answered.", nullable=True),
        "satisfaction_score": optional_column(
            NUMBER, "Satisfaction, mean of its items, 7 best.", SEVEN_POINTS, unit="1 to 7"
        ),
        "affective_score": optional_column(
            NUMBER, "Affective commitment, mean of its items.", SEVEN_POINTS, unit="1 to 7"
        ),
        "calculative_score": optional_column(
            NUMBER, "Calculative commitment, mean of its items.", SEVEN_POINTS, unit="1 to 7"
        ),
    },
)

PUBLIC_POSTS = describe_table(
    "public_posts",
    "one complaint in public",
    {
        "post_id": id_column("The complaint."),
        "customer_id": id_column("Who wrote it."),
        "posted_at": time_column("When it was posted."),
        "replied_at": optional_column(
            TIMESTAMP, "First answer of the provider. Empty: none.", unit="UTC time"
        ),
        "is_reply_public": optional_column(FLAG, "Whether the answer was public.", unit="yes/no"),
        "views": optional_column(NUMBER, "Times it was seen.", NOT_NEGATIVE, unit="count"),
        "counted_at": optional_column(
            TIMESTAMP, "When views were counted; before, nobody knew them.", unit="UTC time"
        ),
    },
)
