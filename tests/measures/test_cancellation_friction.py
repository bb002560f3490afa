"""Cancellation friction: attempts, the rule in force, and the reform."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from event_tables import MEMORY_DAYS, at, in_days, table

from loyaltylab.errors import NotEstimableError
from loyaltylab.measures.cancellation_friction import (
    FRICTION_POLICY,
    Reform,
    cancellation_attempts,
    cancellation_friction_jumps,
    find_reform,
)

STEPS = (
    # attempt, customer, number, day, step, channel, minutes, gave up, desk
    ("A2", "b", 1, 5.0, "looked_up", "web", None, False, None),
    ("A1", "a", 2, 10.1, "waited", "phone", 7.5, False, "none"),
    ("A1", "a", 1, 10.0, "contacted", "web", None, False, None),
    ("A1", "a", 3, 10.2, "desk", "phone", 4.0, False, "obstructive"),
    ("A1", "a", 4, 10.3, "abandoned", "phone", None, True, None),
)


def journey(steps: tuple[tuple[object, ...], ...] = STEPS) -> pd.DataFrame:
    names = ("attempt_id", "customer_id", "step_number", "stepped_at", "step", "channel")
    names += ("wait_minutes", "is_abandoned", "desk")
    return table("cancellation_journey", [dict(zip(names, step, strict=True)) for step in steps])


def people(*lines: tuple[str, str | None, str | None]) -> pd.DataFrame:
    """Lines of customer, segment, site."""
    return table(
        "customers",
        [{"customer_id": who, "segment": segment, "site": site} for who, segment, site in lines],
    )


def rules(
    *lines: tuple[float, float, str | None] | tuple[float, float, str | None, str, str | None],
):
    """Lines of day, value, segment, and optionally policy and site."""
    full = [(*line, FRICTION_POLICY, None)[:5] if len(line) == 3 else line for line in lines]
    return table(
        "policies",
        [
            {
                "policy_id": f"y{i}",
                "effective_at": day,
                "value": value,
                "segment": segment,
                "policy": policy,
                "site": site,
            }
            for i, (day, value, segment, policy, site) in enumerate(full)
        ],
    )


BOTH = people(("a", "consumer", None), ("b", "business", None))


def test_an_attempt_sums_up_its_steps_in_any_order_of_rows() -> None:
    expected = pd.DataFrame(
        {
            "attempt_id": pd.Series(["A2", "A1"], dtype="string"),
            "customer_id": pd.Series(["b", "a"], dtype="string"),
            "index_at": [at(5), at(10)],
            "last_at": [at(5), at(10.3)],
            "channel": pd.Series(["web", "web"], dtype="string"),
            "n_steps": pd.Series([1, 4], dtype="Int64"),
            "wait_minutes": [np.nan, 11.5],  # 7.5 + 4; nobody wrote down a wait for A2.
            "is_abandoned": pd.Series([False, True], dtype="boolean"),
            "desk": pd.Series([pd.NA, "obstructive"], dtype="string"),
        }
    ).astype({"index_at": "datetime64[us, UTC]", "last_at": "datetime64[us, UTC]"})
    for order in itertools.permutations(STEPS):
        pdt.assert_frame_equal(cancellation_attempts(journey(order)), expected)
    assert len(cancellation_attempts(journey(()))) == 0


def test_an_abandoned_attempt_counts_from_its_last_step() -> None:
    tables = {"cancellation_journey": journey(), "customers": BOTH}
    (jumps,) = cancellation_friction_jumps(tables, memory_days=MEMORY_DAYS)
    expected = [("a", 10.3, 10.3, 1), ("a", 40.3, 10.3, -1)]
    assert [tuple(line) for line in in_days(jumps, "recent_abandoned_attempts")] == [
        pytest.approx(line) for line in expected
    ]


def in_force(policies: pd.DataFrame, customers: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Customer, day, change of the friction in force."""
    tables = {"policies": policies, "customers": customers}
    (jumps,) = cancellation_friction_jumps(tables, memory_days=MEMORY_DAYS)
    return [
        (who, day, pytest.approx(change)) for who, day, _, change in in_days(jumps, FRICTION_POLICY)
    ]


def test_the_rule_in_force_jumps_from_value_to_value() -> None:
    # consumers 0.75 from 0, 0.25 from 50; business 0 from 0, stated as such.
    policies = rules((50, 0.25, "consumer"), (0, 0.75, "consumer"), (0, 0, "business"))
    assert in_force(policies, BOTH) == [("a", 0, 0.75), ("a", 50, -0.5), ("b", 0, 0)]


def test_customers_without_segment_or_site_have_only_the_rules_for_all() -> None:
    policies = rules(
        (0, 0.5, None),
        (10, 0.75, "consumer"),
        (20, 0.25, None, FRICTION_POLICY, "north"),
        (30, 1.0, "consumer", FRICTION_POLICY, "north"),
    )
    customers = people(
        ("a", None, None), ("b", "consumer", None), ("c", None, "north"), ("d", "consumer", "north")
    )
    assert in_force(policies, customers) == [
        ("a", 0, 0.5),
        ("b", 0, 0.5),
        ("b", 10, 0.25),  # 0.75
        ("c", 0, 0.5),
        ("c", 20, -0.25),  # 0.25
        ("d", 0, 0.5),
        ("d", 10, 0.25),  # 0.75
        ("d", 20, -0.5),  # 0.25
        ("d", 30, 0.75),  # 1
    ]


