"""Tables about service: what went wrong, what was asked, answered and offered."""

from __future__ import annotations

from loyaltylab.tables.columns import (
    CHANNELS,
    COUNT,
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    SHARE,
    TEXT,
    TIMESTAMP,
    category_column,
    describe_table,
    id_column,
    optional_column,
    time_column,
)

CONTACTS = describe_table(
    "contacts",
    "one contact or ticket, in any channel",
    {
        "contact_id": id_column("The contact."),
        "customer_id": id_column("Who made contact."),
        "opened_at": time_column("When the customer made contact."),
        "first_replied_at": optional_column(
            TIMESTAMP, "First answer by a person. Empty: none yet.", unit="UTC time"
        ),
        "resolved_at": optional_column(
            TIMESTAMP, "When it was solved. Empty: never, in the data.", unit="UTC time"
        ),
        "channel": category_column(CHANNELS, "Channel of the first message.", nullable=True),
        "topic": optional_column(TEXT, "What it was about; no free text of the customer."),
        "wait_minutes": optional_column(
            NUMBER, "Minutes the customer waited for a person.", NOT_NEGATIVE, unit="minutes"
        ),
        "handoffs": optional_column(
            COUNT,
            "Times the case changed department (groups minus one).",
            NOT_NEGATIVE,
            unit="count",
        ),
        "reopens": optional_column(COUNT, "Times it was reopened.", NOT_NEGATIVE, unit="count"),
        "promise_due_at": optional_column(
            TIMESTAMP, "When something promised was due.", unit="UTC time"
        ),
        "is_promise_kept": optional_column(
            FLAG, "Whether the promise was kept, known when it was due.", unit="yes/no"
        ),
        "satisfaction_share": optional_column(
            NUMBER,
            "Rating given afterwards, rescaled: 0 worst, 1 best. Empty: not rated.",
            SHARE,
            unit="share",
        ),
        "rated_at": optional_column(TIMESTAMP, "When the rating came in.", unit="UTC time"),
        "announced_wait_minutes": optional_column(
            NUMBER, "Wait announced to the customer. Empty: none.", NOT_NEGATIVE, unit="minutes"
        ),
        "agent": optional_column(
            TEXT, "Who handled it first, as a number within the provider.", unit="pseudonym"
        ),
    },
)

REQUESTS = describe_table(
    "requests",
    "one ordinary request, granted or denied",
    {
        "request_id": id_column("The request."),
        "customer_id": id_column("Who asked."),
        "requested_at": time_column("When it was asked."),
        "decided_at": time_column("When the answer was given. Empty: undecided.", nullable=True),
        "outcome": category_column(
            ("granted", "denied", "denied_with_alternative", "open"), "What was answered."
        ),
        "request_type": optional_column(TEXT, "What was asked for, as a category."),
        "denial_reason": category_column(
            ("legal", "technical", "policy", "discretion"), "Why it was denied.", nullable=True
        ),
    },
)

INCIDENTS = describe_table(
    "incidents",
    "one failure of the service that reached a customer",
    {
        "incident_id": id_column("The incident."),
        "customer_id": id_column("Whom it hit."),
        "occurred_at": time_column(
            "When it began, or when notice of a cancelled service was given."
        ),
        "kind": category_column(
            ("failure", "provider_cancelled"),
            "A failure of the service, or a service the provider cancelled.",
        ),
        "severity": optional_column(
            NUMBER, "How bad, on the provider's scale.", NOT_NEGATIVE, unit="scale"
        ),
    },
)

OUTREACH = describe_table(
    "outreach",
    "one message the provider sent without being asked",
    {
        "outreach_id": id_column("The message."),
        "customer_id": id_column("Who received it."),
        "sent_at": time_column("When it was sent."),
        "kind": category_column(
            (
                "promotion",
                "proactive_message",
                "rescue",
                "remedy",
                "save_offer",
                "win_back_offer",
                "mailing",
            ),
            "What kind of message.",
        ),
        "is_accepted": optional_column(
            FLAG, "Whether the customer accepted an offer in it.", unit="yes/no"
        ),
    },
)

COMPENSATIONS = describe_table(
    "compensations",
    "one compensation offered after an incident",
    {
        "compensation_id": id_column("The compensation."),
        "customer_id": id_column("To whom it was offered."),
        "incident_id": id_column("For which incident."),
        "offered_at": time_column("When it was offered."),
        "offered": category_column(
            ("refund", "voucher", "choice", "none"), "What the provider offered (its policy)."
        ),
        "received": category_column(
            ("refund", "voucher", "none"), "What the customer ended up with.", nullable=True
        ),
        "amount_eur": optional_column(
            NUMBER, "Worth of the compensation.", NOT_NEGATIVE, unit="euro"
        ),
    },
)

VOUCHERS = describe_table(
    "vouchers",
    "one voucher, from issue to its end",
    {
        "voucher_id": id_column("The voucher."),
        "customer_id": id_column("Who holds it."),
        "compensation_id": id_column("The compensation it was issued for."),
        "issued_at": time_column("When it was issued."),
        "expires_at": time_column("When it expires."),
        "redeemed_at": time_column("When it was used. Empty: not used.", nullable=True),
        "refunded_at": optional_column(
            TIMESTAMP, "When it was paid out instead. Empty: not paid out.", unit="UTC time"
        ),
        "amount_eur": optional_column(NUMBER, "Face value.", NOT_NEGATIVE, unit="euro"),
    },
)
