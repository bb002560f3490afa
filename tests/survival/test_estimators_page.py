"""docs/estimators.md names every function, every oracle, and tolerances that the tests have."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import loyaltylab.survival

ROOT = Path(__file__).parents[2]
ORACLES = ROOT / "tests" / "oracles"
PAGE = (ROOT / "docs" / "estimators.md").read_text("utf-8")
LINES = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]
FUNCTIONS = sorted(
    name
    for name in loyaltylab.survival.__all__
    if inspect.isfunction(getattr(loyaltylab.survival, name))
)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\d)")
# "1e-6 (`test_cox`, `test_frailty`)": numbers, and the tests that hold them.
HELD = re.compile(r"([^()]*)\(((?:`[^`]+`(?:, )?)+)\)")


def find_tests(names: str) -> list[Path]:
    found = []
    for name in re.findall(r"`([^`]+)`", names):
        is_path = name.endswith(".py")
        found.append(ROOT / name if is_path else ROOT / "tests" / "survival" / f"{name}.py")
    return found


def read_oracle_names() -> set[str]:
    """Oracles that the tables cite, before a colon or alone in the cell of the proof."""
    cited = {name for line in LINES for name in re.findall(r"`(\w+)`", line[3])}
    return {name for name in cited if not name.startswith("test_")}


def test_every_function_has_one_line() -> None:
    assert sorted(line[0].strip("`") for line in LINES) == FUNCTIONS


def test_every_oracle_named_exists() -> None:
    cited = read_oracle_names()
    assert len(cited) > 10
    for name in cited | {"telco", "tmerge"}:
        assert (ORACLES / f"{name}.json").is_file(), name
        assert (ORACLES / f"{name}.R").is_file(), name


def test_every_oracle_of_these_tests_is_named() -> None:
    conftest = (Path(__file__).parent / "conftest.py").read_text("utf-8")
    assert set(re.findall(r'Oracle\("(\w+)"\)', conftest)) <= read_oracle_names()


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0].strip("`"))
def test_tolerances_are_those_of_the_tests(line) -> None:
    held = HELD.findall(line[3] if len(line) == 4 else line[4])
    for said, names in held:
        for path in find_tests(names):
            assert path.is_file(), path
            in_test = {float(number) for number in NUMBER.findall(path.read_text("utf-8"))}
            for number in re.findall(r"\d+e-\d+", said):
                assert float(number) in in_test, (number, path.name)
    assert held or line[4] == "exact (`test_time_effects`)"
