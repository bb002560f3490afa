"""What a source can answer is told before anything runs, with what is lacking by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from loyaltylab.analyses.answerable import (
    COLUMN_NEEDS,
    COMPARISONS,
    find_answerable,
    tables_needed,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.findings import load_hypotheses, load_questions
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.tables.schemas import TABLES

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    parameters = SyntheticParameters(
        n_customers=400, team_rollout="staggered", desk_share=0.7, remedy_refusal_share=0.3
    )
    return dict(deliver(live_through(parameters, seed=3, step_days=7)).frames)


def standing(tables: Tables) -> dict[str, str]:
    return {answer.name: str(answer) for answer in find_answerable(tables)}


def test_the_provider_of_the_study_can_answer_all_that_a_report_asks(tables: Tables) -> None:
    answers = standing(tables)
    assert list(answers) == list(load_hypotheses())
    studied = [name for name, one in load_hypotheses().items() if one.is_studied]
    # No site of it has a department with a single task.
    assert [name for name in studied if answers[name] != "can be studied"] == ["H14"]
    assert answers["H14"].startswith("not estimable: no rows of policies with policy")


def test_what_no_report_studies_says_what_it_would_take(tables: Tables) -> None:
    answers = standing(tables)
    for name, hypothesis in load_hypotheses().items():
        if not hypothesis.is_studied:
            expected = f"not studied: no report does yet; it would take: {hypothesis.would_need}"
            assert answers[name] == expected


def test_customers_and_contracts_alone_answer_no_hypothesis(tables: Tables) -> None:
    answers = standing({name: tables[name] for name in ("customers", "contracts")})
    assert all(text.startswith("not estimable: needs table") for text in answers.values())
    assert answers["H04"] == "not estimable: needs table requests, table contacts"
    assert answers["H09"] == "not estimable: needs table contacts, table requests"
    assert answers["H13"].endswith("column contacts.opened_at or requests.decided_at")


def drop(table: str, *columns: str) -> Callable[[Tables], Tables]:
    return lambda tables: {**tables, table: tables[table].drop(columns=list(columns))}


def empty(table: str, column: str) -> Callable[[Tables], Tables]:
    return lambda tables: {**tables, table: tables[table].assign(**{column: None})}


def without(table: str, column: str, *values: str) -> Callable[[Tables], Tables]:
    return lambda tables: {**tables, table: tables[table].query(f"{column} not in {list(values)}")}


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("H01", drop("cancellation_journey", "desk"), "needs column cancellation_journey.desk"),
        ("H05", empty("contacts", "handoffs"), "not estimable: needs column contacts.handoffs"),
        ("H12", drop("offers", "ends_at"), "not estimable: needs column offers.ends_at"),
        ("H13", empty("exits", "cause_verified"), "needs column exits.cause_verified"),
        (
            "H17",
            without("compensations", "offered", "refund"),
            "not estimable: compensations.offered holds no 'refund', so nobody can be compared",
        ),
        ("H02", without("outreach", "kind", "remedy"), "not estimable: outreach.kind holds no"),
        (
            "H04",
            without("requests", "outcome", "denied", "denied_with_alternative"),
            "no 'denied or denied_with_alternative'",
        ),
        ("H03", empty("customers", "site"), "not estimable: needs column customers.site"),
        (
            "H22",
            without("policies", "policy", "cancellation_friction"),
            "not estimable: needs a reform",
        ),
    ],
)
def test_what_is_lacking_is_named(
    tables: Tables, name: str, change: Callable[[Tables], Tables], expected: str
) -> None:
    changed = change(tables)
    assert expected in standing(changed)[name]


def test_one_of_several_columns_is_enough(tables: Tables) -> None:
    bare = empty("contacts", "is_promise_kept")(empty("contacts", "wait_minutes")(tables))
    assert standing(bare)["H09"] == "can be studied"
    barer = empty("contacts", "resolved_at")(bare)
    assert "is_promise_kept or contacts.wait_minutes" in standing(barer)["H09"]


def test_denials_with_an_alternative_are_denials(tables: Tables) -> None:
    milder = without("requests", "outcome", "denied")(tables)
    assert standing(milder)["H04"] == "can be studied"


def test_every_need_is_a_column_of_a_schema_and_of_a_hypothesis() -> None:
    hypotheses = load_hypotheses()
    for name, needs in COLUMN_NEEDS.items():
        assert hypotheses[name].is_studied
        for need in needs:
            assert not (need.values and len(need.columns) > 1)
            for place in need.columns:
                table, column = place.split(".")
                assert column in TABLES[table].schema.columns
            if need.values:
                assert need.columns[0].split(".")[0] in tables_needed(hypotheses[name])
    assert {name for name, one in hypotheses.items() if one.is_studied} == set(COLUMN_NEEDS)
    assert set(COMPARISONS) <= set(COLUMN_NEEDS)


def test_a_hypothesis_needs_what_its_reports_need() -> None:
    hypotheses, questions = load_hypotheses(), load_questions()
    assert set(tables_needed(hypotheses["H04"])) == set(questions["service_quality"].needs)


def test_what_can_be_studied_is_estimated_by_its_analysis(small_study: StudyData) -> None:
    # The list and the analyses agree where both know: no analysis of the small study refuses.
    from loyaltylab.analyses.handled_contacts import handled_contacts
    from loyaltylab.analyses.service_denial import denial_cohort

    answers = standing(dict(small_study.tables))
    assert answers["H04"] == answers["H05"] == "can be studied"
    assert len(denial_cohort(small_study).frame) > 0
    assert len(handled_contacts(small_study).frame) > 0
