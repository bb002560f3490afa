"""Notebooks as they lie on disk: no outputs, one parameters cell, a question as the title.

A notebook whose bytes change only when its author changes it is a stable dependency: the save hook
of JupyterLab, the commit check and the tests all use the functions here.

What a parameters cell may hold is the matter of :mod:`loyaltylab.reports.parameters_cell`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import nbformat
from nbformat import NotebookNode

from loyaltylab.errors import NotebookError
from loyaltylab.reports.parameters_cell import (
    PARAMETERS_TAG,
    check_parameters,
    has_tag,
    parse_parameters,
)
from loyaltylab.tables.writing import write_text

__all__ = [
    "check_layout",
    "check_parameters",
    "dump_notebook",
    "load_notebook",
    "make_node",
    "read_parameters",
    "strip_before_save",
    "strip_file",
    "strip_notebook",
]

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# What belongs in the package, where it is tested, and not in a notebook.
FORBIDDEN_STATEMENTS = {
    ast.FunctionDef: "def",
    ast.AsyncFunctionDef: "def",
    ast.ClassDef: "class",
    ast.For: "for",
    ast.AsyncFor: "for",
    ast.While: "while",
}
FILE_PATH = re.compile(
    r"^(?:\.{0,2}/|~/|[A-Za-z]:[\\/]|(?:data|reports|findings|notebooks|src|tests)/)\S"
    r"|^\S+\.(?:csv|tsv|parquet|feather|json|jsonl|ya?ml|toml|html?|ipynb|png|svg|pdf|txt|xlsx?"
    r"|duckdb|db|sqlite|pkl|pickle|zip|gz)$"
)


def load_notebook(path: Path) -> NotebookNode:
    """Read a notebook file.

    Raises
    ------
    NotebookError
        The file is missing, is not JSON, or is not a version 4 notebook.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotebookError(f"notebook {path.name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NotebookError(f"notebook {path.name} is not valid JSON: {error}") from error
    if not isinstance(document, dict) or document.get("nbformat") != 4 or "cells" not in document:
        raise NotebookError(f"notebook {path.name} is not a version 4 notebook; save it again")
    return cast(NotebookNode, nbformat.v4.reads_json(json.dumps(document)))


def dump_notebook(nb: NotebookNode) -> str:
    """Return the one text that a notebook has on disk, ending in a line feed."""
    return str(nbformat.v4.writes_json(nb)) + "\n"


def make_node(document: Mapping[str, Any]) -> NotebookNode:
    """Return a mapping, and everything in it, as part of a notebook."""
    return cast(NotebookNode, nbformat.from_dict(dict(document)))


def read_parameters(path: Path) -> dict[str, object]:
    """Read the parameters of a notebook and their defaults, running nothing.

    Parameters
    ----------
    path : Path
        The notebook file.

    Returns
    -------
    dict
        Name to default value, in the order of the cell.

    Raises
    ------
    NotebookError
        Not exactly one cell is tagged ``parameters``, or it holds something other than
        ``name = literal`` lines. Names the notebook, the cell and the fix.
    """
    return parse_parameters(load_notebook(path), name=path.stem)


def strip_notebook(nb: NotebookNode) -> NotebookNode:
    """Return a copy without outputs, execution counts and volatile metadata.

    The metadata name the kernel and the language, cells keep their tags, cell ids are numbered.
    Stripping twice changes nothing.
    """
    cells = [_strip_cell(cell, number=n) for n, cell in enumerate(nb["cells"], start=1)]
    document = {
        "cells": cells,
        "metadata": deepcopy(NOTEBOOK_METADATA),
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return make_node(document)


def strip_file(path: Path) -> bool:
    """Strip a notebook in place; return whether its bytes changed."""
    before = path.read_text(encoding="utf-8")
    after = dump_notebook(strip_notebook(load_notebook(path)))
    if after != before:
        write_text(path, after)
    return after != before


def strip_before_save(model: dict[str, Any], **_: object) -> None:
    """Strip what JupyterLab is about to write; its ``pre_save_hook``.

    The open notebook keeps its outputs on the screen: only the file goes without.
    """
    content = model.get("content")
    if model.get("type") != "notebook" or not content or content.get("nbformat") != 4:
        return
    model["content"] = strip_notebook(content)


def check_layout(path: Path) -> list[str]:
    """Return every way in which a notebook on disk breaks the house rules.

    Parameters
    ----------
    path : Path
        The notebook file.

    Returns
    -------
    list of str
        One sentence per problem, naming the cell, the rule and the fix; empty when all is well.
    """
    try:
        nb = load_notebook(path)
    except NotebookError as error:
        return [str(error)]
    return [
        *_title_problems(nb),
        *_parameter_problems(nb, name=path.stem),
        *_source_problems(nb),
        *_stored_problems(nb, text=path.read_text(encoding="utf-8")),
    ]


def _strip_cell(cell: NotebookNode, *, number: int) -> dict[str, Any]:
    source = cell.get("source", "")
    kept: dict[str, Any] = {}
    metadata = cell.get("metadata", {})
    if metadata.get("tags"):
        kept["tags"] = list(metadata["tags"])
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    stripped: dict[str, Any] = {
        "cell_type": cell["cell_type"],
        "id": f"cell-{number:02d}",
        "metadata": kept,
        "source": "".join(source) if isinstance(source, list) else source,
    }
    if cell["cell_type"] == "code":
        stripped.update(execution_count=None, outputs=[])
    elif cell.get("attachments"):
        stripped["attachments"] = deepcopy(cell["attachments"])
    return stripped


def _title_problems(nb: NotebookNode) -> Iterator[str]:
    first = nb.cells[0] if nb.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "cell 1: a notebook opens with a Markdown cell that starts with '# ' and a question"
    for number, cell in enumerate(nb.cells[1:], start=2):
        if cell.cell_type == "markdown" and re.search(r"(?m)^# ", cell.source):
            yield f"cell {number}: a page has one title; write '## ' for a section"


def _parameter_problems(nb: NotebookNode, *, name: str) -> Iterator[str]:
    try:
        parse_parameters(nb, name=name)
    except NotebookError as error:
        yield from error.problems


def _source_problems(nb: NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(nb.cells, start=1):
        if cell.cell_type == "code":
            for problem in _code_problems(cell.source):
                yield f"cell {number}: {problem}"


def _code_problems(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        yield (
            f"line {error.lineno} is not plain Python ({error.msg}); magics and shell commands "
            "belong in a terminal"
        )
        return
    for node in ast.walk(tree):
        word = FORBIDDEN_STATEMENTS.get(type(node))
        if word is not None and isinstance(node, ast.stmt):
            yield f"line {node.lineno} has '{word}'; move the logic to src/loyaltylab and test it"
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and FILE_PATH.search(node.value)
        ):
            yield (
                f"line {node.lineno} has the file path {node.value!r}; "
                "ask the study for its tables instead"
            )


def _stored_problems(nb: NotebookNode, *, text: str) -> Iterator[str]:
    for number, cell in enumerate(nb.cells, start=1):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"cell {number}: carries outputs or an execution count; strip the notebook"
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "metadata: the kernelspec must be python3; strip the notebook"
    expected_ids = [f"cell-{n:02d}" for n in range(1, len(nb.cells) + 1)]
    if [cell.get("id") for cell in nb.cells] != expected_ids:
        yield "cell ids do not run cell-01, cell-02, …; strip the notebook"
    if not any(has_tag(cell, PARAMETERS_TAG) for cell in nb.cells):
        return  # already reported, and stripping cannot mend it
    if text != dump_notebook(strip_notebook(nb)):
        yield "the file holds volatile metadata or odd formatting; strip the notebook"
