"""The hypotheses of the study, declared before anything is estimated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from loyaltylab.errors import ParameterError
from loyaltylab.findings.declarations import (
    find_key_problems,
    find_unknown,
    parse_declaration,
    read_declaration,
)
from loyaltylab.findings.questions import Question, load_questions
from loyaltylab.findings.wording import DAYS_PER_MONTH
from loyaltylab.tables.schemas import TABLES

HYPOTHESES_FILE = "hypotheses.yaml"
KINDS = ("direct", "total", "descriptive")
CLAIMS = ("difference", "equivalence", "description")
DIRECTIONS = (1, -1, "two-sided")
FAMILIES = ("confirmatory", "secondary")
UNITS = ("months", "points", "ratio")

Kind = Literal["direct", "total", "descriptive"]
ClaimKind = Literal["difference", "equivalence", "description"]
Family = Literal["confirmatory", "secondary"]


@dataclass(frozen=True)
class SmallestEffect:
    """The smallest effect that would matter.

    Attributes
    ----------
    value : float
        Above 0; above 1 for a ratio.
    unit : {"months", "points", "ratio"}
        Of restricted mean, of percentage points, or of a hazard.
    """

    value: float
    unit: str

    @property
    def in_estimate_unit(self) -> float:
        """The same in the unit of estimates: days, share or ratio."""
        factor = {"months": DAYS_PER_MONTH, "points": 0.01, "ratio": 1.0}[self.unit]
        return self.value * factor


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis, with all that is decided before its estimate is seen.

    Attributes
    ----------
    name : str
        "H01", for example.
    title : str
        What it says, in plain words.
    claims : tuple of str
        Claims of the articles that it puts to the test.
    population, time_zero, outcome, measure : str
        The estimand, in words.
    strategies : tuple of str
        What is compared, the first minus the second.
    horizon_months : float
    kind : {"direct", "total", "descriptive"}
        With the surroundings held fixed, with queues and talk responding, or no effect at all.
    claim : {"difference", "equivalence", "description"}
        Whether an effect is claimed, or its absence, or neither.
    direction : {1, -1, "two-sided"}
        Of retention.
    smallest_effect : SmallestEffect
        What would matter; for equivalence, the limits.
    family : {"confirmatory", "secondary"}
        Holm's adjustment at 5 %, or a false discovery rate of 10 %.
    decision : str
        What the decision takes beyond the grammar of verdicts; empty if nothing.
    needs : tuple of str
        Tables without which it cannot be studied.
    reports : dict of str to dict
        Report that studies it -> parameters under which it does so as declared.
    would_need : str
        What studying it would take, or what is lacking; empty if a report does it in full.
    """

    name: str
    title: str
    claims: tuple[str, ...]
    population: str
    time_zero: str
    strategies: tuple[str, ...]
    outcome: str
    horizon_months: float
    measure: str
    kind: Kind
    claim: ClaimKind
    direction: int | Literal["two-sided"]
    smallest_effect: SmallestEffect
    family: Family
    decision: str
    needs: tuple[str, ...]
    reports: dict[str, dict[str, Any]]
    would_need: str

    def claimed_sign(self, *, is_of_exits: bool = False) -> int:
        """Sign claimed of the estimate: 1, -1, or 0 where two-sided.

        ``is_of_exits`` for a measure that goes up as customers leave: an incidence, a hazard ratio.
        """
        sign = 0 if self.direction == "two-sided" else int(self.direction)
        return -sign if is_of_exits else sign

    @property
    def is_studied(self) -> bool:
        """Whether a report studies it as declared."""
        return bool(self.reports)


def load_hypotheses(content: bytes | None = None) -> dict[str, Hypothesis]:
    """Every declared hypothesis by name, in order.

    Parameters
    ----------
    content : bytes, optional
        Text to read in place of the file that comes with the package.

    Raises
    ------
    ParameterError
        If a key is unknown or missing, or a value names what does not exist; every failure.

    Examples
    --------
    >>> load_hypotheses()["H17"].family
    'confirmatory'
    """
    text = read_declaration(HYPOTHESES_FILE) if content is None else content
    entries = parse_declaration(text, name=HYPOTHESES_FILE)
    questions = load_questions()
    problems = [
        text for name, entry in entries.items() for text in _find_problems(name, entry, questions)
    ]
    if problems:
        raise ParameterError(f"{HYPOTHESES_FILE} does not declare its hypotheses:", problems)
    return {name: _read(name, entry) for name, entry in entries.items()}


def hypotheses_hash() -> str:
    """SHA-256 of the bytes of the file that declares the hypotheses."""
    return hashlib.sha256(read_declaration(HYPOTHESES_FILE)).hexdigest()


def _read(name: str, entry: Mapping[str, Any]) -> Hypothesis:
    values = dict(entry)
    for key in ("claims", "strategies", "needs"):
        values[key] = tuple(values[key])
    values["smallest_effect"] = SmallestEffect(**values["smallest_effect"])
    return Hypothesis(name=name, **values)


def _find_problems(name: str, entry: object, questions: Mapping[str, Question]) -> list[str]:
    keys = [field.name for field in fields(Hypothesis) if field.name != "name"]
    problems = find_key_problems(name, entry, keys)
    if problems or not isinstance(entry, Mapping):
        return problems
    choices = {
        "kind": KINDS,
        "claim": CLAIMS,
        "direction": DIRECTIONS,
        "family": FAMILIES,
    }
    for key, allowed in choices.items():
        if entry[key] not in allowed:
            listed = ", ".join(str(value) for value in allowed)
            problems.append(f"{name}.{key} is {entry[key]!r}; rule: one of {listed}")
    problems += find_unknown(f"{name}.needs", entry["needs"], TABLES, "the table")
    if (entry["kind"] == "descriptive") != (entry["claim"] == "description"):
        problems.append(f"{name}: a descriptive kind and a description go together")
    if not entry["horizon_months"] > 0:
        problems.append(f"{name}.horizon_months is {entry['horizon_months']!r}; rule: above 0")
    if not (entry["reports"] or entry["would_need"]):
        problems.append(f"{name} has no report; fix: say in would_need what it would take")
    problems += _find_effect_problems(name, entry["smallest_effect"])
    return problems + _find_report_problems(name, entry["reports"], questions)


def _find_effect_problems(name: str, effect: object) -> list[str]:
    where = f"{name}.smallest_effect"
    problems = find_key_problems(where, effect, ("value", "unit"))
    if problems or not isinstance(effect, Mapping):
        return problems
    if effect["unit"] not in UNITS:
        return [f"{where}.unit is {effect['unit']!r}; rule: one of {', '.join(UNITS)}"]
    lowest = 1 if effect["unit"] == "ratio" else 0
    if not effect["value"] > lowest:
        return [f"{where}.value is {effect['value']!r}; rule: above {lowest}"]
    return []


def _find_report_problems(
    name: str, reports: Mapping[str, Any], questions: Mapping[str, Question]
) -> list[str]:
    problems = find_unknown(f"{name}.reports", reports, questions, "the report")
    problems += [
        f"{name} is studied by '{report}', whose question does not name it; fix: add it there"
        for report in reports
        if report in questions and name not in questions[report].hypotheses
    ]
    return problems
