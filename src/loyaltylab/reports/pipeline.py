"""The stages that dvc.yaml runs: each reads files, calls pure functions, writes files whole."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loyaltylab.errors import NotebookError, NotEstimableError, ParameterError
from loyaltylab.params import Parameters, load_parameters
from loyaltylab.tables.delivery import SourceDescription

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from loyaltylab.reports.data_check import DataCheck

KEY_VARIABLE = "LOYALTYLAB_PSEUDONYM_KEY"
KEY_FILE = Path("data") / "pseudonym.key"
MIN_KEY_CHARACTERS = 16


def build_tables(root: Path) -> None:
    """Source -> valid, pseudonymous tables, quarantine, and audit with the traps found.

    Parameters
    ----------
    root : Path
        The study's folder.

    Raises
    ------
    ParameterError, TableError
        Naming everything wrong; no output is changed then.
    """
    from loyaltylab.sources import read_source
    from loyaltylab.tables.pseudonyms import pseudonymise
    from loyaltylab.tables.storage import csv_text, mark_row_level, write_tables
    from loyaltylab.tables.trap_search import find_traps
    from loyaltylab.tables.traps import audit_traps, stop_on_traps
    from loyaltylab.tables.validation import validate
    from loyaltylab.tables.writing import swap_in, write_text

    parameters = load_parameters(root)
    delivery = read_source(parameters, root=root)
    description, valid = delivery.description, validate(delivery)
    del delivery  # millions of rows need not be held twice
    traps = find_traps(valid, description)
    acknowledged = parameters.study.acknowledged_traps
    stop_on_traps(traps, acknowledged=acknowledged)
    key = _pseudonym_key(parameters, description, root)
    tables = pseudonymise(valid.tables, key=key)
    counted = {**valid.audit, "traps": audit_traps(traps, acknowledged=acknowledged)}
    audit = _audit_text("tables", counted, parameters)
    with swap_in(root, name="tables") as outputs:
        write_tables(tables, description, outputs.folder("data/tables"))
        quarantine = outputs.folder("data/quarantine")
        write_text(quarantine / "rejects.csv", csv_text(valid.rejects))
        mark_row_level(quarantine, what="Rows set aside, by their number in the file")
        write_text(outputs.file("data/audits/tables.json"), audit)
    kept = sum(len(frame) for frame in valid.tables.values())
    _say(
        f"tables: {len(valid.tables)} tables, {kept:,} rows kept, {len(valid.rejects):,} set aside"
    )


def build_timeline(root: Path) -> None:
    """Tables -> spells at risk, (start, stop] rows, and the audit of every event."""
    from loyaltylab.measures import CARRIED, all_jumps
    from loyaltylab.tables.storage import (
        mark_row_level,
        read_description,
        read_tables,
        write_frame,
    )
    from loyaltylab.tables.writing import swap_in, write_text
    from loyaltylab.timeline import build_spells, split_at_jumps

    study = load_parameters(root)
    parameters = study.timeline
    folder = root / "data" / "tables"
    if not folder.is_dir():
        raise ParameterError("There are no tables yet. Run `loyaltylab tables` first.")
    tables, source = read_tables(folder), read_description(folder)
    spells = build_spells(
        tables["customers"],
        tables["contracts"],
        tables.get("exits"),
        window_start_at=source.window_start_at,
        window_end_at=source.window_end_at,
        merge_gap_days=parameters.merge_gap_days,
    )
    jumps = all_jumps(tables, memory_days=parameters.memory_days)
    rows = split_at_jumps(spells.frame, jumps, carried=CARRIED)
    audit: dict[str, Any] = {
        "spells": spells.audit,
        "jumps": {str(name): line.to_dict() for name, line in rows.audit.iterrows()},
        "places": {str(name): line.to_dict() for name, line in rows.places.iterrows()},
    }
    text = _audit_text("timeline", audit, study)
    with swap_in(root, name="timeline") as outputs:
        new = outputs.folder("data/timeline")
        write_frame(spells.frame, new / "spells.parquet")
        write_frame(rows.frame, new / "rows.parquet")
        mark_row_level(new, what="Spells at risk and their rows")
        write_text(outputs.file("data/audits/timeline.json"), text)
    _say(f"timeline: {len(spells.frame):,} spells, {len(rows.frame):,} rows at risk")


def build_report(root: Path, name: str) -> None:
    """Notebook -> finding, figures and page; nothing is changed unless all of it succeeds.

    Raises
    ------
    ParameterError, NotebookError
        Naming the notebook, the parameter or the cell.
    """
    from loyaltylab.findings import load_questions
    from loyaltylab.reports.page import render_page
    from loyaltylab.reports.runner import run_notebook
    from loyaltylab.reports.study import OUTPUT_VARIABLE
    from loyaltylab.reports.whereabouts import missing_tables, not_estimable_text
    from loyaltylab.tables.writing import work_folder

    parameters = load_parameters(root)
    path = _notebook(root, name)
    question = load_questions()[name]
    missing = missing_tables(question, root / "data" / "tables")
    with work_folder(root / "scratch" / "running" / name) as output:

        def run(notebook: Path) -> NotebookNode:
            return run_notebook(
                notebook,
                parameters=parameters.reports[name],
                working_folder=root,
                debug_folder=root / "scratch" / "failed",
                environment={OUTPUT_VARIABLE: str(output)},
            )

        try:
            if missing:
                raise NotEstimableError(not_estimable_text(missing))
            executed = run(path)
        except NotEstimableError as reason:
            executed = run(_stand_in(path, name, output, reason.summary))
        links = _links(root, name)
        page = render_page(executed, name=name, title=question.title, links=links)
        _keep(output, page, root, name, parameters.disclosure.min_cell)


def _links(root: Path, name: str) -> list[tuple[str, str]]:
    """The way back, and, where customers are simulated, to how they were made."""
    from loyaltylab.tables.storage import read_description

    links = [("Overview", "index.html")]
    is_synthetic = read_description(root / "data" / "tables").is_synthetic
    return links + [("How the data were made", "provider.html")] * (
        is_synthetic and name != "provider"
    )


def build_index(root: Path) -> None:
    """Findings -> reports/index.html."""
    from loyaltylab.findings import load_questions
    from loyaltylab.reports.banner import write_banner
    from loyaltylab.reports.display import build_banner
    from loyaltylab.reports.index_page import IndexEntry, render_index
    from loyaltylab.reports.release import check_release
    from loyaltylab.reports.whereabouts import read_findings
    from loyaltylab.tables.storage import read_description
    from loyaltylab.tables.writing import write_text

    source = read_description(root / "data" / "tables")
    findings = read_findings(root)
    entries = [
        IndexEntry(
            name=name,
            title=question.title,
            status=findings[name]["verdict"],
            answer=findings[name]["answer"],
            href=f"{name}.html",
        )
        for name, question in _summary_first(load_questions()).items()
        if name in findings
    ]
    parameters = load_parameters(root)
    banner = build_banner(write_banner(source, parameters), nature=source.nature)
    page = render_index(entries, banner_html=banner)
    check_release({"reports/index.html": page}, min_cell=parameters.disclosure.min_cell)
    write_text(root / "reports" / "index.html", page)
    _say("index: reports/index.html")


def check_study(root: Path) -> list[str]:
    """Everything wrong with params.yaml and the notebooks, before anything runs."""
    from loyaltylab.reports.notebook_source import check_layout, check_parameters, read_parameters

    try:
        parameters = load_parameters(root)
    except ParameterError as error:
        return [str(error)]
    problems = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        problems += check_layout(path)
        try:
            check_parameters(path.stem, read_parameters(path), parameters.reports[path.stem])
        except (ParameterError, NotebookError) as error:
            problems.append(str(error))
    return problems


def check_source(root: Path, *, even_synthetic: bool) -> DataCheck:
    """What the source holds and can answer, and everything in it that stops the study.

    Parameters
    ----------
    root : Path
        The study's folder.
    even_synthetic : bool
        Whether to simulate the synthetic provider for it, which takes as long as the stage does.

    Returns
    -------
    DataCheck
        Empty where there is nothing to look at; problems of params.yaml are ``check_study``'s.
    """
    from loyaltylab.reports.data_check import DataCheck, check_data

    try:
        parameters = load_parameters(root)
    except ParameterError:
        return DataCheck(())
    if parameters.source.kind == "synthetic" and not even_synthetic:
        return DataCheck(())
    return check_data(parameters, root=root)


def _summary_first(questions: dict[str, Any]) -> dict[str, Any]:
    return {"summary": questions["summary"], **questions}


def _notebook(root: Path, name: str) -> Path:
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        there = ", ".join(sorted(other.stem for other in path.parent.glob("*.ipynb")))
        raise ParameterError(f"There is no notebook '{name}'; there are {there}.")
    return path


def _stand_in(path: Path, name: str, folder: Path, reason: str) -> Path:
    """The notebook's title and parameters, then the statement that it cannot be answered."""
    from loyaltylab.reports.notebook_source import dump_notebook, load_notebook, make_node
    from loyaltylab.reports.parameters_cell import has_tag
    from loyaltylab.tables.writing import write_text

    notebook = load_notebook(path)
    kept = [
        cell
        for number, cell in enumerate(notebook.cells)
        if number == 0 or has_tag(cell, "parameters")
    ]
    source = (
        "from loyaltylab.reports.not_estimable import show_not_estimable_report\n"
        f"show_not_estimable_report({name!r}, {reason!r})"
    )
    statement = make_node(
        {
            "cell_type": "code",
            "id": "not-estimable",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
    )
    notebook.cells = [*kept, statement]
    stand_in = folder / f"{name}.ipynb"
    write_text(stand_in, dump_notebook(notebook))
    return stand_in


def _audit_text(stage: str, audit: dict[str, Any], parameters: Parameters) -> str:
    """What was counted, without small counts: audits are in git."""
    from loyaltylab.findings.audits import guard_audit
    from loyaltylab.reports.release import check_release
    from loyaltylab.tables.storage import json_text

    min_cell = parameters.disclosure.min_cell
    text = json_text(guard_audit(stage, audit, min_cell=min_cell))
    check_release({f"data/audits/{stage}.json": text}, min_cell=min_cell)
    return text


def _keep(output: Path, page: str, root: Path, name: str, min_cell: int) -> None:
    """Move a report's results to their places, all together, if all of them may leave."""
    from loyaltylab.reports.release import check_release, read_folder
    from loyaltylab.tables.writing import swap_in, write_text

    finding = output / "findings" / f"{name}.json"
    if not finding.is_file():
        raise NotebookError(
            f"notebook {name} kept no finding; its last cell calls study.show_closing(finding)"
        )
    check_release(
        {
            **read_folder(output / "figures" / name, place=f"reports/figures/{name}"),
            **read_folder(output / "findings", place="findings"),
            **read_folder(output / "metrics", place="findings/metrics"),
            f"reports/{name}.html": page,
        },
        min_cell=min_cell,
    )
    with swap_in(root, name=f"report-{name}") as outputs:
        figures = outputs.folder(f"reports/figures/{name}")
        shutil.copytree(output / "figures" / name, figures, dirs_exist_ok=True)
        write_text(outputs.file(f"reports/{name}.html"), page)
        for kind, place in (("metrics", "findings/metrics"), ("findings", "findings")):
            text = (output / kind / f"{name}.json").read_text(encoding="utf-8")
            write_text(outputs.file(f"{place}/{name}.json"), text)


def _pseudonym_key(parameters: Parameters, source: SourceDescription, root: Path) -> bytes:
    """The key of the pseudonyms: secret for real customers, public for invented ones."""
    from loyaltylab.tables.writing import write_text

    if source.is_synthetic:
        return f"synthetic customers, seed {parameters.study.seed}".encode()
    given = os.environ.get(KEY_VARIABLE)
    path = root / KEY_FILE
    if given is None and not path.is_file():
        write_text(path, secrets.token_hex(32), mode=0o600)
        _say(f"tables: made a secret key for pseudonyms, {KEY_FILE}; keep it, never share it")
    key = given if given is not None else path.read_text(encoding="ascii").strip()
    if len(key) < MIN_KEY_CHARACTERS:
        where = KEY_VARIABLE if given is not None else str(KEY_FILE)
        raise ParameterError(
            f"The pseudonym key in {where} is shorter than {MIN_KEY_CHARACTERS} characters; "
            "use a long random one."
        )
    return key.encode()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
