"""The protocol of a target trial leaves nothing unsaid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loyaltylab.designs import Protocol, ProtocolElement, protocol_table
from loyaltylab.errors import EstimationError


def make_protocol() -> Protocol:
    def element(what: str) -> ProtocolElement:
        return ProtocolElement(f"{what} of the trial", f"{what} of the data", "none")

    return Protocol(
        question="Does a refund within 14 days keep customers?",
        estimand_kind="direct",
        eligibility=element("eligibility"),
        strategies=element("strategies"),
        assignment=element("assignment"),
        time_zero=element("time zero"),
        follow_up_end=element("end"),
        outcome=element("outcome"),
        causal_contrast=element("contrast"),
        identifying_assumptions=element("assumptions"),
        analysis_plan=element("plan"),
    )


def test_table_has_every_element_in_order() -> None:
    table = protocol_table(make_protocol())
    assert table.index.tolist() == [
        "Eligibility",
        "Treatment strategies",
        "Assignment",
        "Follow-up: time zero",
        "Follow-up: end",
        "Outcomes",
        "Causal contrast",
        "Identifying assumptions",
        "Analysis plan",
    ]
    assert table.columns.tolist() == ["target_trial", "emulation", "deviation"]
    assert table.loc["Eligibility"].tolist() == [
        "eligibility of the trial",
        "eligibility of the data",
        "none",
    ]


@pytest.mark.parametrize(("kind", "word"), [("direct", "held"), ("total", "respond")])
def test_table_says_which_effect(kind: str, word: str) -> None:
    table = protocol_table(replace(make_protocol(), estimand_kind=kind))
    assert kind in table.loc["Causal contrast", "target_trial"]
    assert word in table.loc["Causal contrast", "emulation"]
    assert table.loc["Causal contrast", "deviation"] == "none"


def test_every_gap_is_named() -> None:
    gappy = replace(
        make_protocol(),
        question=" ",
        estimand_kind="both",
        outcome=ProtocolElement("exit", "", " "),
    )
    with pytest.raises(EstimationError) as caught:
        protocol_table(gappy)
    starts = [problem.split(";")[0] for problem in caught.value.problems]
    assert starts == [
        "question is empty",
        "estimand_kind is 'both'",
        "outcome, emulation: empty",
        "outcome, deviation: empty",
    ]
