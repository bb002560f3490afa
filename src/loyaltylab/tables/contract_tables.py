"""Tables about contracts: who the customers are, how contracts end, and under which rules."""

from __future__ import annotations

import pandera.pandas as pa

from loyaltylab.tables.columns import (
    ATTRIBUTE_PREFIX,
    CHANNELS,
    COUNT,
    EXIT_CAUSES,
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    TEXT,
    TIMESTAMP,
    category_column,
    column,
    describe_table,
    id_column,
    optional_column,
    time_column,
)

CUSTOMERS = describe_table(
    "customers",
    "one customer",
    {
        "customer_id": id_column("The customer, pseudonymised at the door."),
        "observed_from_at": optional_column(
            TIMESTAMP,
            "When the customer came under observation. Empty: at the start of the study window, "
            "or at sign-up if that is later.",
            unit="UTC time",
        ),
        "observed_until_at": optional_column(
            TIMESTAMP,
            "When the customer dropped out of the records without ending. Empty: never.",
            unit="UTC time",
        ),
        "segment": optional_column(TEXT, "Consumer, business, or the provider's own grouping."),
        "site": optional_column(
            TEXT, "Branch, region or service team that looks after the customer."
        ),
        "direct_debits": optional_column(
            COUNT,
            "Bills paid through the account: what would have to be moved on leaving. A trait "
            "known from the start.",
            NOT_NEGATIVE,
            unit="count",
        ),
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

CONTRACTS = describe_table(
    "contracts",
    "one contract of a customer, from start to end",
    {
        "contract_id": id_column("The contract."),
        "customer_id": id_column("Whose contract it is."),
        "started_at": time_column("When service under this contract began."),
        "ended_at": time_column("When service ended. Empty: still running.", nullable=True),
        "term_ends_at": optional_column(
            TIMESTAMP, "End of the minimum term; leaving before it is barred.", unit="UTC time"
        ),
        "notice_days": optional_column(
            NUMBER, "Notice the customer must give.", NOT_NEGATIVE, unit="days"
        ),
        "price_eur": optional_column(
            NUMBER, "Price per month.", NOT_NEGATIVE, unit="euro per month"
        ),
        "signup_channel": category_column(CHANNELS, "How the customer signed up.", nullable=True),
    },
    is_required=True,
)

CANCELLATION_JOURNEY = describe_table(
    "cancellation_journey",
    "one step of an attempt to cancel, abandoned attempts included",
    {
        "attempt_id": id_column("The attempt."),
        "customer_id": id_column("Who tried to cancel."),
        "step_number": column(
            COUNT, "Place of the step in the attempt, from 1.", pa.Check.ge(1, error="starts at 1")
        ),
        "stepped_at": time_column("When the step began."),
        "step": category_column(
            ("looked_up", "contacted", "waited", "desk", "requested", "abandoned"),
            "What happened at this step.",
        ),
        "channel": category_column(CHANNELS, "Channel of the step."),
        "wait_minutes": optional_column(
            NUMBER, "Minutes waited in this step.", NOT_NEGATIVE, unit="minutes"
        ),
        "is_abandoned": column(FLAG, "Whether the customer gave up at this step.", unit="yes/no"),
        "desk": category_column(
            ("none", "reactive", "integrated", "obstructive"),
            "Which retention desk took the request, if any.",
            nullable=True,
        ),
    },
    key=("attempt_id", "step_number"),
)

EXITS = describe_table(
    "exits",
    "one ending of a contract, with its dates and causes",
    {
        "contract_id": id_column("The contract that ended."),
        "customer_id": id_column("Whose contract it was."),
        "requested_at": time_column(
            "When the customer asked to end it. Empty: no request.", nullable=True
        ),
        "service_end_at": time_column("When service ended."),
        "cause_stated": category_column(EXIT_CAUSES, "The reason given by the customer."),
        "cause_verified": category_column(
            EXIT_CAUSES, "The reason after checking. Empty: not checked.", nullable=True
        ),
        "verified_at": optional_column(
            TIMESTAMP,
            "When the reason was checked; before, only the stated one was known.",
            unit="UTC time",
        ),
    },
)

POLICIES = describe_table(
    "policies",
    "one change of a rule: what changed, for whom, and when",
    {
        "policy_id": id_column("The change."),
        "policy": column(TEXT, "Which rule, e.g. cancellation_friction.", unit="category"),
        "segment": optional_column(TEXT, "The segment it applies to. Empty: every segment."),
        "site": optional_column(TEXT, "The site it applies to. Empty: every site."),
        "value": column(NUMBER, "The rule's value from then on.", unit="of the rule"),
        "effective_at": time_column("When it took effect."),
        "announced_at": optional_column(TIMESTAMP, "When it was announced.", unit="UTC time"),
    },
)

LINKS = describe_table(
    "links",
    "one tie between two customers",
    {
        "customer_id": id_column("The customer."),
        "neighbour_id": id_column("A customer tied to them."),
        "kind": optional_column(TEXT, "What ties them, e.g. household or referral."),
    },
    key=("customer_id", "neighbour_id"),
)
