"""The summary says what the findings say, and no more."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd

from loyaltylab.findings import (
    Check,
    Evidence,
    JudgedHypothesis,
    decide,
    hypotheses_table,
    load_hypotheses,
    load_questions,
)
from loyaltylab.findings.judged import describe_judged
from loyaltylab.reports.claims import claims_answer, describe_declaration, describe_directions
from loyaltylab.reports.summary import (
    answers_table,
    every_estimate_table,
    hypothesis_truths,
    summary_answer,
)
from loyaltylab.survival import Estimate


def make_found(verdict: str, **estimates: Any) -> dict[str, Any]:
    return {"question": "Why?", "verdict": verdict, "answer": "So.", "estimates": estimates}


def make_judged(
    name: str, months: float, error: float, *, unit: str = "days", **found: Any
) -> dict[str, Any]:
    """A finding that holds one hypothesis, judged on a normal interval."""
    value, error = 30.4375 * months, 30.4375 * error
    limits = value - 1.96 * error, value + 1.96 * error
    estimate = Estimate(value, error, *limits, 0.95, 900, 400, unit, "by hand")
    hypothesis = load_hypotheses()[name]
    evidence = Evidence(
        estimate,
        hypothesis.smallest_effect.in_estimate_unit,
        hypothesis.claim,
        hypothesis.claimed_sign(),  # type: ignore[arg-type]
        "randomised",
        (Check("negative control", "passed", "None."),),
    )
    judged = JudgedHypothesis(hypothesis, "effect", evidence, decide(evidence))
    kept = describe_judged([judged])
    numbers = kept[name]["evidence"]["estimate"]
    provenance = {"parameters": {"exposed": "voucher", "reference": "refund", "horizon_months": 24}}
    return make_found("inconclusive", effect=numbers) | {
        "hypotheses": kept,
        "provenance": provenance,
        **found,
    }


def test_the_answer_counts_hypotheses_by_verdict() -> None:
    findings = {
        "team": make_judged("H03", 2.0, 0.4),
        "compensation": make_judged("H17", 0.1, 1.0),
        "service_quality": make_found("not estimable") | {"hypotheses": {}},
    }
    assert summary_answer(hypotheses_table(findings)) == (
        "The study declares 27 hypotheses and has judged 2 of them on these data: 1 is supported "
        "(H03) and 1 is inconclusive (H17). 3 cannot be estimated from what the source delivered. "
        "22 are not yet studied."
    )


def test_the_answer_of_no_findings_says_so() -> None:
    assert summary_answer(hypotheses_table({})) == (
        "The study declares 27 hypotheses; none of them has been judged on these data yet. 27 are "
        "not yet studied."
    )


def test_the_truth_stands_beside_a_judged_hypothesis() -> None:
    declared = load_questions()["compensation"]
    question = replace(declared, truths={"effect": "H17.made_up"})
    truth = pd.DataFrame(
        {"value": [-0.514], "mc_se": [0.01], "unit": ["months"], "strategy": ["a"],
         "reference": ["b"]},
        index=["H17.made_up"],
    )  # fmt: skip
    questions = {"compensation": question}
    for months, where in ((-0.5, "in"), (3.0, "outside")):
        findings = {"compensation": make_judged("H17", months, 0.1)}
        told = hypothesis_truths(findings, questions=questions, truth=truth)
        assert told == {"H17": f"−0.51 months, {where} the interval"}
    assert hypothesis_truths({}, questions=questions, truth=truth) == {}
    unknown = {"compensation": replace(question, truths={})}
    assert hypothesis_truths(findings, questions=unknown, truth=truth) == {}


def test_every_answer_has_its_line() -> None:
    table = answers_table({"a": make_found("described"), "b": make_found("not estimable")})
    assert table["verdict"].tolist() == ["described", "not estimable"]


def test_suppressed_estimates_stay_suppressed() -> None:
    shown = {
        "value": -0.123456,
        "ci_lower": -1234.5,
        "ci_upper": 0.5,
        "unit": "days",
        "n": 1200,
        "n_events": 30,
        "p_value": 0.04,
    }
    hidden = dict.fromkeys(("value", "ci_lower", "ci_upper", "p_value")) | {
        "unit": "days",
        "n": 0,
        "n_events": 0,
    }
    table = every_estimate_table({"a_b": make_found("described", x_y=shown, z=hidden)})
    assert table.iloc[0].tolist() == [
        "a b",
        "x y",
        "−0.1235",
        "−1234",
        "0.5",
        "days",
        "1,200",
        "30",
        "0.040",
    ]
    assert table.iloc[1].tolist() == ["a b", "z", "", "", "", "days", "0", "0", ""]


def test_the_register_is_counted() -> None:
    assert claims_answer().startswith("5 articles make 56 claims, put to the test by 27 hypotheses")
    assert "differ on 13 points" in claims_answer()
    counts = [int(number) for number in re.findall(r"\((\d+)\)", describe_directions())]
    assert sum(counts) == 56
    assert len(describe_declaration().split("`")[1]) == 64
