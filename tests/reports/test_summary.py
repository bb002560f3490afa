"""The summary says what the findings say, and no more."""

from __future__ import annotations

from typing import Any

from loyaltylab.reports.summary import answers_table, every_estimate_table, summary_answer


def make_found(verdict: str, **estimates: Any) -> dict[str, Any]:
    return {"question": "Why?", "verdict": verdict, "answer": "So.", "estimates": estimates}


def test_the_answer_counts_verdicts() -> None:
    findings = {
        "a": make_found("described"),
        "b": make_found("not identified"),
        "c": make_found("not estimable"),
        "d": make_found("not estimable"),
    }
    assert summary_answer(findings) == (
        "4 questions were asked of this source. 2 cannot be answered with the tables it "
        "delivered. 1 has an estimate of an association, which from the data alone does not "
        "identify an effect. How long customers stay is described."
    )
    assert summary_answer({}) == "No report has been made yet."


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
