"""Claims and hypotheses: declared whole, bound to each other, and refused when they are not."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

import pytest
import yaml

from loyaltylab.errors import ParameterError
from loyaltylab.findings import (
    claims_table,
    declared_table,
    deviations,
    disagreements_table,
    hypotheses_hash,
    literal_problems_table,
    load_claims,
    load_hypotheses,
    load_questions,
    unsupported_table,
)
from loyaltylab.tables.schemas import TABLES

DECLARED = resources.files("loyaltylab.findings")


def hypotheses_with(name: str, **changes: Any) -> bytes:
    """The declared hypotheses with one entry changed."""
    entries = yaml.safe_load(DECLARED.joinpath("hypotheses.yaml").read_bytes())
    entries[name] |= changes
    return yaml.safe_dump(entries).encode()


def claims_with(part: str, name: str, **changes: Any) -> bytes:
    """The register with one entry changed."""
    parts = yaml.safe_load(DECLARED.joinpath("claims.yaml").read_bytes())
    parts[part][name] |= changes
    return yaml.safe_dump(parts).encode()


def test_all_hypotheses_are_declared_in_order() -> None:
    declared = load_hypotheses()
    assert list(declared) == [f"H{number:02d}" for number in range(1, 28)]
    confirmatory = [name for name, entry in declared.items() if entry.family == "confirmatory"]
    assert confirmatory == ["H01", "H03", "H04", "H17", "H22"]


def test_hypotheses_know_tables_and_reports() -> None:
    questions = load_questions()
    for entry in load_hypotheses().values():
        assert set(entry.needs) <= set(TABLES)
        assert all(entry.name in questions[report].hypotheses for report in entry.reports)
        assert entry.is_studied or entry.would_need


def test_smallest_effects_are_in_the_unit_of_estimates() -> None:
    """Half a month of 30.4375 days is 15.21875 days, 2 points are .02, a ratio is itself."""
    declared = load_hypotheses()
    assert declared["H01"].smallest_effect.in_estimate_unit == 15.21875
    assert declared["H05"].smallest_effect.in_estimate_unit == pytest.approx(0.02)
    assert declared["H13"].smallest_effect.in_estimate_unit == 1.25
    assert declared["H14"].smallest_effect.in_estimate_unit == 30.4375 / 4


def test_a_measure_of_exits_turns_the_sign_of_retention() -> None:
    declared = load_hypotheses()
    assert declared["H04"].claimed_sign() == -1
    assert declared["H05"].claimed_sign(is_of_exits=True) == 1
    assert declared["H17"].claimed_sign(is_of_exits=True) == 0


def test_the_hash_is_of_the_bytes_of_the_file() -> None:
    content = DECLARED.joinpath("hypotheses.yaml").read_bytes()
    assert hypotheses_hash() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"kind": "causal"}, "H04.kind is 'causal'"),
        ({"claim": "description"}, "go together"),
        ({"direction": 2}, "H04.direction is 2"),
        ({"family": "main"}, "H04.family is 'main'"),
        ({"needs": ["orders"]}, "the table 'orders'"),
        ({"horizon_months": 0}, "horizon_months is 0"),
        ({"reports": {"denials": {}}}, "the report 'denials'"),
        ({"reports": {"retention": {}}}, "whose question does not name it"),
        ({"reports": {}}, "H04 has no report"),
        ({"smallest_effect": {"value": 1}}, "lacks unit"),
        ({"smallest_effect": {"value": 1, "unit": "days"}}, "one of months, points, ratio"),
        ({"smallest_effect": {"value": 1, "unit": "ratio"}}, "rule: above 1"),
        ({"smallest_effect": {"value": 0, "unit": "months"}}, "rule: above 0"),
    ],
)
def test_a_wrong_hypothesis_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_hypotheses(hypotheses_with("H04", **changes))


def test_every_failure_is_told_at_once_and_a_key_counts_once() -> None:
    with pytest.raises(ParameterError) as caught:
        load_hypotheses(hypotheses_with("H04", kind="causal", family="main"))
    assert len(caught.value.problems) == 2
    with pytest.raises(ParameterError, match="H01 is declared twice"):
        load_hypotheses(b"H01: {}\nH01: {}\n")
    with pytest.raises(ParameterError, match="must hold a mapping"):
        load_hypotheses(b"- H01\n")
    with pytest.raises(ParameterError, match="an entry has keys"):
        load_hypotheses(b"H01: text\n")


def test_the_register_is_whole() -> None:
    register = load_claims()
    assert len(register.claims) == 56
    assert list(register.disagreements) == [f"X{number}" for number in range(1, 14)]
    assert list(register.articles) == ["000", "001", "002", "003", "004"]
    assert register.claims["E06"].articles == ("002",)
    tested = {name for claim in register.claims.values() for name in claim.hypotheses}
    assert tested == set(load_hypotheses())


@pytest.mark.parametrize(
    ("part", "name", "changes", "message"),
    [
        ("claims", "E01", {"hypotheses": ["H99"]}, "'H99', which does not exist"),
        ("claims", "E01", {"hypotheses": ["H05"]}, "names H05, which does not name it"),
        ("claims", "E01", {"hypotheses": []}, "H04 names the claim 'E01'"),
        ("claims", "E01", {"articles": ["005"]}, "'005', which does not exist"),
        ("claims", "E01", {"direction": "up"}, "direction is 'up'"),
        ("claims", "E01", {"weight": 1}, "unknown key 'weight'"),
        ("disagreements", "X1", {"hypotheses": ["H99"]}, "'H99', which does not exist"),
        ("unsupported", "U1", {"claims": ["E99"]}, "'E99', which does not exist"),
    ],
)
def test_a_wrong_register_is_refused(
    part: str, name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        load_claims(claims_with(part, name, **changes))


def finding(**parameters: Any) -> dict[str, Any]:
    """A stored finding, as far as tables read it."""
    provenance = {"parameters": parameters, "hypotheses_hash": hypotheses_hash()}
    return {"verdict": "not identified", "provenance": provenance}


def test_tables_have_a_row_for_every_entry_and_no_holes() -> None:
    register = load_claims()
    for table, part in (
        (claims_table(), register.claims),
        (disagreements_table(), register.disagreements),
        (literal_problems_table(), register.literal_problems),
        (unsupported_table(), register.unsupported),
        (declared_table(), load_hypotheses()),
    ):
        assert len(table) == len(part)
        assert table.notna().all(axis=None)


def test_what_is_claimed_is_put_in_words() -> None:
    table = declared_table().set_index("hypothesis")
    assert table["smallest effect"][["H13", "H04"]].tolist() == [
        "ratio 0.80 or 1.25",
        "0.5 months",
    ]
    assert table["claimed"][["H01", "H03", "H04", "H12", "H13"]].tolist() == [
        "either way",
        "stay longer",
        "stay shorter",
        "described",
        "no difference",
    ]


def test_deviations_from_what_was_declared() -> None:
    declared = load_hypotheses()
    as_declared = finding(exposed="voucher", reference="refund", horizon_months=24)
    assert deviations({"compensation": as_declared}, declared).empty
    shorter = finding(exposed="voucher", horizon_months=12)
    shorter["provenance"]["hypotheses_hash"] = "0" * 64
    found = deviations({"compensation": shorter, "retention": finding(horizon_months=24)}, declared)
    assert found["what"].tolist() == ["reference", "horizon months", "hash of the hypotheses"]
    assert found["declared"].tolist()[:2] == ["refund", "24"]
    assert found["run"].tolist() == ["not said", "12", "0" * 12]
    # The hash is that of every hypothesis the page bears on.
    assert found["hypothesis"].unique().tolist() == ["H17", "H17, H18"]


def test_a_finding_without_a_hash_deviates() -> None:
    old = finding(horizon_months=24)
    del old["provenance"]["hypotheses_hash"]
    found = deviations({"service_quality": old}, load_hypotheses())
    assert found["run"].tolist() == ["no hash kept"]
