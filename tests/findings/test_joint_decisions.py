"""Decisions of several parts, and the claim to be no worse, every branch of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.findings import (
    Check,
    Evidence,
    JudgedHypothesis,
    Judgement,
    decide,
    decide_jointly,
    hypotheses_table,
    judge_families,
    load_hypotheses,
)
from loyaltylab.findings.joint_decisions import find_weakest
from loyaltylab.findings.judged import describe_judged
from loyaltylab.findings.verdicts import DATA, JudgedVerdict
from loyaltylab.findings.wording import counts_difference
from loyaltylab.survival import Estimate

Z = 1.959963984540054
EXACT = 1e-12  # absolute: one normal probability
PASSED = (Check("negative control", "passed", "None where there can be none."),)
ORDER: tuple[JudgedVerdict, ...] = (
    "refuted", "not estimable", "not identified", "inconclusive", "supported",
)  # fmt: skip


def no_worse(value: float, error: float = 0.1, **changes: Any) -> Evidence:
    """Not half a month worse, from a lottery with a passed control."""
    estimate = Estimate(
        value, error, value - Z * error, value + Z * error, 0.95, 900, 400, "months", "by hand"
    )
    whole = Evidence(estimate, 0.5, "non-inferiority", 1, "randomised", PASSED)
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("value", "direction", "verdict"),
    [
        (0.0, 1, "supported"),  # -0.196 to 0.196, above -0.5
        (-0.25, 1, "supported"),  # -0.446 to -0.054: worse, but not by what would matter
        (2.0, 1, "supported"),  # far better is no worse
        (-0.4, 1, "inconclusive"),  # -0.596 to -0.204, on both sides of -0.5
        (-0.8, 1, "refuted"),  # -0.996 to -0.604, all beyond -0.5
        (2.0, -1, "refuted"),  # where more is worse
        (0.25, -1, "supported"),
        (-2.0, -1, "supported"),
    ],
)
def test_no_worse_is_held_against_one_margin(value: float, direction: Any, verdict: str) -> None:
    assert decide(no_worse(value, direction=direction)).verdict == verdict


def test_no_worse_is_held_against_the_checks_as_any_claim() -> None:
    failed = (Check("negative control", "failed", "Some."),)
    assert decide(no_worse(0.0, falsifications=failed)).verdict == "not identified"
    assert decide(no_worse(0.0, identification="none")).verdict == "not identified"
    assert decide(no_worse(0.0, falsifications=())).verdict == "inconclusive"
    with pytest.raises(EstimationError, match="No verdict"):
        decide(no_worse(0.0, direction=0))


def test_the_p_value_of_no_worse_is_that_of_its_interval() -> None:
    # The limit touches the margin at -0.5 + 1.96 x 0.1: two-sided p is 5 % there.
    touching = no_worse(-0.5 + Z * 0.1)
    table = judge_families({"a": touching}, families={"a": "secondary"})
    assert table["p_value"].tolist() == pytest.approx([0.05], abs=EXACT)
    turned = no_worse(0.5 - Z * 0.1, direction=-1)
    table = judge_families({"a": turned}, families={"a": "secondary"})
    assert table["p_value"].tolist() == pytest.approx([0.05], abs=EXACT)


def test_all_together_are_as_weak_as_the_weakest() -> None:
    for first, second in permutations(ORDER, 2):
        found = decide_jointly(
            {"one": Judgement(first, ("A.",), ()), "two": Judgement(second, ("B.",), ())}
        )
        weaker = min(first, second, key=ORDER.index)
        assert found.verdict == weaker
        assert found.decided_by == (("one",) if weaker == first else ("two",))
        assert found.reasons == (f"One, {first}: A.", f"Two, {second}: B.")
    both = Judgement("supported", ("A.",), ())
    assert decide_jointly({"one": both, "two": both}).decided_by == ("one", "two")


def test_parts_that_cannot_fail_are_refused() -> None:
    with pytest.raises(EstimationError, match="decided together"):
        decide_jointly({})
    with pytest.raises(EstimationError, match="decided together"):
        decide_jointly({"one": Judgement("described", ("A.",), ())})
    with pytest.raises(EstimationError, match="hold or fail"):
        find_weakest(["described"])


def test_a_decision_is_kept_beside_the_verdict_and_told() -> None:
    """Months within half a month refute that customers are kept; the decision may still stand."""
    days = Estimate(0.0, 1.0, -Z, Z, 0.95, 900, 400, "days", "by hand")
    evidence = Evidence(days, 15.0, "difference", 1, "randomised", PASSED)
    decision = Judgement("supported", ("Fewer contacts, supported: so.",), ("fewer contacts",))
    declared = load_hypotheses()["H18"]
    judged = JudgedHypothesis(declared, "effect", evidence, decide(evidence), decision)
    kept = describe_judged([judged])
    assert kept["H18"]["decision"]["verdict"] == "supported"
    assert "decision" not in describe_judged([replace(judged, decision=None)])["H18"]
    found = {"page": {"verdict": "inconclusive", "answer": "So.", "hypotheses": kept}}
    line = hypotheses_table(found).set_index("hypothesis").loc["H18"]
    assert line["verdict"] == "refuted"
    assert line["why, or what it would take"].endswith(
        f"The decision, by itself ({declared.decision}): supported."
    )


def test_what_is_lacking_is_told_where_nothing_is_estimated() -> None:
    lacking = (Check(DATA, "not run", "No dated start."), Check("balance", "not run", "None."))
    told = decide(no_worse(0.0, estimate=None, diagnostics=lacking))
    assert told.verdict == "not estimable"
    assert told.reasons == ("There is no estimate.", "No dated start.")


def test_counts_say_which_way() -> None:
    fewer = Estimate(-0.16, 0.02, -0.2, -0.12, 0.95, 9, 9, "events per customer", "by hand")
    assert counts_difference(fewer, noun="contacts") == (
        "0.16 contacts fewer (95 % CI 0.20 fewer to 0.12 fewer)"
    )
