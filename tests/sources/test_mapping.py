"""Every error of a mapping is named before a file is opened; what is right is read as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from loyaltylab.errors import TableError
from loyaltylab.sources.mapping import Mapping, read_mapping

ROOT = Path(__file__).parents[2]
TABLES = """
tables:
  customers:
    file: data/raw/people.csv
    columns:
      customer_id: no
      attribute_age: {from: age, type: number, meaning: age in years, known: at sign-up}
  contracts:
    file: data/raw/people.csv
    columns:
      contract_id: no
      customer_id: no
      started_at: {from: began, format: "%d.%m.%Y"}
      ended_at: {from: ended}
"""
WINDOW = "label: people\nwindow: {start: 2020-01-01, end: 2021-01-01}\n"
SNAPSHOT = "label: people\nsnapshot: {at: 2021-01-01, observed_months: 3}\n"
WHOLE = WINDOW + TABLES


def read(folder: Path, text: str) -> Mapping:
    path = folder / "people.yaml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        read(folder, text)
    return caught.value.problems


def test_scalars_stay_as_written(tmp_path: Path) -> None:
    # In plain YAML `no` is false, `007` is 7 and `1e3` a number.
    text = WHOLE.replace(
        "{from: ended}", "{from: 007, values: {no: yes, 1e3: 2020-01-02}}"
    ).replace("customer_id: no\n      attr", "customer_id: on\n      attr")
    how = read(tmp_path, text).tables["contracts"].columns
    assert how["contract_id"].source == "no"
    assert how["ended_at"].source == "007"
    assert how["ended_at"].values == {"no": "yes", "1e3": "2020-01-02"}


@pytest.mark.parametrize(
    ("written", "expected"), [("yes", True), ("no", False), ("true", True), ("false", False)]
)
def test_yes_and_no_are_read_where_they_are_asked_for(
    tmp_path: Path, written: str, expected: bool
) -> None:
    text = f"is_sample: {written}\n" + WHOLE.replace("age in", f"age, in_models: {written}, #")
    mapping = read(tmp_path, text.replace(", # years, known: at sign-up}", "}"))
    assert mapping.is_sample is expected
    assert mapping.tables["customers"].columns["attribute_age"].in_models is expected


def test_the_mapping_in_the_repository_is_valid() -> None:
    for path in (ROOT / "data" / "mappings").glob("*.yaml"):
        assert read_mapping(path).label


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("label: people\n", "", "label is missing"),
        ("label: people", "lable: people\nlabel: x", "lable is unknown (did you mean 'label'?)"),
        ("window: {start: 2020-01-01, end: 2021-01-01}\n", "", "mapping: give either 'snapshot'"),
        ("label: people", "label: x\nsnapshot: {at: 2021-01-01, observed_months: 3}", "mapping: g"),
        ("start: 2020-01-01", "start: today", "window.start: 'today' is not a date"),
        ("start: 2020-01-01", "start: 1/2/2020", "window.start: '1/2/2020' is not a date"),
        ("start: 2020-01-01", "start: ''", "window.start: '' is not a date"),
        ("end: 2021-01-01", "end: 2020-13-01", "window.end: '2020-13-01' is not a date"),
        ("end: 2021-01-01", "end: 2020-01-01", "window: the end is not after the start"),
        (
            "label: people",
            "label: x\nset_aside: [orphans]",
            "set_aside names the rule 'orphans', w",
        ),
        ("label: people", "label: x\nset_aside: orphan", "set_aside: input should be a valid list"),
        ("label: people", "label: x\nis_sample: perhaps", "is_sample: input should be a valid boo"),
        ("customers:", "customer:", "table 'customers' is missing"),
        ("ended_at:", "end_at:", "contracts (people.yaml): column 'ended_at' is missing"),
        ("ended_at:", "price: x\n      ended_at:", "contracts (people.yaml): column 'price' is un"),
        ("attribute_age:", "age:", "customers (people.yaml): column 'age' is unknown"),
        ("{from: ended}", "{}", "tables.contracts.columns.ended_at: give exactly one of from"),
        ("{from: ended}", "{from: e, constant: x}", "tables.contracts.columns.ended_at: give ex"),
        ("{from: ended}", "", "tables.contracts.columns.ended_at.from: string should have"),
        ("{from: ended}", "[x]", "tables.contracts.columns.ended_at: input should be a valid d"),
        ("{from: ended}", "{form: x, from: ended}", "tables.contracts.columns.ended_at.form is u"),
        (
            "{from: ended}",
            "{from: ended, format: '%Q'}",
            "tables.contracts.columns.ended_at: the f",
        ),
        (
            "{from: ended}",
            "{from: ended, meaning: end}",
            "tables.contracts.columns.ended_at: type,",
        ),
        (
            "{from: ended}",
            "{from: no}",
            "tables.contracts.columns.ended_at: the file's column 'no'",
        ),
        ("type: number", "type: money", "tables.customers.columns.attribute_age.type: input"),
        ("from: age,", "from: age, format: '%Y',", "tables.customers.columns.attribute_age: a for"),
        (
            "from: age,",
            "from: no,",
            "tables.customers.columns.attribute_age: the file's column 'no",
        ),
        ("file: data", "delimiter: ';;'\n    file: data", "tables.customers.delimiter: string sho"),
        ("file: data", "decimal: ':'\n    file: data", "tables.customers.decimal: input should be"),
    ],
)
def test_one_slip_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in WHOLE
    found = problems(tmp_path, WHOLE.replace(old, new, 1))
    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("started_at: {months_before_snapshot: age}", "there is no snapshot to count from"),
        (
            "ended_at: {snapshot_when: {column: left, equals: a, otherwise: b}}",
            "there is no snapshot to count from",
        ),
        ("notice_days: {months_before_snapshot: age}", "this column is no time"),
    ],
)
def test_months_need_a_snapshot_and_a_time(tmp_path: Path, origin: str, expected: str) -> None:
    column = origin.split(":")[0]
    text = "\n".join(line for line in WHOLE.splitlines() if not line.strip().startswith(column))
    found = problems(tmp_path, f"{text}\n      {origin}\n")
    assert any(expected in problem for problem in found), found
    if "notice" not in origin:
        assert read(tmp_path, f"{text}\n      {origin}\n".replace(WINDOW, SNAPSHOT)).snapshot


def test_a_condition_says_what_both_values_mean(tmp_path: Path) -> None:
    text = SNAPSHOT + TABLES.replace("{from: ended}", "{snapshot_when: {column: left, equals: a}}")
    assert problems(tmp_path, text) == (
        "tables.contracts.columns.ended_at.snapshot_when.otherwise is missing",
    )


@pytest.mark.parametrize("months", ["0", "-3", "inf", "nan", "1e9", "three"])
def test_observed_months_is_a_number_of_months(tmp_path: Path, months: str) -> None:
    text = (SNAPSHOT + TABLES).replace("observed_months: 3", f"observed_months: {months}")
    [problem] = problems(tmp_path, text)
    assert problem.startswith("snapshot.observed_months: input should be")


def test_all_slips_are_named_at_once(tmp_path: Path) -> None:
    text = WHOLE.replace("label: people", "labl: people").replace("{from: ended}", "{}")
    assert len(problems(tmp_path, text.replace("type: number", "type: money"))) == 4
    text = WHOLE.replace("ended_at:", "end_at:").replace("end: 2021", "end: 2019")
    assert len(problems(tmp_path, text.replace("from: age", "from: no"))) == 4


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    text = WHOLE.replace("ended_at:", "started_at: x\n      ended_at:")
    [problem] = problems(tmp_path, text)
    assert problem.startswith("'started_at' stands twice (line ")


@pytest.mark.parametrize("text", ["", "[a]", "label"])
def test_a_mapping_holds_keys(tmp_path: Path, text: str) -> None:
    [problem] = problems(tmp_path, text)
    assert problem.startswith("mapping: input should be a valid dictionary")


def test_not_yaml_and_not_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"'people\.yaml' is not valid YAML"):
        read(tmp_path, "a: [")
    (tmp_path / "latin.yaml").write_bytes(b"label: M\xfcller")
    with pytest.raises(TableError, match=r"'latin\.yaml' is not valid YAML"):
        read_mapping(tmp_path / "latin.yaml")
    with pytest.raises(TableError, match=r"'none\.yaml' is not there") as caught:
        read_mapping(tmp_path / "none.yaml")
    assert str(tmp_path) not in str(caught.value)
