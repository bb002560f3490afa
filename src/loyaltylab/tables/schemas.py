"""What the data mean: one schema per table, with the unit and meaning of every column.

``data/README.md`` is generated from this file (``loyaltylab dictionary``), so a column is
described once. Times ending in ``_at`` are UTC timestamps with microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandera.pandas as pa

TIMESTAMP = "datetime64[us, UTC]"
TEXT = "string"
NUMBER = "float64"
COUNT = "Int64"
FLAG = "boolean"
TYPE_WORDS = {
    TIMESTAMP: "time",
    TEXT: "text",
    NUMBER: "number",
    COUNT: "whole number",
    FLAG: "yes/no",
}

EXIT_CAUSES = ("service", "price_competitor", "life_event", "payment_failure", "unknown")
VOLUNTARY_CAUSES = ("service", "price_competitor")
CHANNELS = ("web", "phone", "email", "chat", "post", "shop", "bot", "other")
ATTRIBUTE_PREFIX = "attribute_"


@dataclass(frozen=True)
class TableSchema:
    """One table: what a row is, its key, its columns, and the table its rows point to.

    Attributes
    ----------
    name : str
        Table name, also the name of its Parquet file.
    row_is : str
        What one row stands for.
    key : tuple of str
        Columns that together identify a row.
    schema : pandera.DataFrameSchema
        Columns with type, meaning, unit and rules.
    is_required : bool
        True for the two tables without which there is no study.
    """

    name: str
    row_is: str
    key: tuple[str, ...]
    schema: pa.DataFrameSchema
    is_required: bool = False


def _column(
    dtype: str,
    meaning: str,
    *checks: pa.Check,
    unit: str = "",
    nullable: bool = False,
    required: bool = True,
) -> pa.Column:
    return pa.Column(
        dtype,
        checks=list(checks),
        nullable=nullable,
        required=required,
        description=meaning,
        metadata={"unit": unit, "dtype": dtype},
    )


def _id(meaning: str) -> pa.Column:
    return _column(TEXT, meaning, unit="pseudonym")


def _at(meaning: str, *, nullable: bool = False, required: bool = True) -> pa.Column:
    return _column(TIMESTAMP, meaning, unit="UTC time", nullable=nullable, required=required)


def _one_of(values: tuple[str, ...], meaning: str, *, nullable: bool = False) -> pa.Column:
    rule = pa.Check.isin(values, error=f"must be one of {', '.join(values)}")
    return _column(TEXT, meaning, rule, unit="category", nullable=nullable, required=not nullable)


def _optional(
    dtype: str, meaning: str, *checks: pa.Check, unit: str = "", nullable: bool = True
) -> pa.Column:
    return _column(dtype, meaning, *checks, unit=unit, nullable=nullable, required=False)


NOT_NEGATIVE = pa.Check.ge(0, error="must not be negative")
SHARE = pa.Check.in_range(0, 1, error="must lie between 0 and 1")


def _table(
    name: str,
    row_is: str,
    columns: dict[str, Any],
    *,
    key: tuple[str, ...] | None = None,
    is_required: bool = False,
) -> TableSchema:
    key = key or (next(iter(columns)),)
    schema = pa.DataFrameSchema(
        columns, name=name, strict=True, ordered=False, description=row_is, unique=list(key)
    )
    return TableSchema(name, row_is, key, schema, is_required)


CUSTOMERS = _table(
    "customers",
    "one customer",
    {
        "customer_id": _id("The customer, pseudonymised at the door."),
        "observed_from_at": _optional(
            TIMESTAMP,
            "When the customer came under observation. Empty: at the start of the study window, "
            "or at sign-up if that is later.",
            unit="UTC time",
        ),
        "segment": _optional(TEXT, "Consumer, business, or the provider's own grouping."),
        "site": _optional(TEXT, "Branch, region or service team that looks after the customer."),
        rf"^{ATTRIBUTE_PREFIX}.+$": pa.Column(
            required=False,
            nullable=True,
            regex=True,
            description="Any further attribute a mapping declares, with when it was known.",
            metadata={"unit": "as declared", "dtype": None},
        ),
    },
    is_required=True,
)

CONTRACTS = _table(
    "contracts",
    "one contract of a customer, from start to end",
    {
        "contract_id": _id("The contract."),
        "customer_id": _id("Whose contract it is."),
        "started_at": _at("When service under this contract began."),
        "ended_at": _at("When service ended. Empty: still running.", nullable=True),
        "term_ends_at": _optional(
            TIMESTAMP, "End of the minimum term; leaving before it is barred.", unit="UTC time"
        ),
        "notice_days": _optional(
            NUMBER, "Notice the customer must give.", NOT_NEGATIVE, unit="days"
        ),
        "price_eur": _optional(NUMBER, "Price per month.", NOT_NEGATIVE, unit="euro per month"),
        "signup_channel": _one_of(CHANNELS, "How the customer signed up.", nullable=True),
    },
    is_required=True,
)

CONTACTS = _table(
    "contacts",
    "one contact or ticket, in any channel",
    {
        "contact_id": _id("The contact."),
        "customer_id": _id("Who made contact."),
        "opened_at": _at("When the customer made contact."),
        "first_replied_at": _optional(
            TIMESTAMP, "First answer by a person. Empty: none yet.", unit="UTC time"
        ),
        "resolved_at": _optional(
            TIMESTAMP, "When it was solved. Empty: never, in the data.", unit="UTC time"
        ),
        "channel": _one_of(CHANNELS, "Channel of the first message.", nullable=True),
        "topic": _optional(TEXT, "What it was about; no free text of the customer."),
        "wait_minutes": _optional(
            NUMBER, "Minutes the customer waited for a person.", NOT_NEGATIVE, unit="minutes"
        ),
        "handoffs": _optional(
            COUNT,
            "Times the case changed department (groups minus one).",
            NOT_NEGATIVE,
            unit="count",
        ),
        "reopens": _optional(COUNT, "Times it was reopened.", NOT_NEGATIVE, unit="count"),
        "promise_due_at": _optional(TIMESTAMP, "When something promised was due.", unit="UTC time"),
        "is_promise_kept": _optional(FLAG, "Whether the promise was kept by then.", unit="yes/no"),
        "satisfaction_share": _optional(
            NUMBER,
            "Rating given afterwards, rescaled: 0 worst, 1 best. Empty: not rated.",
            SHARE,
            unit="share",
        ),
    },
)

REQUESTS = _table(
    "requests",
    "one ordinary request, granted or denied",
    {
        "request_id": _id("The request."),
        "customer_id": _id("Who asked."),
        "requested_at": _at("When it was asked."),
        "decided_at": _at("When the answer was given. Empty: undecided.", nullable=True),
        "outcome": _one_of(
            ("granted", "denied", "denied_with_alternative", "open"), "What was answered."
        ),
        "request_type": _optional(TEXT, "What was asked for, as a category."),
        "denial_reason": _one_of(
            ("legal", "technical", "policy", "discretion"), "Why it was denied.", nullable=True
        ),
    },
)

INCIDENTS = _table(
    "incidents",
    "one failure of the service that reached a customer",
    {
        "incident_id": _id("The incident."),
        "customer_id": _id("Whom it hit."),
        "occurred_at": _at("When it began, or when notice of a cancelled service was given."),
        "kind": _one_of(
            ("failure", "provider_cancelled"),
            "A failure of the service, or a service the provider cancelled.",
        ),
        "severity": _optional(
            NUMBER, "How bad, on the provider's scale.", NOT_NEGATIVE, unit="scale"
        ),
    },
)

OUTREACH = _table(
    "outreach",
    "one message the provider sent without being asked",
    {
        "outreach_id": _id("The message."),
        "customer_id": _id("Who received it."),
        "sent_at": _at("When it was sent."),
        "kind": _one_of(
            ("promotion", "proactive_message", "rescue", "save_offer", "win_back_offer", "mailing"),
            "What kind of message.",
        ),
        "is_accepted": _optional(
            FLAG, "Whether the customer accepted an offer in it.", unit="yes/no"
        ),
    },
)

COMPENSATIONS = _table(
    "compensations",
    "one compensation offered after an incident",
    {
        "compensation_id": _id("The compensation."),
        "customer_id": _id("To whom it was offered."),
        "incident_id": _id("For which incident."),
        "offered_at": _at("When it was offered."),
        "offered": _one_of(
            ("refund", "voucher", "choice", "none"), "What the provider offered (its policy)."
        ),
        "received": _one_of(
            ("refund", "voucher", "none"), "What the customer ended up with.", nullable=True
        ),
        "amount_eur": _optional(NUMBER, "Worth of the compensation.", NOT_NEGATIVE, unit="euro"),
    },
)

VOUCHERS = _table(
    "vouchers",
    "one voucher, from issue to its end",
    {
        "voucher_id": _id("The voucher."),
        "customer_id": _id("Who holds it."),
        "compensation_id": _id("The compensation it was issued for."),
        "issued_at": _at("When it was issued."),
        "expires_at": _at("When it expires."),
        "redeemed_at": _at("When it was used. Empty: not used.", nullable=True),
        "refunded_at": _optional(
            TIMESTAMP, "When it was paid out instead. Empty: not paid out.", unit="UTC time"
        ),
        "amount_eur": _optional(NUMBER, "Face value.", NOT_NEGATIVE, unit="euro"),
    },
)

CANCELLATION_JOURNEY = _table(
    "cancellation_journey",
    "one step of an attempt to cancel, abandoned attempts included",
    {
        "attempt_id": _id("The attempt."),
        "customer_id": _id("Who tried to cancel."),
        "step_number": _column(
            COUNT, "Place of the step in the attempt, from 1.", pa.Check.ge(1, error="starts at 1")
        ),
        "stepped_at": _at("When the step began."),
        "step": _one_of(
            ("looked_up", "contacted", "waited", "desk", "requested", "abandoned"),
            "What happened at this step.",
        ),
        "channel": _one_of(CHANNELS, "Channel of the step."),
        "wait_minutes": _optional(
            NUMBER, "Minutes waited in this step.", NOT_NEGATIVE, unit="minutes"
        ),
        "is_abandoned": _column(FLAG, "Whether the customer gave up at this step.", unit="yes/no"),
        "desk": _one_of(
            ("none", "reactive", "integrated", "obstructive"),
            "Which retention desk took the request, if any.",
            nullable=True,
        ),
    },
    key=("attempt_id", "step_number"),
)

EXITS = _table(
    "exits",
    "one ending of a contract, with its dates and causes",
    {
        "contract_id": _id("The contract that ended."),
        "customer_id": _id("Whose contract it was."),
        "requested_at": _at("When the customer asked to end it. Empty: no request.", nullable=True),
        "service_end_at": _at("When service ended."),
        "cause_stated": _one_of(EXIT_CAUSES, "The reason given by the customer."),
        "cause_verified": _one_of(
            EXIT_CAUSES, "The reason after checking. Empty: not checked.", nullable=True
        ),
    },
)

POLICIES = _table(
    "policies",
    "one change of a rule: what changed, for whom, and when",
    {
        "policy_id": _id("The change."),
        "policy": _column(TEXT, "Which rule, e.g. cancellation_friction.", unit="category"),
        "segment": _optional(TEXT, "The segment it applies to. Empty: every segment."),
        "site": _optional(TEXT, "The site it applies to. Empty: every site."),
        "value": _column(NUMBER, "The rule's value from then on.", unit="of the rule"),
        "effective_at": _at("When it took effect."),
        "announced_at": _optional(TIMESTAMP, "When it was announced.", unit="UTC time"),
    },
)

LINKS = _table(
    "links",
    "one tie between two customers",
    {
        "customer_id": _id("The customer."),
        "neighbour_id": _id("A customer tied to them."),
        "kind": _optional(TEXT, "What ties them, e.g. household or referral."),
    },
    key=("customer_id", "neighbour_id"),
)

TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        CUSTOMERS,
        CONTRACTS,
        CONTACTS,
        REQUESTS,
        INCIDENTS,
        OUTREACH,
        COMPENSATIONS,
        VOUCHERS,
        CANCELLATION_JOURNEY,
        EXITS,
        POLICIES,
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
    "compensation_id",
    "voucher_id",
    "attempt_id",
    "policy_id",
)
