"""The guide for a reader's own data, followed to the letter."""

from __future__ import annotations

import re
import runpy
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from study_folder import ROOT, StudyFolder, copy_files

GUIDE = ROOT / "docs" / "bring-your-own-data.md"
EXAMPLE = ROOT / "data" / "examples" / "nordlicht"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAMILY_NAMES = ("Müller", "Böhm", "Jäger", "Petersen", "Özdemir", "Nowak", "Rossi", "Schröder")
PERSONAL = re.compile(
    rf"{'|'.join(FAMILY_NAMES)}|kunden\.example\.com|\+49 221|R\u00fcckruf|HYPERLINK|\bV0\d{{4}}\b"
)


@dataclass
class Followed:
    """The folder after the last step, and all that the commands printed."""

    study: StudyFolder
    printed: str


def run(study: StudyFolder, line: str, *, fails: bool) -> str:
    if line.startswith("loyaltylab "):
        code, output = study.run(*shlex.split(line))
    else:
        process = study.start("sh", "-c", line)
        output, _ = process.communicate()
        code = process.returncode
    assert (code != 0) == fails, output
    return output


def require_in_order(lines: list[str], place: str) -> None:
    at = 0
    for line in lines:
        found = place.find(line, at)
        assert found >= 0, f"the guide says {line!r}, which is not in\n{place}"
        at = found + len(line)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Every block of the guide in its order: commands are run, what they print is compared."""
    study = copy_files(tmp_path_factory.mktemp("guide") / "my study", n_customers=300)
    copy_example(study.path)
    printed, last = "", ""
    for kind, mark, text in BLOCK.findall(GUIDE.read_text("utf-8")):
        lines = text.rstrip("\n").split("\n")
        if kind == "sh":
            last = "".join(run(study, line, fails=mark == "fails") for line in lines)
            printed += last
        elif kind == "text":
            require_in_order(lines, last)
        elif mark == "params":
            for section, values in yaml.safe_load(text).items():
                study.change(section, **values)
        else:
            draft = (study.path / "data" / "mappings" / "draft.yaml").read_text("utf-8")
            require_in_order(lines, draft)
    return Followed(study, printed)


def copy_example(folder: Path) -> None:
    place = folder / "data" / "examples" / "nordlicht"
    place.mkdir(parents=True)
    for path in EXAMPLE.glob("*.csv"):
        (place / path.name).write_bytes(path.read_bytes())


def test_the_guide_ends_in_the_report_it_quotes(followed: Followed) -> None:
    page = (followed.study.path / "reports" / "retention.html").read_text("utf-8")
    quoted = " ".join(re.findall(r"^> (.*)$", GUIDE.read_text("utf-8"), re.MULTILINE))
    assert quoted in page
    assert "57.4 %" in page


def test_nobody_s_name_address_or_note_leaves(followed: Followed) -> None:
    raw = "".join(
        path.read_text("latin-1" if path.name == "kunden.csv" else "utf-8")
        for path in EXAMPLE.glob("*.csv")
    )
    assert len(set(PERSONAL.findall(raw))) > 100  # the search finds them where they are
    assert not PERSONAL.findall(followed.printed)
    places = ("reports", "findings", "data/audits", "data/quarantine", "data/tables")
    for folder in places:
        for path in (followed.study.path / folder).rglob("*"):
            if path.is_file():
                assert not PERSONAL.findall(path.read_bytes().decode("utf-8", "replace")), path


def test_the_files_are_those_the_script_writes(tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLE / "make_export.py"))["main"](tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in EXAMPLE.glob("*.csv")}
