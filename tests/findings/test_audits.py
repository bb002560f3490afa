"""Audits leave without small counts, and without what these would follow from."""

from __future__ import annotations

from typing import Any

from loyaltylab.findings.audits import FATES_OF_JUMPS, PLACES_OF_JUMPS, guard_audit
from loyaltylab.findings.linked_counts import NOT_SHOWN
from loyaltylab.timeline.rows import FATES, PLACES

TABLE = {
    "rows_delivered": 1000,
    "rows_kept": 997,
    "rows_set_aside": 3,
    "set_aside_by_rule": {"wrong_order": 3},
    "columns_not_delivered": ["price_eur"],
    "missing_values": {"ended_at": 998, "notice_days": 2, "price_eur": 500},
}
SPELLS: dict[str, Any] = {
    "customers": 100,
    "customers_without_contract": 2,
    "customers_under_observation": 90,
    "customers_never_under_observation": 8,
    "endings": 60,
    "endings_used": 50,
    "endings_before_observation": 7,
    "endings_followed_by_another_contract": 3,
    "endings_of_unknown_cause": 1,
    "days_between_joined_contracts": 12.5,
    "person_days_at_risk": 9000.25,
}


def test_the_fates_are_those_of_the_timeline() -> None:
    assert set(FATES_OF_JUMPS) == set(FATES)
    assert {*PLACES_OF_JUMPS, "tied"} == set(PLACES)


def test_rows_set_aside_do_not_follow_from_those_kept() -> None:
    guarded = guard_audit("tables", {"contracts": TABLE}, min_cell=5)["contracts"]
    assert guarded["rows_set_aside"] == "<5"
    assert guarded["set_aside_by_rule"] == {"wrong_order": "<5"}
    assert (guarded["rows_delivered"], guarded["rows_kept"]) == (1000, NOT_SHOWN)
    # 998 of 1,000 empty would say that two are not.
    assert guarded["missing_values"] == {
        "ended_at": NOT_SHOWN, "notice_days": "<5", "price_eur": 500,
    }  # fmt: skip
    assert guarded["columns_not_delivered"] == ["price_eur"]
    assert TABLE["rows_kept"] == 997


def test_tables_about_no_customer_are_counted_in_full() -> None:
    assert guard_audit("tables", {"policies": TABLE}, min_cell=5)["policies"] == TABLE


def test_fates_of_customers_and_endings_are_guarded_with_their_sums() -> None:
    guarded = guard_audit("timeline", {"spells": SPELLS}, min_cell=5)["spells"]
    assert guarded == SPELLS | {
        "customers_without_contract": "<5",
        "customers_never_under_observation": NOT_SHOWN,  # 100 - 90 - 8 = 2
        "endings_before_observation": NOT_SHOWN,  # 60 - 50 - 7 = 3
        "endings_followed_by_another_contract": "<5",
        "endings_of_unknown_cause": "<5",  # how many are known is not printed
        "days_between_joined_contracts": NOT_SHOWN,
    }


def test_fates_of_changes_are_guarded_with_their_total() -> None:
    counts = dict.fromkeys(PLACES_OF_JUMPS, 0) | {
        "gap": 3, "late": 113, "within": 1952, "tied": 0, "total": 2068,
    }  # fmt: skip
    guarded = guard_audit("timeline", {"places": {"vouchers": counts}}, min_cell=5)
    assert guarded["places"]["vouchers"] == counts | {"gap": "<5", "late": NOT_SHOWN}


def test_guarding_twice_changes_nothing() -> None:
    for stage, audit in (("tables", {"contracts": TABLE}), ("timeline", {"spells": SPELLS})):
        once = guard_audit(stage, audit, min_cell=5)
        assert guard_audit(stage, once, min_cell=5) == once
