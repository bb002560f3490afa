"""Verdicts gathered from findings: alone, within the family, and where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from loyaltylab.errors import ParameterError
from loyaltylab.findings import (
    Check,
    Evidence,
    JudgedHypothesis,
    count_standings,
    decide,
    describe_families,
    families_table,
    gather_judgements,
    hypotheses_table,
    load_hypotheses,
    write_families,
)
from loyaltylab.findings.judged import describe_judged
from loyaltylab.survival import Estimate

DECLARED = load_hypotheses()
PASSED = (Check("negative control", "passed", "No effect where there can be none."),)
MONTH = 30.4375


def make_evidence(name: str, months: float, error: float, **changes: Any) -> Evidence:
    """An effect in months, with a normal interval, found by a natural experiment."""
    value, error = months * MONTH, error * MONTH
    limits = value - 1.96 * error, value + 1.96 * error
    estimate = Estimate(value, error, *limits, 0.95, 900, 400, "days", "by hand")
    given = {
        "estimate": estimate,
        "smallest_effect": MONTH / 2,
        "claim": DECLARED[name].claim,
        "direction": DECLARED[name].claimed_sign(),
        "identification": "natural experiment",
        "falsifications": PASSED,
    }
    return Evidence(**(given | changes))


def make_found(**evidence: Evidence) -> dict[str, Any]:
    """A finding as it is stored, as far as verdicts are read from it."""
    judged = [
        JudgedHypothesis(DECLARED[name], "effect", one, decide(one))
        for name, one in evidence.items()
    ]
    return {"verdict": "inconclusive", "answer": "So.", "hypotheses": describe_judged(judged)}


def test_nothing_judged_leaves_every_hypothesis_to_be_studied() -> None:
    for findings in ({}, {"service_quality": {"verdict": "not identified", "answer": "So."}}):
        table = hypotheses_table(findings)
        assert list(table["hypothesis"]) == list(DECLARED)
        assert set(table["verdict"]) == {"not yet studied"}
        assert table.notna().all(axis=None)
        assert families_table(findings).empty
        assert gather_judgements(findings) == {}
    assert describe_families(families_table({})).startswith(
        "0 of the 5 confirmatory hypotheses were tested; the chance of any false claim is held to "
        "5 %. 0 of the 22 secondary"
    )


def test_a_verdict_is_that_within_the_family() -> None:
    """z = 4 is p 6e-5, times 5 still below .05; z = 2.2 is p .028, times 4 above it."""
    findings = {
        "team": make_found(H03=make_evidence("H03", 2.0, 0.5)),
        "friction": make_found(H22=make_evidence("H22", -2.2, 1.0)),
    }
    table = hypotheses_table(findings).set_index("hypothesis")
    assert table.loc["H03", "verdict"] == "supported"
    assert table.loc["H03", "estimate"] == "2.00 months (95 % CI 1.02 to 2.98)"
    assert table.loc["H03", "why, or what it would take"] == "Passed: negative control."
    assert table.loc["H22", "verdict"] == "inconclusive"
    assert table.loc["H22", "why, or what it would take"].endswith("Within its family p is 0.111.")
    assert table.loc["H22", "report"] == "friction"
    shown = write_families(families_table(findings)).set_index("hypothesis")
    assert shown.loc["H22"].tolist() == [
        "confirmatory (Holm)",
        "0.028",
        "0.111",
        "0.05",
        "supported",
        "inconclusive",
    ]
    assert shown.loc["H03", "p"] == "< 0.001"
    text = describe_families(families_table(findings))
    assert text.startswith("2 of the 5 confirmatory")
    assert text.endswith("Within its family another verdict holds for H22.")


def test_an_open_interval_a_description_and_no_estimate_say_why() -> None:
    findings = {
        "desk": make_found(
            H01=make_evidence("H01", 0.5, 1.0),
            H12=make_evidence("H12", 9.0, 1.0),
            H02=make_evidence("H02", 1.0, 1.0, estimate=None),
        )
    }
    table = hypotheses_table(findings).set_index("hypothesis")
    why = table["why, or what it would take"]
    assert table["verdict"][["H01", "H02", "H12"]].tolist() == [
        "inconclusive",
        "not estimable",
        "described",
    ]
    assert why["H01"] == "The interval leaves it open."
    assert why["H02"] == "There is no estimate."
    assert why["H12"] == "A description claims no cause."
    assert table.loc["H02", "estimate"] == "none"
    shown = write_families(families_table(findings)).set_index("hypothesis")
    assert shown.loc["H12", "p"] == "not tested"
    assert "No verdict changes" in describe_families(families_table(findings))


def test_a_source_that_lacks_tables_is_told_from_a_report_not_made() -> None:
    lacking = {"verdict": "not estimable", "answer": "Not estimable: needs requests.",
               "hypotheses": {}}  # fmt: skip
    table = hypotheses_table({"service_quality": lacking}).set_index("hypothesis")
    why = table["why, or what it would take"]
    assert table.loc["H04", "verdict"] == "not estimable"
    assert why["H04"] == "Not estimable: needs requests."
    assert table.loc["H22", "verdict"] == "not yet studied"
    assert why["H22"].startswith("A run of the report 'cancellation friction'")
    assert why["H13"].startswith(DECLARED["H13"].would_need)
    described = {"service_quality": {"verdict": "described", "answer": "So.", "hypotheses": {}}}
    told = hypotheses_table(described).set_index("hypothesis")["why, or what it would take"]
    assert told["H04"].startswith("A verdict of the report 'service quality'")


def test_standings_count_every_hypothesis_once() -> None:
    findings = {"team": make_found(H03=make_evidence("H03", 2.0, 0.5))}
    standings = count_standings(hypotheses_table(findings))
    assert list(standings) == ["supported", "not yet studied"]
    assert standings["supported"] == ("H03",)
    assert sum(map(len, standings.values())) == len(DECLARED)


def test_one_hypothesis_has_one_judge() -> None:
    found = make_found(H03=make_evidence("H03", 2.0, 0.5))
    with pytest.raises(ParameterError, match="H03 is judged by 'a' and by 'b'"):
        gather_judgements({"a": found, "b": found})
