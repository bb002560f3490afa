"""params.yaml: every problem at once, each with its place and, where close, the right name."""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from loyaltylab.errors import ParameterError
from loyaltylab.params import (
    PARAMS_FILE,
    did_you_mean,
    load_parameters,
    parse_parameters,
    repeated_keys,
)

ROOT = Path(__file__).parents[1]
SECTIONS: dict[str, Any] = {
    "source": {"kind": "synthetic", "mapping": None},
    "study": {"seed": 1, "confidence_level": 0.95},
    "synthetic": {"n_customers": 100},
    "timeline": {"merge_gap_days": 0, "memory_days": 180},
    "disclosure": {"min_cell": 5},
    "retention": {"horizon_months": 24},
}
NOTEBOOKS = ["retention"]


def changed(**keys: Any) -> dict[str, Any]:
    """The sections with some keys set: ``study__seed=2``; a whole section: ``study=None``."""
    sections = copy.deepcopy(SECTIONS)
    for place, value in keys.items():
        section, _, key = place.partition("__")
        if key:
            sections[section][key] = value
        else:
            sections[section] = value
    return sections


def problems(sections: dict[str, Any], notebooks: list[str] = NOTEBOOKS) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as caught:
        parse_parameters(sections, notebooks=notebooks)
    return caught.value.problems


def write(folder: Path, text: str) -> Path:
    (folder / PARAMS_FILE).write_text(text, encoding="utf-8")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "retention.ipynb").touch()
    return folder


def test_the_parameters_of_this_study_are_valid() -> None:
    parameters = load_parameters(ROOT)
    names = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(parameters.reports) == names


def test_sections_are_typed_and_frozen() -> None:
    parameters = parse_parameters(SECTIONS, notebooks=NOTEBOOKS)
    assert parameters.study.confidence_level == 0.95
    assert parameters.synthetic.window_start == date(2018, 1, 1)
    assert parameters.reports == {"retention": {"horizon_months": 24}}
    with pytest.raises(ValueError, match="frozen"):
        parameters.study.seed = 2  # type: ignore[misc]


def test_sections_are_not_changed() -> None:
    before = copy.deepcopy(SECTIONS)
    parse_parameters(SECTIONS, notebooks=NOTEBOOKS)
    assert before == SECTIONS


def test_an_empty_section_has_its_defaults() -> None:
    parameters = parse_parameters(changed(synthetic=None, retention=None), notebooks=NOTEBOOKS)
    assert parameters.synthetic.n_customers == 6000
    assert parameters.reports == {"retention": {}}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"retension": {}}, "section 'retension' is unknown (did you mean 'retention'?)"),
        ({"Study2": {}}, "section 'Study2' is unknown (did you mean 'study'?)"),
        ({"study__sede": 1}, "study.sede is unknown (did you mean 'seed'?)"),
        ({"study__qqqq": 1}, "study.qqqq is unknown"),
        ({"synthetic__n_custommers": 9}, "synthetic.n_custommers is unknown (did you mean 'n_cust"),
        ({"study__seed": "many"}, "study.seed: input should be a valid integer"),
        ({"study__seed": -1}, "study.seed: input should be greater than or equal to 0, got -1"),
        ({"study__seed": 1.5}, "study.seed: input should be a valid integer"),
        ({"study__seed": None}, "study.seed: input should be a valid integer"),
        ({"study__confidence_level": 95}, "study.confidence_level: input should be less than 1"),
        ({"study__confidence_level": 0.5}, "study.confidence_level: input should be greater"),
        ({"timeline__merge_gap_days": -1}, "timeline.merge_gap_days: input should be greater"),
        ({"timeline__memory_days": 0}, "timeline.memory_days: input should be greater than 0"),
        ({"timeline__memory_days": float("inf")}, "timeline.memory_days: input should be a fin"),
        ({"timeline__memory_days": float("nan")}, "timeline.memory_days: input should be a fin"),
        ({"disclosure__min_cell": 0}, "disclosure.min_cell: input should be greater"),
        ({"source__kind": "csv"}, "source.kind: input should be 'synthetic', 'delimited'"),
        ({"source__kind": "delimited"}, "source: kind is 'delimited' but mapping is empty"),
        ({"synthetic__window_end": date(2017, 1, 1)}, "synthetic: window_end must be later than"),
        ({"synthetic__stock_share": 1.1}, "synthetic.stock_share: input should be less than"),
        ({"study": [1]}, "study: input should be a valid dictionary"),
        ({"retention": [1]}, "retention: input should be a valid dictionary, got [1]"),
        # YAML reads `seed: yes` as True, which would pass for 1.
        ({"study__seed": True}, "study.seed: a bare yes, no, on, off, true or false is no such"),
        ({"timeline__merge_gap_days": False}, "timeline.merge_gap_days: a bare yes"),
    ],
)
def test_one_problem_is_named(keys: dict[str, Any], expected: str) -> None:
    [problem] = problems(changed(**keys))
    assert problem.startswith(expected)


