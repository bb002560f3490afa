"""A provider of three customers, by hand: every table, every rule kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from loyaltylab.tables.delivery import Delivery, SourceDescription
from loyaltylab.tables.schemas import TABLES, TEXT

WINDOW_START = pd.Timestamp("2020-01-01", tz="UTC").as_unit("us")
WINDOW_END = pd.Timestamp("2021-01-01", tz="UTC").as_unit("us")
FIRST_ROW = 2  # as in a file whose first row is the header

CELLS: dict[str, dict[str, list[Any]]] = {
    "customers": {
        "customer_id": ["C1", "C2", "C3"],
        "segment": ["consumer", "business", None],
        "attribute_size": ["small", None, "large"],
    },
    "contracts": {
        "contract_id": ["K1", "K2", "K3", "K4"],
        "customer_id": ["C1", "C2", "C3", "C1"],
        "started_at": ["2020-02-01", "2020-03-01", "2019-05-01", "2020-07-01"],
        "ended_at": ["2020-06-01", None, "2020-09-01", None],
        "term_ends_at": ["2021-02-01", None, None, None],
        "price_eur": [10.0, 20.0, None, 0.0],
        "signup_channel": ["web", None, "shop", "phone"],
    },
    "contacts": {
        "contact_id": ["T1", "T2"],
        "customer_id": ["C1", "C3"],
        "opened_at": ["2020-03-01", "2020-08-01"],
        "first_replied_at": ["2020-03-02", None],
        "resolved_at": ["2020-03-03", None],
        "handoffs": [2, None],
        "satisfaction_share": [0.5, None],
        "is_promise_kept": [True, None],
    },
    "requests": {
        "request_id": ["R1"],
        "customer_id": ["C2"],
        "requested_at": ["2020-04-01"],
        "decided_at": ["2020-04-02"],
        "outcome": ["denied"],
    },
    "incidents": {
        "incident_id": ["I1", "I2"],
        "customer_id": ["C1", "C2"],
        "occurred_at": ["2020-03-01", "2020-05-01"],
        "kind": ["failure", "provider_cancelled"],
    },
    "outreach": {
        "outreach_id": ["O1"],
        "customer_id": ["C3"],
        "sent_at": ["2020-06-01"],
        "kind": ["promotion"],
    },
    "offers": {
        "offer_id": ["F1"],
        "customer_id": ["C3"],
        "offered_at": ["2020-08-02"],
        "kind": ["save"],
        "discount_share": [0.2],
        "ends_at": ["2021-02-02"],
        "is_accepted": [False],
    },
    "compensations": {
        "compensation_id": ["P1", "P2"],
        "customer_id": ["C1", "C2"],
        "incident_id": ["I1", "I2"],
        "offered_at": ["2020-03-05", "2020-05-05"],
        "offered": ["voucher", "refund"],
    },
    "vouchers": {
        "voucher_id": ["V1"],
        "customer_id": ["C1"],
        "compensation_id": ["P1"],
        "issued_at": ["2020-03-05"],
        "expires_at": ["2021-03-05"],
        "redeemed_at": ["2020-10-01"],
    },
    "payment_events": {
        "payment_event_id": ["M1"],
        "customer_id": ["C2"],
        "occurred_at": ["2020-09-01"],
        "kind": ["card_replaced"],
    },
    "points_ledger": {
        "booking_id": ["B1"],
        "customer_id": ["C1"],
        "booked_at": ["2020-05-01"],
        "kind": ["earned"],
        "points_eur": [0.3],
    },
    "surveys": {
        "survey_id": ["S1", "S2"],
        "customer_id": ["C1", "C2"],
        "invited_at": ["2020-04-01", "2020-04-01"],
        "answered_at": ["2020-04-05", None],
        "satisfaction_score": [5.25, None],
    },
    "public_posts": {
        "post_id": ["U1"],
        "customer_id": ["C3"],
        "posted_at": ["2020-07-01"],
        "replied_at": ["2020-07-02"],
        "is_reply_public": [True],
        "views": [12.0],
        "counted_at": ["2020-07-08"],
    },
    "cancellation_journey": {
        "attempt_id": ["A1", "A1"],
        "customer_id": ["C3", "C3"],
        "step_number": [1, 2],
        "stepped_at": ["2020-08-01", "2020-08-02"],
        "step": ["looked_up", "requested"],
        "channel": ["web", "web"],
        "is_abandoned": [False, False],
    },
    "exits": {
        "contract_id": ["K1", "K3"],
        "customer_id": ["C1", "C3"],
        "requested_at": [None, "2020-08-02"],
        "service_end_at": ["2020-06-01", "2020-09-01"],
        "cause_stated": ["life_event", "service"],
    },
    "policies": {
        "policy_id": ["Y1"],
        "policy": ["cancellation_friction"],
        "value": [0.5],
        "effective_at": ["2020-01-01"],
    },
    "rival_promotions": {
        "promotion_id": ["N1"],
        "starts_at": ["2020-11-01"],
        "ends_at": ["2020-12-01"],
    },
    "links": {"customer_id": ["C1"], "neighbour_id": ["C2"]},
}
DESCRIPTION = SourceDescription(
    kind="delimited",
    label="three customers",
    is_synthetic=False,
    window_start_at=WINDOW_START,
    window_end_at=WINDOW_END,
    data_hash="0" * 64,
    attributes={"attribute_size": "size of the household; known at sign-up"},
    attributes_not_for_models=("attribute_size",),
    notes=("made by hand",),
)


def make_frame(table: str, cells: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Cells in the types of the schema, indexed by row number."""
    schema = TABLES[table].schema.columns
    columns = {}
    for name, values in cells.items():
        dtype = schema[name].metadata["dtype"] if name in schema else TEXT
        if dtype.startswith("datetime"):
            columns[name] = pd.Series(pd.to_datetime(list(values), utc=True)).astype(dtype)
        else:
            columns[name] = pd.Series(list(values), dtype=dtype)
    frame = pd.DataFrame(columns)
    frame.index = pd.RangeIndex(FIRST_ROW, FIRST_ROW + len(frame))
    return frame


def make_delivery(
    cells: Mapping[str, Mapping[str, Sequence[Any]]] = CELLS, *, set_aside: tuple[str, ...] = ()
) -> Delivery:
    """All of ``cells`` as one delivery; every table from a file of its own name."""
    frames = {name: make_frame(name, columns) for name, columns in cells.items()}
    return Delivery(DESCRIPTION, frames, {name: f"{name}.csv" for name in frames}, set_aside)


def with_cell(delivery: Delivery, table: str, row: int, column: str, value: Any) -> Delivery:
    """The delivery with one cell changed; the type of the column stays."""
    frame = delivery.frames[table].copy()
    if str(frame[column].dtype).startswith("datetime") and value is not None:
        value = pd.Timestamp(value, tz="UTC")
    frame.loc[row, column] = value
    return replace(delivery, frames={**delivery.frames, table: frame})


def with_column(delivery: Delivery, table: str, column: str, values: Any) -> Delivery:
    """The delivery with a column put in, whatever its type."""
    frame = delivery.frames[table].assign(**{column: values})
    return replace(delivery, frames={**delivery.frames, table: frame})


def without_column(delivery: Delivery, table: str, column: str) -> Delivery:
    """The delivery without a column."""
    frame = delivery.frames[table].drop(columns=column)
    return replace(delivery, frames={**delivery.frames, table: frame})
