from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import WriteNotebook, build_notebook
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from loyaltylab.errors import NotebookError
from loyaltylab.reports.notebook_source import (
    check_layout,
    dump_notebook,
    load_notebook,
    strip_before_save,
    strip_file,
    strip_notebook,
)


def messy_notebook() -> NotebookNode:
    output = new_output("stream", name="stdout", text="secret")
    cells = [
        new_markdown_cell("# Title", metadata={"editable": True}),
        new_code_cell("a = 1", metadata={"tags": ["parameters"], "papermill": {"duration": 1}}),
        new_code_cell("a\n", outputs=[output], execution_count=7, metadata={"trusted": True}),
    ]
    metadata = {"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    return new_notebook(cells=cells, metadata=metadata)


def test_stripping_leaves_source_tags_and_nothing_volatile() -> None:
    messy = messy_notebook()
    before = json.dumps(messy)
    text = dump_notebook(strip_notebook(messy))
    assert json.dumps(messy) == before
    assert not any(word in text for word in ("secret", "papermill", "3.11.7", "trusted"))
    stripped = nbformat.reads(text, as_version=4)
    nbformat.validate(stripped)
    assert [cell.id for cell in stripped.cells] == ["cell-01", "cell-02", "cell-03"]
    assert stripped.cells[1].metadata == {"tags": ["parameters"]}
    assert [cell.source for cell in stripped.cells] == ["# Title", "a = 1", "a\n"]


def test_stripping_twice_changes_nothing() -> None:
    once = strip_notebook(messy_notebook())
    assert dump_notebook(strip_notebook(once)) == dump_notebook(once)


def test_a_stripped_file_is_byte_for_byte_what_jupyter_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    nbformat.write(strip_notebook(messy_notebook()), path)
    assert path.read_text("utf-8") == dump_notebook(strip_notebook(messy_notebook()))
    assert strip_file(path) is False


def test_stripping_a_file_says_whether_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    nbformat.write(messy_notebook(), path)
    assert [strip_file(path), strip_file(path)] == [True, False]


def test_the_save_hook_strips_notebooks_and_leaves_other_files() -> None:
    model: dict[str, Any] = {"type": "notebook", "content": messy_notebook()}
    strip_before_save(model=model, path="a.ipynb", contents_manager=None)
    assert model["content"] == strip_notebook(messy_notebook())
    for other in ({"type": "file", "content": "text"}, {"type": "directory", "content": None}):
        kept = dict(other)
        strip_before_save(kept, path="x")
        assert kept == other


def test_a_good_notebook_has_no_problems(write_notebook: WriteNotebook) -> None:
    assert check_layout(write_notebook("horizon_days + 1", "'EUR/month', 'a.b', '2024/01'")) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f():\n    pass", "cell 3: line 1 has 'def'"),
        ("x = 1\nclass A: pass", "cell 3: line 2 has 'class'"),
        ("for i in []: pass", "cell 3: line 1 has 'for'"),
        ("while False: pass", "cell 3: line 1 has 'while'"),
        ("open('data/raw')", "cell 3: line 1 has the file path 'data/raw'"),
        ("name = 'customers.csv'", "the file path 'customers.csv'"),
        ("name = f'../{1}'", "the file path '../'"),
        ("%matplotlib inline", "cell 3: line 1 is not plain Python"),
    ],
)
def test_what_belongs_in_the_package_is_found(
    write_notebook: WriteNotebook, code: str, expected: str
) -> None:
    problems = check_layout(write_notebook(code.replace("../{1}", "../x{1}")))
    assert len(problems) == 1
    assert expected.removesuffix("'") in problems[0]


def test_all_other_problems_are_found_at_once(tmp_path: Path) -> None:
    nb = build_notebook("1")
    nb.cells[0].source = "No title"
    nb.cells[1].metadata = {}
    nb.cells[1].id = "x"
    nb.cells[2].execution_count = 3
    nb.cells.append(new_markdown_cell("# Second", id="cell-04"))
    nb.metadata.kernelspec.name = "conda-base"
    path = tmp_path / "bad.ipynb"
    path.write_text(dump_notebook(nb), "utf-8")
    problems = "\n".join(check_layout(path))
    for part in (
        "cell 1: a notebook opens with",
        "cell 4: a page has one title",
        "no cell is tagged",
        "cell 3: carries outputs",
        "kernelspec must be python3",
        "cell ids do not run",
    ):
        assert part in problems


def test_volatile_metadata_is_found(write_notebook: WriteNotebook) -> None:
    path = write_notebook("1")
    path.write_text(path.read_text("utf-8").replace('"name": "python"', '"name": "python3"'))
    assert check_layout(path) == [
        "the file holds volatile metadata or odd formatting; strip the notebook"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "not valid JSON"), ("[]", "version 4"), ('{"nbformat": 3}', "version 4")],
)
def test_what_is_no_notebook_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match=expected):
        load_notebook(path)
    assert len(check_layout(path)) == 1


def test_a_missing_notebook_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match=r"a\.ipynb cannot be read: No such file"):
        load_notebook(tmp_path / "a.ipynb")
