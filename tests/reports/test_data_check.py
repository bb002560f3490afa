"""The look at a source before the study runs: what it shows, hides, names, and leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from loyaltylab.cli import app

ROOT = Path(__file__).parents[2]
MAPPING = """
label: customers of a test
set_aside: [no_time_at_risk]
window: {start: 2019-01-01, end: 2021-01-01}
tables:
  customers:
    file: data/raw/c.csv
    columns: {customer_id: id}
  contracts:
    file: data/raw/c.csv
    columns: {contract_id: id, customer_id: id, started_at: start, ended_at: end}
"""


FINE = "check: params.yaml and the notebooks keep every rule\n"


def lines_of(n_rows: int) -> list[str]:
    """Customers who join a few days apart; one in three has left after about a year."""
    rows = ["id,start,end"]
    for row in range(n_rows):
        start = f"2018-{1 + row % 12:02d}-{1 + row % 27:02d}"
        end = f"2020-{1 + row % 12:02d}-{2 + row % 26:02d}" if row % 3 == 0 else ""
        rows.append(f"SECRET-{row},{start},{end}")
    return rows


def make_study(folder: Path, rows: list[str], mapping: str = MAPPING) -> Path:
    for part in ("notebooks", "params.yaml"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)  # type: ignore[operator]
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "data" / "mappings").mkdir()
    (folder / "data" / "raw" / "c.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "data" / "mappings" / "c.yaml").write_text(mapping, encoding="utf-8")
    path = folder / "params.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    content["source"] = {"kind": "delimited", "mapping": "data/mappings/c.yaml"}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


def run(folder: Path, *options: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["check", "--root", str(folder), *options])
    return done.exit_code, done.stdout, done.stderr


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_source_of_ones_own_is_looked_at_and_nothing_is_written(tmp_path: Path) -> None:
    study = make_study(tmp_path, lines_of(120))
    before = files_of(study)
    code, shown, errors = run(study)
    assert (code, errors) == (0, "")
    assert files_of(study) == before
    assert "customers of a test (delimited), watched from 2019-01-01 to 2021-01-01" in shown
    assert "contracts                   120 rows  2018-01 to 2020-10" in shown
    assert "not estimable: needs table requests, table contacts" in shown
    assert "0 of 27 hypotheses can be studied" in shown
    assert "SECRET" not in shown


def test_few_rows_set_aside_are_not_counted_exactly(tmp_path: Path) -> None:
    # Three contracts start at the end of the window: fewer than disclosure.min_cell.
    rows = [*lines_of(120), *(f"X{row},2021-01-01," for row in range(3))]
    code, shown, _ = run(make_study(tmp_path, rows))
    assert code == 0
    assert "set aside: no_time_at_risk <5" in shown


def test_a_source_that_breaks_rules_names_all_of_them(tmp_path: Path) -> None:
    rows = [*lines_of(120), "A,2020-05-01,2020-04-01", "B,2020-05-32,", "C,2019-01-01,2031-01-01"]
    code, shown, errors = run(make_study(tmp_path, rows))
    assert code == 1
    for rule in ("wrong_order", "unreadable_value", "after_window"):
        assert f"rule {rule}, 1 row" in errors
    assert "Tables as delivered" in shown


def test_problems_of_notebooks_and_of_the_source_come_at_once(tmp_path: Path) -> None:
    study = make_study(tmp_path, [*lines_of(120), "A,2020-05-01,2020-04-01"])
    path = study / "notebooks" / "retention.ipynb"
    path.write_text(path.read_text("utf-8").replace('"parameters"', '"parametres"'), "utf-8")
    code, _, errors = run(study)
    assert code == 1
    assert "retention" in errors
    assert "wrong_order" in errors


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    study = make_study(tmp_path, lines_of(10))
    (study / "data" / "raw" / "c.csv").unlink()
    code, shown, errors = run(study)
    assert (code, shown) == (1, "")
    assert "data/raw/c.csv is not there" in errors


@pytest.mark.parametrize("options", [(), ("--no-data",)])
def test_the_synthetic_provider_is_not_simulated_for_it(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    study = make_study(tmp_path, lines_of(10))
    content = yaml.safe_load((study / "params.yaml").read_text("utf-8"))
    content["source"] = {"kind": "synthetic", "mapping": None}
    (study / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert run(study, *options) == (0, FINE, "")


def test_the_source_is_left_alone_when_asked_to(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["not,a,contract"])
    assert run(study, "--no-data") == (0, FINE, "")


def current_customers() -> list[str]:
    return [row for row in lines_of(120) if row.endswith((",", "end"))]


def acknowledge(study: Path, *names: str) -> None:
    content = yaml.safe_load((study / "params.yaml").read_text("utf-8"))
    content["study"]["acknowledged_traps"] = list(names)
    (study / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_a_trap_stops_the_study_until_it_is_acknowledged(tmp_path: Path) -> None:
    study = make_study(tmp_path, current_customers())
    code, shown, errors = run(study)
    assert code == 1
    assert "stops the study: no_exits (contracts.ended_at), see below" in shown
    assert "trap no_exits (80): No customer under observation ever leaves" in errors
    stage = CliRunner().invoke(app, ["tables", "--root", str(study)])
    assert stage.exit_code == 1
    assert "trap no_exits (80)" in stage.stderr
    assert not (study / "data" / "tables").exists()

    acknowledge(study, "no_exits")
    code, shown, errors = run(study)
    assert (code, errors) == (0, "")
    assert "acknowledged: contracts.ended_at: trap no_exits (80)" in shown
    stage = CliRunner().invoke(app, ["tables", "--root", str(study)])
    assert stage.exit_code == 0
    audit = json.loads((study / "data" / "audits" / "tables.json").read_text("utf-8"))
    [trap] = audit["traps"]
    assert (trap["name"], trap["count"], trap["is_acknowledged"]) == ("no_exits", 80, True)


def test_an_unknown_trap_cannot_be_acknowledged(tmp_path: Path) -> None:
    study = make_study(tmp_path, lines_of(10))
    acknowledge(study, "no_exit")
    code, _, errors = run(study)
    assert code == 1
    assert "'no_exit' is no trap that stops the study (did you mean 'no_exits'?)" in errors


def test_traps_that_may_be_right_are_warnings_on_the_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from loyaltylab.findings.audits import guard_audit
    from loyaltylab.reports.sections import show_traps
    from loyaltylab.tables.traps import Trap, audit_traps

    trap = Trap("coarse_dates", "contracts", "started_at", 3, "Dates are months.", "r", "f")
    audit = guard_audit("tables", {"traps": audit_traps([trap])}, min_cell=5)
    assert audit["traps"][0]["count"] == "<5"
    show_traps(audit["traps"])
    shown = capsys.readouterr().out
    assert "coarse dates" in shown or "HTML" in shown
    show_traps([])
    assert capsys.readouterr().out == ""