def test_a_yes_is_a_yes_where_one_is_asked_for() -> None:
    sections = changed(synthetic__voucher_is_refunded=True)
    assert parse_parameters(sections, notebooks=NOTEBOOKS).synthetic.voucher_is_refunded is True


def test_missing_sections_and_keys_are_named() -> None:
    sections = changed()
    del sections["disclosure"], sections["retention"], sections["study"]["seed"]
    assert problems(sections) == (
        "section 'disclosure' is missing",
        "section 'retention' is missing: the notebook notebooks/retention.ipynb needs it",
        "study.seed is missing",
    )


def test_all_problems_are_named_at_once() -> None:
    sections = changed(retension={}, study__sede=1, study__seed="x", disclosure__min_cell=-1)
    del sections["timeline"]
    with pytest.raises(ParameterError, match=r"params\.yaml has 5 problems:") as caught:
        parse_parameters(sections, notebooks=NOTEBOOKS)
    places = [problem.split(" is ")[0].split(":")[0] for problem in caught.value.problems]
    assert places == [
        "section 'retension'",
        "section 'timeline'",
        "study.seed",
        "study.sede",
        "disclosure.min_cell",
    ]


def test_a_rule_across_keys_does_not_print_the_section() -> None:
    [problem] = problems(changed(synthetic__shock_end=date(2000, 1, 1)))
    assert problem == "synthetic: shock_end must be later than shock_start"


def test_a_section_whose_name_is_no_text_is_named() -> None:
    sections: dict[Any, Any] = {**changed(), False: {}, 7: {}}
    found = problems(sections)
    assert found[0].startswith("section 'False' is unknown")
    assert found[1].startswith("section '7' is unknown")


def test_a_notebook_may_not_have_the_name_of_a_fixed_section() -> None:
    [problem] = problems(changed(), [*NOTEBOOKS, "study"])
    assert (
        problem == "the notebook notebooks/study.ipynb has the name of a fixed section; rename it"
    )


class TestFile:
    def test_reading(self, tmp_path: Path) -> None:
        write(tmp_path, yaml.safe_dump(SECTIONS))
        assert load_parameters(tmp_path) == parse_parameters(SECTIONS, notebooks=NOTEBOOKS)

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match=r"params\.yaml is missing"):
            load_parameters(tmp_path)

    @pytest.mark.parametrize("text", ["a: [", "a: 2020-02-30", "a: \x00", "\ta: 1"])
    def test_not_yaml(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ParameterError, match="not valid YAML"):
            load_parameters(write(tmp_path, text))

    def test_not_text(self, tmp_path: Path) -> None:
        write(tmp_path, "")
        (tmp_path / PARAMS_FILE).write_bytes(b"label: M\xfcller")
        with pytest.raises(ParameterError, match="not valid YAML"):
            load_parameters(tmp_path)

    @pytest.mark.parametrize("text", ["", "- a\n- b", "just text"])
    def test_no_sections(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ParameterError, match="must hold sections"):
            load_parameters(write(tmp_path, text))

    def test_a_key_that_stands_twice(self, tmp_path: Path) -> None:
        text = yaml.safe_dump(SECTIONS) + "study:\n  seed: 2\n  seed: 3\n"
        with pytest.raises(ParameterError, match="says something twice") as caught:
            load_parameters(write(tmp_path, text))
        keys = [problem.split(" (")[0] for problem in caught.value.problems]
        assert keys == ["'study' stands twice", "'seed' stands twice"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a: 1\nb: {a: 1}", []),
        ("a: 1\na: 2\na: 3", ["'a' stands twice (line 2)", "'a' stands twice (line 3)"]),
        ("a:\n  - b: 1\n    b: 2", ["'b' stands twice (line 3)"]),
        ("a: &x\n  b: *x", []),
    ],
)
def test_repeated_keys(text: str, expected: list[str]) -> None:
    assert repeated_keys(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("custmer", " (did you mean 'Customer'?)"),
        ("CUSTOMER", " (did you mean 'Customer'?)"),
        ("zzz", ""),
    ],
)
def test_did_you_mean(name: str, expected: str) -> None:
    assert did_you_mean(name, ["Customer", "contract"]) == expected


def test_only_traps_that_stop_the_study_are_acknowledged() -> None:
    sections = changed(study__acknowledged_traps=["no_exits"])
    assert parse_parameters(sections, notebooks=NOTEBOOKS).study.acknowledged_traps == ("no_exits",)
    [problem] = problems(changed(study__acknowledged_traps=["coarse_dates"]))
    assert problem.startswith("study.acknowledged_traps: 'coarse_dates' is no trap that stops")