def test_of_rules_at_one_moment_the_narrower_holds_in_any_order() -> None:
    lines = [(0, 0.5, None), (0, 0.75, "consumer"), (0, 1.0, "consumer", FRICTION_POLICY, "north")]
    customers = people(("a", "business", None), ("b", "consumer", None), ("c", "consumer", "north"))
    for order in itertools.permutations(lines):
        assert in_force(rules(*order), customers) == [
            ("a", 0, 0.5),
            ("b", 0, 0.75),
            ("c", 0, 1.0),
        ]


def test_other_policies_are_not_friction() -> None:
    assert in_force(rules((0, 12, "consumer", "tacit_renewal_months", None)), BOTH) == []


def test_the_reform_by_hand() -> None:
    policies = rules((0, 0.7, "consumer"), (0, 0.7, "business"), (50, 0.15, "consumer"))
    copy = policies.copy(deep=True)
    assert find_reform(policies, BOTH) == Reform(at(50), "consumer", "business", 0.7, 0.15, ())
    pdt.assert_frame_equal(policies, copy)


def test_other_policies_that_change_at_once_are_named() -> None:
    policies = rules(
        (0, 0.7, None),
        (50, 0.15, "consumer"),
        (0, 12, None, "tacit_renewal_months", None),
        (50, 0, "consumer", "tacit_renewal_months", None),  # changes at once
        (50, 5, None, "discount_percent", None),  # first stated at once, for every segment
        (0, 1, "consumer", "live_wait_shown", "north"),
        (50, 0, "consumer", "live_wait_shown", "north"),  # at one site only: still at once
        (0, 30, "consumer", "notice_days", None),
        (50, 30, "consumer", "notice_days", None),  # restated, not changed
        (0, 1, None, "desk", None),
        (50, 2, "business", "desk", None),  # of the other segment
        (51, 3, "consumer", "desk", None),  # a day later
        (50.25, 2, "consumer", "chat", None),  # six hours later
    )
    expected = ("discount_percent", "live_wait_shown", "tacit_renewal_months")
    for seed in range(5):
        shuffled = policies.sample(frac=1, random_state=seed)
        reform = find_reform(shuffled, BOTH)
        assert reform.also_changed == expected
        assert (reform.covered, reform.effective_at) == ("consumer", at(50))


def test_a_segment_may_leave_the_rule_of_all() -> None:
    # One rule for all, then one lowered: the value before is the rule of all.
    reform = find_reform(rules((0, 0.8, None), (50, 0.2, "consumer")), BOTH)
    assert (reform.friction_before, reform.friction_after) == (0.8, 0.2)
    assert (reform.covered, reform.exempt) == ("consumer", "business")


def test_the_first_of_several_reforms_counts() -> None:
    policies = rules(
        (0, 0.8, None), (90, 0.1, "business"), (20, 0.9, "business"), (50, 0.2, "consumer")
    )
    customers = people(
        ("a", "consumer", None),
        ("b", "business", None),
        ("c", "school", None),
        ("d", "club", None),
        ("e", "school", None),
        ("f", None, None),
    )
    reform = find_reform(policies, customers)
    assert (reform.effective_at, reform.covered) == (at(50), "consumer")
    assert reform.exempt == "school"  # Business changed too; of the rest, the largest.


@pytest.mark.parametrize(
    "policies",
    [
        rules(),
        rules((0, 0.7, "consumer"), (0, 0.7, "business")),  # never changed
        rules((0, 0.2, "consumer"), (50, 0.7, "consumer")),  # raised
        rules((50, 0.2, "consumer")),  # no value before
        rules((0, 0.7, "school"), (50, 0.2, "school")),  # a segment of nobody
        rules((0, 12, "consumer", "notice", None), (50, 1, "consumer", "notice", None)),
        # Two sites with different rules are no reform, nor is a reform of one site.
        rules(
            (0, 0.7, "consumer", FRICTION_POLICY, "north"),
            (1, 0.2, "consumer", FRICTION_POLICY, "south"),
            (50, 0.1, "consumer", FRICTION_POLICY, "south"),
        ),
    ],
)
def test_no_reform_is_an_error(policies: pd.DataFrame) -> None:
    with pytest.raises(NotEstimableError, match=r"Not estimable: needs a reform, .*lowers"):
        find_reform(policies, BOTH)


@pytest.mark.parametrize(
    "policies",
    [
        rules((0, 0.7, None), (50, 0.2, None)),  # for all at once
        rules((0, 0.7, None), (50, 0.2, "consumer"), (60, 0.2, "business")),  # one after the other
        rules((0, 0.7, None), (50, 0.2, "consumer"), (50, 0.9, "business")),  # raised for the other
    ],
)
def test_nobody_exempt_is_an_error(policies: pd.DataFrame) -> None:
    with pytest.raises(NotEstimableError, match="segment of customers that the reform does not"):
        find_reform(policies, BOTH)


def test_customers_without_segments_have_no_reform() -> None:
    with pytest.raises(NotEstimableError):
        find_reform(rules((0, 0.7, None), (50, 0.2, None)), people(("a", None, None)))


def test_a_reform_cannot_be_changed() -> None:
    reform = find_reform(rules((0, 0.8, None), (50, 0.2, "consumer")), BOTH)
    with pytest.raises(dataclasses.FrozenInstanceError):
        reform.covered = "business"  # type: ignore[misc]
