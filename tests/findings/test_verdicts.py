"""The grammar of verdicts, every branch of it; families of hypotheses against R."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.findings import (
    Check,
    Evidence,
    adjust_benjamini_hochberg,
    adjust_holm,
    decide,
    gather_evidence,
    judge_families,
    load_hypotheses,
    tell_delay_from_gain,
)
from loyaltylab.survival import Estimate

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "sensitivity.json").read_text("utf-8")
)
ADJUSTED = 1e-12  # absolute: products of p-values and small integers
Z = 1.959963984540054
PASSED = Check("negative control", "passed", "No effect on exits by life event.")
FAILED = Check("negative control", "failed", "Exits by life event differ too.")
NOT_RUN = Check("placebo dates", "not run", "")
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def around(value: float, error: float, p_value: float | None = None) -> Estimate:
    limits = value - Z * error, value + Z * error
    return Estimate(value, error, *limits, 0.95, 900, 400, "months", "by hand", p_value)


def evidence(value: float = 2.0, error: float = 0.5, **changes: Any) -> Evidence:
    """Evidence on a claim of more than half a month, from a lottery with a passed control."""
    whole = Evidence(around(value, error), 0.5, "difference", 1, "randomised", (PASSED,))
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("value", "error", "direction", "verdict"),
    [
        (2.0, 0.5, 1, "supported"),  # 1.02 to 2.98
        (2.0, 0.5, 0, "supported"),  # two-sided
        (-2.0, 0.5, 0, "supported"),
        (2.0, 0.5, -1, "refuted"),  # on the other side
        (0.1, 0.1, 1, "refuted"),  # -0.10 to 0.30, within half a month
        (0.3, 0.1, 1, "refuted"),  # 0.10 to 0.50 (0.496): real, and too small to matter
        (0.4, 0.1, 1, "inconclusive"),  # 0.20 to 0.60: estimate below half a month
        (1.0, 1.0, 1, "inconclusive"),  # -0.96 to 2.96
        (-0.4, 0.1, 1, "refuted"),  # -0.60 to -0.20
    ],
)
def test_verdicts_of_the_numbers(value: float, error: float, direction: int, verdict: str) -> None:
    judgement = decide(evidence(value, error, direction=direction))
    assert judgement.verdict == verdict
    assert judgement.decided_by == ("interval",)
    assert f"{value:.3g} months" in judgement.reasons[0]


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [
        (1.0, 0.05, "supported"),  # 0.91 to 1.10, margins 0.80 and 1.25
        (1.15, 0.05, "supported"),  # 90 %: 1.06 to 1.249; 95 %: to 1.268
        (1.15, 0.06, "inconclusive"),
        (1.5, 0.05, "refuted"),  # 1.36 to 1.65
        (0.7, 0.05, "refuted"),
    ],
)
def test_a_claim_of_equivalence_on_the_log_scale(value: float, error: float, verdict: str) -> None:
    limits = value * math.exp(-Z * error), value * math.exp(Z * error)
    estimate = Estimate(value, error, *limits, 0.95, 900, 400, "ratio", "by hand")
    found = decide(
        evidence(
            estimate=estimate, smallest_effect=1.25, claim="equivalence", direction=0, scale="log"
        )
    )
    assert found.verdict == verdict


@pytest.mark.parametrize("value", [2.0, 0.0, -2.0])
def test_an_association_is_not_identified_whatever_its_interval(value: float) -> None:
    found = decide(evidence(value, 0.1, identification="none"))
    assert found.verdict == "not identified"
    assert found.decided_by == ("identification",)


@pytest.mark.parametrize("value", [2.0, 0.0, -2.0])
def test_a_failed_falsification_leaves_nothing_identified(value: float) -> None:
    found = decide(evidence(value, 0.1, falsifications=(FAILED,)))
    assert found.verdict == "not identified"
    assert found.decided_by == ("negative control",)
    assert "Exits by life event differ too." in found.reasons[1]


@pytest.mark.parametrize(
    ("changes", "decided_by"),
    [
        ({"diagnostics": (Check("overlap", "failed", "Weights reach 40."),)}, "overlap"),
        ({"diagnostics": (Check("validation", "failed", "Misses known truths."),)}, "validation"),
        ({"falsifications": (PASSED, Check("validation", "failed", ""))}, "validation"),
        ({"falsifications": (PASSED, NOT_RUN)}, "placebo dates"),
        ({"falsifications": ()}, "falsification"),
        ({"family_p_value": 0.051}, "family"),
        ({"identification": "adjustment"}, "E-value"),
        ({"identification": "adjustment", "e_value": 1.8}, "E-value"),
        (
            {"identification": "adjustment", "e_value": 1.8, "strongest_confounder": 1.8},
            "E-value",
        ),
    ],
)
def test_doubts_make_it_inconclusive(changes: dict[str, Any], decided_by: str) -> None:
    found = decide(evidence(**changes))
    assert found.verdict == "inconclusive"
    assert found.decided_by == (decided_by,)


@pytest.mark.parametrize(
    "changes",
    [
        {"family_p_value": 0.05},
        {"identification": "natural experiment"},
        {"identification": "adjustment", "e_value": 1.9, "strongest_confounder": 1.8},
        {"diagnostics": (Check("validation", "passed", "Finds known truths."),)},
    ],
)
def test_what_withstands_its_doubts_is_supported(changes: dict[str, Any]) -> None:
    assert decide(evidence(**changes)).verdict == "supported"


def test_too_small_an_effect_needs_no_test_of_no_effect() -> None:
    """Equivalence refutes by its own interval: neither family nor E-value bears on it."""
    found = decide(evidence(0.0, 0.1, family_p_value=1.0, identification="adjustment"))
    assert found.verdict == "refuted"


def test_a_failed_falsification_outweighs_other_doubts() -> None:
    found = decide(evidence(falsifications=(FAILED, NOT_RUN), family_p_value=0.9))
    assert found.verdict == "not identified"
    assert found.decided_by == ("negative control",)
    assert len(found.reasons) == 4


def test_what_is_not_estimated_or_only_described() -> None:
    assert decide(evidence(estimate=None)).verdict == "not estimable"
    assert decide(evidence(error=math.nan)).verdict == "not estimable"
    assert decide(evidence(claim="description")).verdict == "described"


def test_evidence_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(EstimationError) as caught:
        decide(evidence(smallest_effect=0.0, alpha=0.6, family_p_value=2.0, direction=2))
    assert len(caught.value.problems) == 4
    with pytest.raises(EstimationError, match="above 1"):
        decide(evidence(scale="log"))


@given(st.floats(-4, 4), st.floats(0.05, 3), st.floats(1, 5), st.sampled_from([1, -1, 0]))
def test_widening_the_interval_never_turns_inconclusive_into_supported(
    value: float, error: float, factor: float, direction: int
) -> None:
    narrow = decide(evidence(value, error, direction=direction))
    wide = decide(evidence(value, error * factor, direction=direction))
    if wide.verdict == "supported":
        assert narrow.verdict == "supported"


@given(st.floats(-4, 4), st.floats(0.05, 3), st.floats(1, 5))
def test_widening_never_makes_an_equivalence(value: float, error: float, factor: float) -> None:
    narrow = decide(evidence(value, error, claim="equivalence"))
    wide = decide(evidence(value, error * factor, claim="equivalence"))
    if wide.verdict == "supported":
        assert narrow.verdict == "supported"


@given(st.floats(-4, 4), st.floats(0.05, 3), st.sampled_from([1, -1, 0]))
def test_turning_sign_and_direction_changes_nothing(
    value: float, error: float, direction: int
) -> None:
    for claim in ("difference", "equivalence"):
        one = decide(evidence(value, error, direction=direction, claim=claim))
        other = decide(evidence(-value, error, direction=-direction, claim=claim))
        assert one.verdict == other.verdict


@pytest.mark.parametrize(
    ("early", "late", "told"),
    [
        ((0.10, 0.02), (0.00, 0.005), "delays only"),
        ((0.10, 0.02), (0.10, 0.020), "gain lasts"),
        ((0.10, 0.02), (0.00, 0.050), "open"),
        ((0.01, 0.02), (0.00, 0.005), "open"),
        ((-0.1, 0.02), (0.00, 0.005), "no early gain"),
    ],
)
def test_a_delay_is_told_from_a_gain(
    early: tuple[float, float], late: tuple[float, float], told: str
) -> None:
    assert tell_delay_from_gain(around(*early), around(*late), margin=0.02) == told


# Families.


def test_adjusted_p_values_match_r() -> None:
    case = ORACLE["adjusted"]
    np.testing.assert_allclose(adjust_holm(case["p"]), case["holm"], rtol=0, atol=ADJUSTED)
    np.testing.assert_allclose(
        adjust_benjamini_hochberg(case["p"]), case["bh"], rtol=0, atol=ADJUSTED
    )


@given(P_VALUES, st.randoms())
def test_adjusting_raises_p_values_and_ignores_order(p_values: list[float], luck: Any) -> None:
    order = list(range(len(p_values)))
    luck.shuffle(order)
    for adjust in (adjust_holm, adjust_benjamini_hochberg):
        adjusted = adjust(p_values)
        assert (adjusted >= np.array(p_values) - ADJUSTED).all()
        assert (adjusted <= 1).all()
        turned = adjust([p_values[place] for place in order])
        np.testing.assert_allclose(turned, adjusted[order], rtol=0, atol=ADJUSTED)
    holm, false_discovery = adjust_holm(p_values), adjust_benjamini_hochberg(p_values)
    assert (holm >= false_discovery - ADJUSTED).all()


def test_what_is_no_p_value_is_refused() -> None:
    for adjust in (adjust_holm, adjust_benjamini_hochberg):
        assert len(adjust([])) == 0
        with pytest.raises(EstimationError, match=r"2 p-values .* first at \[1, 2\]"):
            adjust([0.5, math.nan, 1.2])


def test_families_by_hand() -> None:
    """p = .02 is first of five declared, .1 by Holm, and first of three, .06 by BH, below .10."""
    families = {f"H{number}": "confirmatory" for number in range(5)} | {
        "H5": "secondary",
        "H6": "secondary",
        "H7": "secondary",
    }
    told = evidence(estimate=around(2.0, 0.5, 0.02))
    table = judge_families(
        {"H0": told, "H5": told, "H7": evidence(claim="description")}, families=families
    ).set_index("hypothesis")
    assert table["adjusted_p_value"].tolist()[:2] == pytest.approx([0.1, 0.06])
    assert table["verdict_before"].tolist() == ["supported", "supported", "described"]
    assert table["verdict_after"].tolist() == ["inconclusive", "supported", "described"]
    assert np.isnan(table.loc["H7", "p_value"])


def test_p_values_of_families_come_from_the_claim() -> None:
    """1.96 errors from 0 are p = .05; equivalence of 0 by margins of 1.645 errors too."""
    families = {"a": "confirmatory", "b": "confirmatory"}
    table = judge_families(
        {
            "a": evidence(Z * 0.5, 0.5),
            "b": evidence(0.0, 0.5, claim="equivalence", smallest_effect=1.6448536269514722 * 0.5),
        },
        families=families,
    )
    assert table["p_value"].tolist() == pytest.approx([0.05, 0.05])
    assert table["adjusted_p_value"].tolist() == pytest.approx([0.1, 0.1])


def test_unknown_families_are_refused() -> None:
    with pytest.raises(EstimationError) as caught:
        judge_families({"a": evidence()}, families={"b": "main"})
    assert len(caught.value.problems) == 2


# From declaration to verdict.


def test_evidence_takes_its_yardstick_from_the_declaration() -> None:
    """H04 claims that denied customers stay shorter: 40 days less, 20 to 60, is beyond 15.2."""
    hypothesis = load_hypotheses()["H04"]
    days = replace(around(-40.0, 10.0), unit="days")
    told = gather_evidence(hypothesis, days, identification="randomised", falsifications=(PASSED,))
    assert (told.smallest_effect, told.direction, told.scale) == (15.21875, -1, "linear")
    assert decide(told).verdict == "supported"
    assert decide(gather_evidence(hypothesis, days, identification="none")).verdict == (
        "not identified"
    )
    exits = gather_evidence(load_hypotheses()["H05"], None, identification="none", is_of_exits=True)
    assert exits.direction == 1
    assert gather_evidence(load_hypotheses()["H13"], None, identification="none").scale == "log"
    with pytest.raises(EstimationError, match="declared in months"):
        gather_evidence(hypothesis, around(1.0, 0.1), identification="none")
