"""Dirt of real exports, case by case: a counted fate, or one clear error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from provider_tables import CELLS, WINDOW_END, WINDOW_START, make_delivery, with_cell, with_column

from loyaltylab.errors import TableError
from loyaltylab.measures import CARRIED, all_jumps
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.validation import ValidTables, validate
from loyaltylab.timeline import Spells, build_spells, split_at_jumps

WINDOW = {"window_start_at": WINDOW_START, "window_end_at": WINDOW_END}


def the_error(delivery: Delivery) -> str:
    """The one problem found."""
    with pytest.raises(TableError) as caught:
        validate(delivery)
    [problem] = caught.value.problems
    return problem


def set_aside(delivery: Delivery, rule: str) -> ValidTables:
    return validate(replace(delivery, set_aside=(rule,)))


def spells_of(valid: ValidTables) -> Spells:
    tables = valid.tables
    return build_spells(tables["customers"], tables["contracts"], tables["exits"], **WINDOW)


def changed(table: str, **columns: list[Any]) -> Delivery:
    return make_delivery({**CELLS, table: {**CELLS[table], **columns}})


def test_a_negative_duration_is_named_or_counted() -> None:
    delivery = with_cell(make_delivery(), "contracts", 3, "ended_at", "2020-02-01")
    assert "contracts (contracts.csv): rule wrong_order, 1 row (row 3)" in the_error(delivery)
    audit = set_aside(delivery, "wrong_order").audit["contracts"]
    assert audit["set_aside_by_rule"] == {"wrong_order": 1}


def test_contacts_before_sign_up_and_after_the_end_count_for_nothing_and_are_counted() -> None:
    # C3 is a customer from 2019-05-01 to 2020-09-01; C1 from 2020-02-01.
    delivery = changed("contacts", opened_at=["2020-01-15", "2020-10-01"])
    valid = validate(delivery)
    assert len(valid.tables["contacts"]) == 2
    spells = spells_of(valid).frame
    jumps = all_jumps(valid.tables, memory_days=30.0)
    rows = split_at_jumps(spells, jumps, carried=CARRIED)
    fates = rows.audit.loc["recent_contacts"]
    # Each contact is remembered and, after 30 days, forgotten: two jumps with the same fate.
    assert fates[fates > 0].to_dict() == {"after_exit": 2, "before_first_spell": 2, "total": 4}
    assert (rows.frame["recent_contacts"] == 0).all()


def test_cancelled_without_an_end_date_is_one_clear_error() -> None:
    # The exit says when service ended; its contract still runs.
    delivery = with_cell(make_delivery(), "contracts", 4, "ended_at", None)
    assert "exits (exits.csv): rule exit_mismatch, 1 row (row 3)" in the_error(delivery)
    delivery = with_cell(make_delivery(), "exits", 3, "service_end_at", None)
    with pytest.raises(TableError, match="rule missing_value, 1 row"):
        validate(delivery)


def test_overlapping_contracts_are_one_life_and_are_counted() -> None:
    delivery = with_cell(make_delivery(), "contracts", 5, "started_at", "2020-05-01")
    spells = spells_of(validate(delivery))
    assert spells.audit["contracts_overlapping"] == 1
    first = spells.frame[spells.frame["customer_id"] == "C1"]
    assert len(first) == 1
    # From 2020-02-01 to 2021-01-01, each day once: 29+31+30+31+30+31+31+30+31+30+31 days.
    assert float(first["stop_days"].iloc[0]) == 335.0


def test_a_customer_who_comes_back_has_a_second_life() -> None:
    # C1 left on 2020-06-01 and is back on 2020-07-01.
    spells = spells_of(validate(make_delivery()))
    mine = spells.frame[spells.frame["customer_id"] == "C1"]
    assert mine["spell_number"].tolist() == [1, 2]
    assert mine["event"].tolist() == [True, False]


def test_a_voucher_redeemed_before_its_issue_is_named_or_counted() -> None:
    delivery = with_cell(make_delivery(), "vouchers", 2, "redeemed_at", "2020-03-04")
    assert "redeemed_at is not before issued_at" in the_error(delivery)
    audit = set_aside(delivery, "wrong_order").audit["vouchers"]
    assert audit["set_aside_by_rule"] == {"wrong_order": 1}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("contacts", "satisfaction_share", 4.0), ("surveys", "satisfaction_score", 9.0)],
)
def test_a_rating_outside_its_scale_is_named(table: str, column: str, value: float) -> None:
    problem = the_error(with_cell(make_delivery(), table, 2, column, value))
    assert "rule invalid_value, 1 row (row 2)" in problem
    assert "must lie between" in problem


@pytest.mark.parametrize(
    ("table", "row", "column"),
    [("contacts", 3, "opened_at"), ("incidents", 2, "occurred_at"), ("outreach", 2, "sent_at")],
)
def test_a_date_after_the_extract_is_named(table: str, row: int, column: str) -> None:
    problem = the_error(with_cell(make_delivery(), table, row, column, "2031-01-01"))
    assert f"{table} ({table}.csv): rule after_window, 1 row (row {row})" in problem


def test_the_same_export_appended_twice_is_named_with_every_copy() -> None:
    twice = {name: [*values, *values] for name, values in CELLS["contacts"].items()}
    delivery = make_delivery({**CELLS, "contacts": twice})
    assert "rule duplicate_key, 4 rows (row 2, 3, 4, 5)" in the_error(delivery)
    valid = set_aside(delivery, "duplicate_key")
    assert valid.audit["contacts"]["rows_set_aside"] == 4


def test_a_minimum_term_that_ends_before_the_contract_starts_is_named() -> None:
    delivery = with_cell(make_delivery(), "contracts", 2, "term_ends_at", "2020-01-31")
    assert "term_ends_at is not before started_at" in the_error(delivery)


def test_observation_that_ends_before_it_begins_is_named() -> None:
    delivery = make_delivery()
    rows = delivery.frames["customers"].index
    for column, day in (("observed_from_at", "2020-06-01"), ("observed_until_at", "2020-05-01")):
        times = pd.Series(pd.Timestamp(day, tz="UTC"), index=rows).astype("datetime64[us, UTC]")
        delivery = with_column(delivery, "customers", column, times)
    problem = the_error(delivery)
    assert "customers (customers.csv): rule wrong_order, 3 rows" in problem
