"""What the data mean: one schema per table, with the unit and meaning of every column.

``data/README.md`` is generated from these schemas (``loyaltylab dictionary``), so a column is
described once. Times ending in ``_at`` are UTC timestamps with microseconds.
"""

from __future__ import annotations

from loyaltylab.tables.columns import (
    ATTRIBUTE_PREFIX,
    CHANNELS,
    COUNT,
    EXIT_CAUSES,
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    SHARE,
    TEXT,
    TIMESTAMP,
    TYPE_WORDS,
    VOLUNTARY_CAUSES,
    TableSchema,
)
from loyaltylab.tables.contract_tables import (
    CANCELLATION_JOURNEY,
    CONTRACTS,
    CUSTOMERS,
    EXITS,
    LINKS,
    POLICIES,
)
from loyaltylab.tables.relation_tables import (
    OFFERS,
    PAYMENT_EVENTS,
    POINTS_LEDGER,
    PUBLIC_POSTS,
    RIVAL_PROMOTIONS,
    SURVEYS,
)
from loyaltylab.tables.service_tables import (
    COMPENSATIONS,
    CONTACTS,
    INCIDENTS,
    OUTREACH,
    REQUESTS,
    VOUCHERS,
)

__all__ = [
    "ATTRIBUTE_PREFIX",
    "CHANNELS",
    "COUNT",
    "EXIT_CAUSES",
    "FLAG",
    "ID_COLUMNS",
    "NOT_NEGATIVE",
    "NUMBER",
    "REQUIRED_TABLES",
    "SHARE",
    "TABLES",
    "TEXT",
    "TIMESTAMP",
    "TYPE_WORDS",
    "VOLUNTARY_CAUSES",
    "TableSchema",
]

TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        CUSTOMERS,
        CONTRACTS,
        CONTACTS,
        REQUESTS,
        INCIDENTS,
        OUTREACH,
        OFFERS,
        COMPENSATIONS,
        VOUCHERS,
        PAYMENT_EVENTS,
        POINTS_LEDGER,
        SURVEYS,
        PUBLIC_POSTS,
        CANCELLATION_JOURNEY,
        EXITS,
        POLICIES,
        RIVAL_PROMOTIONS,
        LINKS,
    )
}
REQUIRED_TABLES = tuple(name for name, table in TABLES.items() if table.is_required)
ID_COLUMNS = (
    "customer_id",
    "neighbour_id",
    "contract_id",
    "contact_id",
    "request_id",
    "incident_id",
    "outreach_id",
    "offer_id",
    "compensation_id",
    "voucher_id",
    "payment_event_id",
    "booking_id",
    "survey_id",
    "post_id",
    "attempt_id",
    "policy_id",
    "promotion_id",
)
