"""One broken cell per rule: the rule, and the row, are named; everything else passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from provider_tables import make_delivery, with_cell

from loyaltylab.errors import TableError
from loyaltylab.tables.rules import (
    POINTERS,
    RULES,
    TIME_ORDER,
    Violation,
    find_disagreements,
    find_violations,
)
from loyaltylab.tables.schemas import TABLES, TIMESTAMP
from loyaltylab.tables.validation import validate

# rule, table, row of the file, column, the value that breaks it. Rows start at 2.
BROKEN: list[tuple[str, str, int, str, Any]] = [
    ("missing_value", "customers", 3, "customer_id", None),
    ("missing_value", "contracts", 5, "started_at", None),
    ("missing_value", "cancellation_journey", 3, "is_abandoned", None),
    ("missing_value", "policies", 2, "value", None),
    ("invalid_value", "contracts", 2, "signup_channel", "pigeon"),
    ("invalid_value", "requests", 2, "outcome", "maybe"),
    ("invalid_value", "contracts", 3, "price_eur", -0.01),
    ("invalid_value", "contacts", 2, "handoffs", -1),
    ("invalid_value", "contacts", 2, "satisfaction_share", 1.01),
    ("invalid_value", "cancellation_journey", 2, "step_number", 0),
    ("orphan", "contracts", 3, "customer_id", "C9"),
    ("orphan", "exits", 2, "contract_id", "K9"),
    ("orphan", "compensations", 3, "incident_id", "I9"),
    ("orphan", "vouchers", 2, "compensation_id", "P9"),
    ("orphan", "links", 2, "neighbour_id", "C9"),
    ("wrong_owner", "exits", 2, "customer_id", "C2"),
    ("wrong_owner", "compensations", 3, "incident_id", "I1"),
    ("wrong_owner", "vouchers", 2, "compensation_id", "P2"),
    ("wrong_order", "contracts", 4, "ended_at", "2019-04-30"),
    ("wrong_order", "contacts", 2, "first_replied_at", "2020-02-29"),
    ("wrong_order", "contacts", 2, "resolved_at", "2020-02-29"),
    ("wrong_order", "requests", 2, "decided_at", "2020-03-31"),
    ("wrong_order", "vouchers", 2, "expires_at", "2020-03-04"),
    ("wrong_order", "vouchers", 2, "redeemed_at", "2020-03-04"),
    ("wrong_order", "exits", 3, "requested_at", "2020-09-01 00:00:00.000001"),
    ("wrong_order", "rival_promotions", 2, "ends_at", "2020-10-31"),
    ("after_window", "contracts", 3, "ended_at", "2021-01-01 00:00:00.000001"),
    ("after_window", "contacts", 3, "opened_at", "2021-01-02"),
    ("after_window", "incidents", 3, "occurred_at", "2021-01-02"),
    ("no_time_at_risk", "contracts", 3, "started_at", "2021-01-01"),
    ("no_time_at_risk", "contracts", 3, "ended_at", "2020-03-01"),
    ("exit_mismatch", "exits", 2, "service_end_at", "2020-06-02"),
    ("personal_value", "customers", 3, "segment", "ann@example.org"),
    ("personal_value", "policies", 2, "policy", "call +49 170 1234567"),
    ("personal_value", "policies", 2, "policy", "DE89 3704 0044 0532 0130 00"),
    ("duplicate_key", "customers", 3, "customer_id", "C1"),
    ("duplicate_key", "cancellation_journey", 3, "step_number", 1),
]


def test_the_hand_made_provider_breaks_no_rule() -> None:
    valid = validate(make_delivery())
    assert {name: len(frame) for name, frame in valid.tables.items()} == {
        "customers": 3,
        "contracts": 4,
        "contacts": 2,
        "requests": 1,
        "incidents": 2,
        "outreach": 1,
        "offers": 1,
        "compensations": 2,
        "vouchers": 1,
        "payment_events": 1,
        "points_ledger": 1,
        "surveys": 2,
        "public_posts": 1,
        "cancellation_journey": 2,
        "exits": 2,
        "policies": 1,
        "rival_promotions": 1,
        "links": 1,
    }
    assert valid.rejects.empty


@pytest.mark.parametrize(("rule", "table", "row", "column", "value"), BROKEN)
def test_a_broken_cell_stops_the_study(
    rule: str, table: str, row: int, column: str, value: Any
) -> None:
    delivery = with_cell(make_delivery(), table, row, column, value)
    with pytest.raises(TableError) as caught:
        validate(delivery)
    ours = [text for text in caught.value.problems if text.startswith(f"{table} ({table}.csv)")]
    assert any(f"rule {rule}," in text for text in ours)
    text = next(text for text in ours if f"rule {rule}," in text)
    assert f"row {row}" in text or f", {row})" in text
    assert "Fix: " in text


# Both copies of a repeated or emptied customer leave, and name what hangs on them themselves.
ALONE = [case for case in BROKEN if case[1] != "customers"]


@pytest.mark.parametrize(("rule", "table", "row", "column", "value"), ALONE)
def test_a_broken_cell_raises_no_other_alarm(
    rule: str, table: str, row: int, column: str, value: Any
) -> None:
    with pytest.raises(TableError) as caught:
        validate(with_cell(make_delivery(), table, row, column, value))
    found = {text.split("rule ")[1].split(",")[0] for text in caught.value.problems}
    # The end of a contract stands in two tables, so one changed cell can also part them.
    assert found - {rule} <= {"exit_mismatch"}


def test_both_copies_of_a_key_are_named() -> None:
    delivery = with_cell(make_delivery(), "customers", 3, "customer_id", "C1")
    [duplicate] = [
        item
        for item in find_violations(delivery_frames(delivery), window_end_at=window_end(delivery))
        if item.rule == "duplicate_key"
    ]
    assert duplicate.rows == (2, 3)


def test_no_rule_counts_a_missing_time() -> None:
    delivery = make_delivery()
    found = find_violations(delivery_frames(delivery), window_end_at=window_end(delivery))
    assert found == []


def test_a_time_at_the_end_of_the_window_is_within() -> None:
    delivery = with_cell(make_delivery(), "contracts", 3, "ended_at", "2021-01-01")
    assert len(validate(delivery).tables["contracts"]) == 4


def test_agreements_may_lie_ahead_of_the_window() -> None:
    delivery = with_cell(make_delivery(), "contracts", 3, "term_ends_at", "2029-01-01")
    delivery = with_cell(delivery, "policies", 2, "effective_at", "2029-01-01")
    assert validate(delivery).rejects.empty


def test_an_exit_of_a_running_contract_is_a_mismatch() -> None:
    delivery = with_cell(make_delivery(), "contracts", 4, "ended_at", None)
    with pytest.raises(TableError, match="rule exit_mismatch, 1 row"):
        validate(delivery)


def test_no_time_at_risk_is_judged_within_the_window() -> None:
    # It starts at the end of the window and ends later: nothing of it can be observed.
    delivery = with_cell(make_delivery(), "contracts", 3, "started_at", "2021-01-01")
    delivery = with_cell(delivery, "contracts", 3, "ended_at", "2021-02-01")
    found = find_violations(delivery_frames(delivery), window_end_at=window_end(delivery))
    assert [(item.rule, item.rows) for item in found] == [
        ("after_window", (3,)),
        ("no_time_at_risk", (3,)),
    ]


def test_a_row_that_points_to_a_repeated_key_has_no_wrong_owner() -> None:
    # Both incidents are I1, one of C1 and one of C2: whose I1 is cannot be told.
    delivery = with_cell(make_delivery(), "incidents", 3, "incident_id", "I1")
    delivery = with_cell(delivery, "compensations", 3, "incident_id", "I1")
    assert find_disagreements(delivery_frames(delivery)) == []
    found = find_violations(delivery_frames(delivery), window_end_at=window_end(delivery))
    assert [(item.rule, item.table) for item in found] == [("duplicate_key", "incidents")]


def test_a_row_that_points_to_an_absent_row_disagrees_with_nobody() -> None:
    delivery = with_cell(make_delivery(), "incidents", 2, "incident_id", "I8")
    delivery = with_cell(delivery, "incidents", 3, "incident_id", "I9")
    assert find_disagreements(delivery_frames(delivery)) == []


def test_missing_keys_are_not_repeated_keys() -> None:
    delivery = with_cell(make_delivery(), "contacts", 2, "contact_id", None)
    delivery = with_cell(delivery, "contacts", 3, "contact_id", None)
    found = find_violations(delivery_frames(delivery), window_end_at=window_end(delivery))
    assert found == []


def test_an_exit_is_not_blamed_for_the_unread_end_of_its_contract() -> None:
    delivery = with_cell(make_delivery(), "contracts", 4, "ended_at", None)
    unread = Violation("contracts", "unreadable_value", "ended_at", (4,), "it is a time", "mend")
    with pytest.raises(TableError) as caught:
        validate(replace(delivery, violations=(unread,)))
    assert len(caught.value.problems) == 1


def test_an_attribute_named_like_a_time_is_no_time() -> None:
    delivery = make_delivery()
    frame = delivery.frames["customers"].assign(
        attribute_met_at=pd.array(["at home", "9999", None], dtype="string")
    )
    delivery = replace(delivery, frames={**delivery.frames, "customers": frame})
    assert validate(delivery).rejects.empty


def test_an_identifier_in_a_text_is_found_if_no_category_looks_like_it() -> None:
    delivery = make_delivery()
    for number, found in (("C-000017", ["personal_value"]), ("17", [])):
        frames = {
            name: frame.replace({"C1": number}).assign(
                **({"segment": pd.array([number] * len(frame), "string")})
                if name == "customers"
                else {}
            )
            for name, frame in delivery_frames(delivery).items()
        }
        violations = find_violations(frames, window_end_at=window_end(delivery))
        assert [one.rule for one in violations] == found


def test_rules_name_columns_that_exist() -> None:
    for table, earlier, later in TIME_ORDER:
        columns = TABLES[table].schema.columns
        assert columns[earlier].metadata["dtype"] == columns[later].metadata["dtype"] == TIMESTAMP
    for table, column, parent, parent_column in POINTERS:
        assert column in TABLES[table].schema.columns
        assert TABLES[parent].key == (parent_column,)


# Rules of reading a file; tests/sources breaks them.
OF_READING = {
    "unreadable_value",
    "mixed_date_order",
    "unclear_local_time",
    "repeated_row",
    "unmatched_key",
}


def test_every_rule_is_broken_here_but_those_of_reading() -> None:
    assert {case[0] for case in BROKEN} == set(RULES) - OF_READING


def test_a_value_the_source_could_not_read_is_not_also_missing() -> None:
    delivery = with_cell(make_delivery(), "contracts", 5, "started_at", None)
    unread = Violation("contracts", "unreadable_value", "started_at", (5,), "it is a time", "mend")
    delivery = replace(delivery, violations=(unread,))
    with pytest.raises(TableError) as caught:
        validate(delivery)
    assert len(caught.value.problems) == 1
    kept = validate(replace(delivery, set_aside=("unreadable_value",)))
    assert kept.rejects[["table", "row", "rule"]].to_numpy().tolist() == [
        ["contracts", 5, "unreadable_value"]
    ]


def delivery_frames(delivery: Any) -> dict[str, pd.DataFrame]:
    """Frames with every column of their schemas, as the rules expect them."""
    frames = {}
    for name, frame in delivery.frames.items():
        columns = TABLES[name].schema.columns
        absent = {
            column: pd.Series(index=frame.index, dtype=spec.metadata["dtype"])
            for column, spec in columns.items()
            if column not in frame and not spec.regex
        }
        frames[name] = frame.assign(**absent)
    return frames


def window_end(delivery: Any) -> pd.Timestamp:
    return delivery.description.window_end_at
