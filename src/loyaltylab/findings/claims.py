"""What the articles claim, where their versions disagree, and what no analysis can support."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from loyaltylab.errors import ParameterError
from loyaltylab.findings.declarations import (
    find_key_problems,
    find_unknown,
    parse_declaration,
    read_declaration,
)
from loyaltylab.findings.hypotheses import load_hypotheses

CLAIMS_FILE = "claims.yaml"
DIRECTIONS = ("better", "worse", "delays", "none", "open", "other")


@dataclass(frozen=True)
class Article:
    """Where claims come from: its language, and what it is."""

    name: str
    language: str
    description: str


@dataclass(frozen=True)
class Claim:
    """One claim of an article, in our own words.

    Attributes
    ----------
    name : str
    articles : tuple of str
        Articles that make it.
    text : str
    constructs : tuple of str
        What would have to be measured.
    direction : {"better", "worse", "delays", "none", "open", "other"}
        Of retention; "delays" is better at first and worse later, "other" is not about retention.
    hypotheses : tuple of str
        Hypotheses that put it to the test.
    """

    name: str
    articles: tuple[str, ...]
    text: str
    constructs: tuple[str, ...]
    direction: str
    hypotheses: tuple[str, ...]


@dataclass(frozen=True)
class Disagreement:
    """A point on which the Dutch and the Spanish version of one story differ."""

    name: str
    about: str
    dutch: str
    spanish: str
    consequence: str
    hypotheses: tuple[str, ...]


@dataclass(frozen=True)
class LiteralProblem:
    """Something an article says that cannot be taken as it stands, and what we do about it."""

    name: str
    articles: tuple[str, ...]
    problem: str
    handling: str


@dataclass(frozen=True)
class Unsupported:
    """A statement that the articles cannot support, whatever the analysis."""

    name: str
    statement: str
    claims: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class ClaimsRegister:
    """Every claim, with what is wrong in the sources; each part by name, in order."""

    articles: dict[str, Article]
    claims: dict[str, Claim]
    disagreements: dict[str, Disagreement]
    literal_problems: dict[str, LiteralProblem]
    unsupported: dict[str, Unsupported]


PARTS: dict[str, type[Any]] = {
    "articles": Article,
    "claims": Claim,
    "disagreements": Disagreement,
    "literal_problems": LiteralProblem,
    "unsupported": Unsupported,
}
Part = TypeVar("Part")


def load_claims(content: bytes | None = None) -> ClaimsRegister:
    """The register of claims, checked against the hypotheses.

    Parameters
    ----------
    content : bytes, optional
        Text to read in place of the file that comes with the package.

    Raises
    ------
    ParameterError
        If a name stands twice, a key is unknown or missing, or an entry names what does not
        exist; a claim and its hypothesis must name each other.

    Examples
    --------
    >>> load_claims().claims["E01"].hypotheses
    ('H04',)
    """
    text = read_declaration(CLAIMS_FILE) if content is None else content
    parsed = parse_declaration(text, name=CLAIMS_FILE)
    problems = find_key_problems(CLAIMS_FILE, parsed, PARTS)
    problems = problems or [
        text
        for part, kind in PARTS.items()
        for name, entry in parsed[part].items()
        for text in find_key_problems(f"{part}.{name}", entry, _keys(kind))
    ]
    problems = problems or _find_problems(parsed)
    if problems:
        raise ParameterError(f"{CLAIMS_FILE} is not a register of claims:", problems)
    return ClaimsRegister(**{part: _read(parsed[part], kind) for part, kind in PARTS.items()})


def _keys(kind: type[Any]) -> list[str]:
    return [field.name for field in fields(kind) if field.name != "name"]


def _read(entries: Mapping[str, Mapping[str, Any]], kind: Callable[..., Part]) -> dict[str, Part]:
    return {
        name: kind(
            name=name,
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in entry.items()
            },
        )
        for name, entry in entries.items()
    }


def _find_problems(parsed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    hypotheses = load_hypotheses()
    known = {"hypotheses": hypotheses, "articles": parsed["articles"], "claims": parsed["claims"]}
    problems = [
        text
        for part in PARTS
        for name, entry in parsed[part].items()
        for key in known
        if key in entry
        for text in find_unknown(f"{part}.{name}", entry[key], known[key], f"in {key}")
    ]
    for name, claim in parsed["claims"].items():
        if claim["direction"] not in DIRECTIONS:
            problems.append(
                f"claims.{name}.direction is {claim['direction']!r}; rule: one of "
                + ", ".join(DIRECTIONS)
            )
        problems += [
            f"claims.{name} names {hypothesis}, which does not name it; fix: add it there"
            for hypothesis in claim["hypotheses"]
            if hypothesis in hypotheses and name not in hypotheses[hypothesis].claims
        ]
    for name, hypothesis in hypotheses.items():
        problems += [
            f"{name} names the claim {claim!r}, which does not name it; fix: add it to the claim"
            for claim in hypothesis.claims
            if name not in parsed["claims"].get(claim, {"hypotheses": ()})["hypotheses"]
        ]
    return problems
