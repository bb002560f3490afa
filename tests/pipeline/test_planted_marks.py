"""Marked identifiers and texts go in; nothing marked comes out, whatever fails."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from planted_study import MARK, PERSONAL, SCRIPT, change_cell, plant
from study_folder import ROOT, StudyFolder

from loyaltylab.reports.release import check_release
from loyaltylab.tables.schemas import ID_COLUMNS
from loyaltylab.tables.storage import ROW_LEVEL

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("disclosure")]

REPORTS = ("retention", "cancellation_friction", "compensation")
LEAVING = ("findings", "reports", "data/audits")
ROW_LEVEL_FOLDERS = ("tables", "timeline", "quarantine")


@pytest.fixture(scope="module")
def planted(make_study: Callable[[str], StudyFolder]) -> Iterator[tuple[StudyFolder, str]]:
    """A planted study after its run, and everything it said."""
    study = make_study("planted")
    plant(study)
    said = ""
    for arguments in (["tables"], ["timeline"], *(["report", name] for name in REPORTS), ["index"]):
        code, output = study.run("loyaltylab", *arguments)
        assert code == 0, output
        said += output
    yield study, said


def left(study: StudyFolder) -> dict[str, str]:
    return {
        path.relative_to(study.path).as_posix(): path.read_text("utf-8")
        for folder in LEAVING
        for path in sorted((study.path / folder).rglob("*"))
        if path.is_file()
    }


def assert_unmarked(text: str, where: str) -> None:
    assert MARK.lower() not in text.lower(), where
    for personal in PERSONAL:
        assert personal not in text, where


def test_nothing_marked_leaves(planted: tuple[StudyFolder, str]) -> None:
    study, said = planted
    texts = left(study)
    assert {f"reports/{name}.html" for name in REPORTS} <= set(texts)
    assert "data/audits/tables.json" in texts
    for where, text in {**texts, "the log": said}.items():
        assert_unmarked(text, where)
    check_release(texts, min_cell=5)  # the gate looks into the images of a page too
    for path in (study.path / "data" / "quarantine").iterdir():
        assert_unmarked(path.read_text("utf-8"), path.name)


def test_no_pseudonym_leaves(planted: tuple[StudyFolder, str]) -> None:
    study, said = planted
    pseudonyms: set[str] = set()
    for path in (study.path / "data" / "tables").glob("*.parquet"):
        frame = pd.read_parquet(path)
        pseudonyms |= {
            one for column in ID_COLUMNS if column in frame for one in frame[column].dropna()
        }
    assert len(pseudonyms) > 10_000
    for where, text in {**left(study), "the log": said}.items():
        assert pseudonyms.isdisjoint(re.findall(r"[0-9a-f]{20}", text)), where


def test_hostile_texts_neither_run_in_a_page_nor_open_as_formulas(
    planted: tuple[StudyFolder, str],
) -> None:
    study, _ = planted
    cells = 0
    for where, text in left(study).items():
        if where.endswith((".html", ".svg")):
            assert SCRIPT not in text, where
        if where.endswith(".csv"):
            for row in csv.reader(text.splitlines()):
                cells += len(row)
                for cell in row:
                    assert not re.match(r"[=@\t\r]|[+-](?![\d.])", cell), (where, cell)
    assert cells > 1_000


def test_a_text_that_names_a_person_is_set_aside_only_if_it_may_be(
    planted: tuple[StudyFolder, str],
) -> None:
    study, _ = planted
    mapping = study.path / "data" / "mappings" / "planted.yaml"
    whole, before = mapping.read_text("utf-8"), study.results()
    content = yaml.safe_load(whole)
    mapping.write_text(yaml.safe_dump({**content, "set_aside": []}), encoding="utf-8")
    code, output = study.run("loyaltylab", "tables")
    mapping.write_text(whole, encoding="utf-8")
    assert code != 0
    assert "rule personal_value" in output
    assert_unmarked(output, "the log")
    assert study.results() == before


def test_broken_rows_are_named_without_their_values(planted: tuple[StudyFolder, str]) -> None:
    study, _ = planted
    before = study.results()
    for name, column, value, rule in (
        ("contracts", "started_at", f"{MARK} on Monday", "unreadable_value"),
        ("contracts", "customer_id", f"{MARK}-nobody", "orphan"),
        ("exits", "cause_stated", f"{MARK} {PERSONAL[0]}", "invalid_value"),
    ):
        path = study.path / "data" / "raw" / f"{name}.csv"
        whole = change_cell(path, row=7, column=column, value=value)
        code, output = study.run("loyaltylab", "tables")
        path.write_text(whole, encoding="utf-8")
        assert code != 0
        assert f"rule {rule}" in output
        assert_unmarked(output, "the log")
    assert study.results() == before


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("float(study.tables['contacts']['topic'].iloc[0])", "ValueError"),
        ("{}[study.tables['contacts']['topic'].iloc[0]]", "KeyError"),
        (f"print('write to {PERSONAL[0].replace('@', chr(39) + ' + chr(64) + ' + chr(39))}')",
         "e-mail address"),
        ("print(study.spells['customer_id'].iloc[0])", "pseudonym"),
    ],
)  # fmt: skip
def test_a_cell_that_tells_of_customers_stops_without_telling(
    planted: tuple[StudyFolder, str], cell: str, told: str
) -> None:
    study, _ = planted
    before = study.results()
    path = study.path / "notebooks" / "retention.ipynb"
    whole = path.read_text("utf-8")
    opening = "study.show_opening(finding)"
    assert opening in whole
    path.write_text(whole.replace(opening, f"{opening}\\n{cell}", 1), encoding="utf-8")
    code, output = study.run("loyaltylab", "report", "retention")
    path.write_text(whole, encoding="utf-8")
    assert code != 0
    assert told in output
    assert_unmarked(output, "the log")
    assert not re.search(r"\b[0-9a-f]{20}\b", output)
    assert study.results() == before


def test_files_about_single_customers_are_marked(planted: tuple[StudyFolder, str]) -> None:
    study, _ = planted
    for name in ROW_LEVEL_FOLDERS:
        folder = study.path / "data" / name
        assert ROW_LEVEL in (folder / "README.md").read_text("utf-8")
        for path in folder.glob("*.parquet"):
            assert pq.read_schema(path).metadata[b"loyaltylab"].decode() == ROW_LEVEL


def test_files_about_single_customers_are_neither_pushed_nor_in_git() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    outs = [
        (path, options)
        for stage in stages.values()
        for out in stage.get("do", stage)["outs"]
        for path, options in out.items()
    ]
    private = [f"data/{name}" for name in ROW_LEVEL_FOLDERS]
    assert sorted(path for path, options in outs if options.get("push") is False) == sorted(private)
    if not (ROOT / ".git").exists():
        pytest.skip("what git ignores can be asked only in a repository")
    files = [*(f"{folder}/any.parquet" for folder in private), "data/raw/any.csv",
             "data/pseudonym.key", "scratch/failed/any.ipynb"]  # fmt: skip
    ignored = subprocess.run(
        ["git", "check-ignore", *files], cwd=Path(ROOT), capture_output=True, text=True, check=False
    )
    assert ignored.stdout.split() == files
