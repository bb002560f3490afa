"""The house keeps its layout: direction of imports, names, notebooks, generated files."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from loyaltylab.findings import load_questions
from loyaltylab.params import load_parameters
from loyaltylab.reports.notebook_source import check_layout, check_parameters, read_parameters
from loyaltylab.tables.dictionary import write_dictionary

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "loyaltylab"
LAYERS = (
    "errors",
    "compiled",
    "params",
    "tables",
    "sources",
    "measures",
    "timeline",
    "survival",
    "truth",
    "designs",
    "findings",
    "analyses",
    "validation",
    "figures",
    "reports",
    "cli",
)
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_LINES = 400  # about 300 is what a file wants; past 400 it surely does two things
# Importing must be fast enough that no command feels slow; the bound is generous for a busy
# machine, the modules below are what makes it slow.
HEAVY = {
    "pandas",
    "numpy",
    "numba",
    "scipy",
    "matplotlib",
    "lifelines",
    "nbconvert",
    "papermill",
    "pandera",
}


def layer_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imported_by(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import; name the whole module"
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_leftwards(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return
    for module in imported_by(path):
        layer = layer_of(module)
        if module.startswith("loyaltylab.") and layer != own:
            assert LAYERS.index(layer) < LAYERS.index(own), f"{own} must not import {module}"


@pytest.mark.parametrize("layer", ["survival", "designs"])
def test_estimators_know_nothing_of_files_plots_or_parameters(layer: str) -> None:
    forbidden = {"pathlib", "os", "io", "matplotlib", "yaml", "loyaltylab.params", "pyarrow"}
    for path in (PACKAGE / layer).glob("*.py"):
        assert not imported_by(path) & forbidden, path.name


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "base", "common", "misc"}
    assert not [path for path in MODULES if path.stem in empty or path.parent.name in empty]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_short_and_are_described(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES, "what second thing is it doing?"
    assert not text or ast.get_docstring(ast.parse(text)), "a module says what it is for"


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, loyaltylab; print(' '.join(sys.modules))"
    environment = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert not HEAVY & set(done.stdout.split())


def test_importing_the_estimators_loads_no_compiler() -> None:
    code = "import sys, loyaltylab.survival, loyaltylab.timeline; print(' '.join(sys.modules))"
    environment = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert not {"numba", "llvmlite"} & set(done.stdout.split())


def test_every_public_name_of_the_package_exists() -> None:
    import loyaltylab

    assert len(loyaltylab.__all__) <= 20
    assert all(getattr(loyaltylab, name) for name in loyaltylab.__all__)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_thin_and_carry_no_outputs(path: Path) -> None:
    assert check_layout(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_stage_params_question_and_finding_share_one_name(path: Path) -> None:
    name = path.stem
    assert name in load_questions()
    given = load_parameters(ROOT).reports[name]
    check_parameters(name, read_parameters(path), given)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert name in stages["report"]["foreach"] or name in stages
    assert f"`{name}`" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_title_of_a_notebook_is_its_question(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert "".join(cells[0]["source"]) == f"# {load_questions()[path.stem].title}"


def test_a_notebook_run_by_hand_has_the_parameters_of_the_study() -> None:
    reports = load_parameters(ROOT).reports
    assert {path.stem: read_parameters(path) for path in NOTEBOOKS} == reports


def test_the_data_dictionary_is_up_to_date() -> None:
    assert (ROOT / "data" / "README.md").read_text("utf-8") == write_dictionary()


def test_the_lock_pins_with_hashes_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    assert "index-url" not in lock
    pins = re.findall(r"^([a-z0-9][\w.\[\]-]*)==", lock, flags=re.MULTILINE)
    assert len(pins) > 100
    assert lock.count("--hash=sha256:") >= len(pins)


def test_version_is_said_once() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_nothing_phones_home() -> None:
    config = (ROOT / ".dvc" / "config").read_text("utf-8")
    assert "analytics = false" in config
    assert "check_update = false" in config
