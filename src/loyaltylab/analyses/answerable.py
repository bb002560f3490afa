"""What a source can and cannot answer, hypothesis by hypothesis, before anything is estimated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import pandas as pd

from loyaltylab.analyses.teams import SINGLE_TASKS, TEAM_POLICY, team_starts
from loyaltylab.errors import NotEstimableError
from loyaltylab.findings.hypotheses import Hypothesis, load_hypotheses
from loyaltylab.findings.questions import load_questions
from loyaltylab.measures.cancellation_friction import find_reform

Tables = Mapping[str, pd.DataFrame]
DENIED = "denied|denied_with_alternative"
Standing = Literal["can be studied", "not estimable", "not studied"]


@dataclass(frozen=True)
class Need:
    """What a hypothesis needs of the columns of a source.

    Attributes
    ----------
    columns : tuple of str
        ``table.column``; one of them has to hold something.
    values : tuple of str
        Values that must all occur in the (only) column, or nobody can be compared; of "a|b"
        either will do.
    """

    columns: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answerable:
    """Whether a hypothesis can be studied on a source.

    Attributes
    ----------
    name, title : str
        Of the hypothesis.
    standing : {"can be studied", "not estimable", "not studied"}
        Not estimable, as the verdict of the report will be: a table or column is lacking, or
        nothing in them can be compared. Not studied: no report does it yet, whatever the source.
    reason : str
        What is lacking; empty if nothing.
    """

    name: str
    title: str
    standing: Standing
    reason: str

    def __str__(self) -> str:
        return f"{self.standing}: {self.reason}" if self.reason else self.standing


def _of(*columns: str, values: tuple[str, ...] = ()) -> Need:
    return Need(columns, values)


# Columns beyond those that every row of a needed table has. What the analyses themselves raise
# NotEstimableError for is told here before anything runs.
COLUMN_NEEDS: Mapping[str, tuple[Need, ...]] = MappingProxyType(
    {
        "H01": (_of("cancellation_journey.desk", values=("reactive", "none")),),
        "H02": (
            _of("requests.decided_at"),
            _of("requests.outcome", values=(DENIED,)),
            _of("outreach.kind", values=("remedy",)),
        ),
        "H03": (_of("customers.site"), _of("policies.site")),
        "H04": (
            _of("requests.decided_at"),
            _of("requests.outcome", values=(DENIED, "granted")),
        ),
        "H05": (_of("contacts.handoffs"), _of("contacts.resolved_at")),
        "H06": (
            _of("contacts.satisfaction_share"),
            _of("contacts.rated_at"),
            _of("customers.direct_debits"),
            _of("customers.segment"),
        ),
        "H09": (_of("contacts.is_promise_kept", "contacts.wait_minutes", "contacts.resolved_at"),),
        "H12": (
            _of("offers.kind", values=("save",)),
            _of("offers.is_accepted"),
            _of("offers.ends_at"),
        ),
        "H13": (_of("exits.cause_verified"), _of("contacts.opened_at", "requests.decided_at")),
        "H14": (_of("customers.site"), _of("policies.site")),
        "H17": (_of("compensations.offered", values=("voucher", "refund")),),
        "H18": (
            _of("incidents.kind", values=("failure",)),
            _of("outreach.kind", values=("proactive_message",)),
        ),
        "H22": (_of("customers.segment"),),
        "H23": (_of("cancellation_journey.wait_minutes"),),
        "H25": (
            _of("exits.cause_verified"),
            _of("exits.requested_at", "cancellation_journey.stepped_at"),
        ),
    }
)


def _find_rollout(tables: Tables, policies: tuple[str, ...]) -> str:
    sites = tables["customers"]["site"].dropna().unique()
    for policy in policies:
        starts = team_starts(tables, policy=policy)
        if starts[starts.index.isin(sites)].nunique() >= 2:
            return ""
    named = " or ".join(f"'{policy}'" for policy in policies)
    return f"no rows of policies with policy {named} for sites that start at different times"


def _find_reform(tables: Tables) -> str:
    try:
        find_reform(tables["policies"], tables["customers"])
    except NotEstimableError as error:
        return error.summary.removeprefix("Not estimable: ").rstrip(".")
    return ""


# What a comparison rests on besides columns: empty if it is there.
COMPARISONS: Mapping[str, Callable[[Tables], str]] = MappingProxyType(
    {
        "H03": lambda tables: _find_rollout(tables, (TEAM_POLICY,)),
        "H06": _find_reform,
        "H14": lambda tables: _find_rollout(tables, tuple(SINGLE_TASKS)),
        "H22": _find_reform,
    }
)


def find_answerable(tables: Tables) -> tuple[Answerable, ...]:
    """What valid tables can answer, by hypothesis, in the order in which they are declared.

    Too few customers or events are not looked for: only an analysis can tell.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        As from :func:`loyaltylab.tables.validation.validate`; not changed. A column that is all
        missing counts as not delivered.

    Returns
    -------
    tuple of Answerable
    """
    return tuple(_stand(hypothesis, tables) for hypothesis in load_hypotheses().values())


def tables_needed(hypothesis: Hypothesis) -> tuple[str, ...]:
    """Tables that the hypothesis, or a report that studies it, cannot do without."""
    questions = load_questions()
    of_reports = [table for report in hypothesis.reports for table in questions[report].needs]
    return tuple(dict.fromkeys([*hypothesis.needs, *of_reports]))


def _stand(hypothesis: Hypothesis, tables: Tables) -> Answerable:
    def say(standing: Standing, reason: str = "") -> Answerable:
        return Answerable(hypothesis.name, hypothesis.title, standing, reason)

    needs = COLUMN_NEEDS.get(hypothesis.name, ())
    lacking = [
        f"table {name}"
        for name in tables_needed(hypothesis)
        if name not in tables or tables[name].empty
    ]
    lacking += _lacking_columns(needs, tables, needed=tables_needed(hypothesis))
    if lacking:
        return say("not estimable", f"needs {', '.join(lacking)}")
    if not hypothesis.is_studied:
        return say("not studied", f"no report does yet; it would take: {hypothesis.would_need}")
    problems = [*_lacking_values(needs, tables)]
    if hypothesis.name in COMPARISONS:
        problems.append(COMPARISONS[hypothesis.name](tables))
    reason = "; ".join(problem for problem in problems if problem)
    return say("not estimable", reason) if reason else say("can be studied")


def _lacking_columns(
    needs: tuple[Need, ...], tables: Tables, *, needed: tuple[str, ...]
) -> Iterator[str]:
    for need in needs:
        places = [place.split(".") for place in need.columns]
        there = [(table, column) for table, column in places if table in tables]
        # A table that is missing altogether has been named already, unless another would do.
        if not there and all(table in needed for table, _ in places):
            continue
        if not any(
            column in tables[table] and tables[table][column].notna().any()
            for table, column in there
        ):
            yield f"column {' or '.join(need.columns)}"


def _lacking_values(needs: tuple[Need, ...], tables: Tables) -> Iterator[str]:
    for need in needs:
        table, column = need.columns[0].split(".")
        here = set(tables[table][column].dropna().unique())
        absent = [value for value in need.values if not here & set(value.split("|"))]
        if absent:
            named = " and no ".join(f"'{value.replace('|', ' or ')}'" for value in absent)
            yield f"{table}.{column} holds no {named}, so nobody can be compared"
