from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from loyaltylab.reports.normalise import merge_streams, normalise_notebook


def shown(text: str, *, mime: str = "text/plain", folder: Path = Path("/srv/my project")) -> str:
    output = new_output("execute_result", data={mime: text}, execution_count=9)
    nb = new_notebook(cells=[new_code_cell("x", outputs=[output], execution_count=9)])
    normalised = normalise_notebook(nb, parameters={}, folders=[(folder, "")])
    return str(normalised.cells[0].outputs[0].data[mime])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Thing at 0x7f53714da8e0>", "<Thing at 0x…>"),
        ("0xff is a colour", "0xff is a colour"),
        ("/tmp/ipykernel_81/22.py:3: UserWarning", "<cell>:3: UserWarning"),
        ("/srv/my project/src/a.py", "src/a.py"),
        ("in /srv/my project", "in ."),
        ("/srv/my project-2/a", "/srv/my project-2/a"),
        (f"{tempfile.gettempdir()}/x", "<temporary>/x"),
        (f"{Path.home()}/x", "~/x"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("10%\r100%\nend", "100%\nend"),
        ("line\r\nline", "line\r\nline"),
    ],
)
def test_what_differs_between_machines_is_scrubbed(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_random_table_ids_are_numbered() -> None:
    html = '<style>#T_1a2b3_row0{}#T_fffff {}</style><table id="T_1a2b3"><td id="T_1a2b3_row0">'
    expected = '<style>#T_1_row0{}#T_2 {}</style><table id="T_1"><td id="T_1_row0">'
    assert shown(html, mime="text/html") == expected


def test_images_are_left_alone() -> None:
    assert shown("ab0x7f53714da8e0/tmp", mime="image/png") == "ab0x7f53714da8e0/tmp"


def test_a_long_unbroken_text_takes_no_time() -> None:
    started = time.monotonic()
    shown("A1b2" * 100_000, mime="text/html")
    assert time.monotonic() - started < 2  # a search from every position took minutes


def test_streams_are_merged_whatever_the_order_of_their_pieces() -> None:
    def pieces(*names_and_texts: tuple[str, str]) -> list[NotebookNode]:
        return [new_output("stream", name=n, text=t) for n, t in names_and_texts]

    display = new_output("display_data", data={"text/plain": "shown"})
    one = merge_streams(
        [
            *pieces(("stderr", "w"), ("stdout", "a"), ("stdout", "b")),
            display,
            *pieces(("stdout", "c")),
        ]
    )
    other = merge_streams(
        [*pieces(("stdout", "ab"), ("stderr", "w")), display, *pieces(("stdout", "c"))]
    )
    assert one == other
    assert [output.get("text") for output in one] == ["ab", "w", None, "c"]


def test_what_papermill_adds_goes_and_the_input_stays() -> None:
    cells = [
        new_markdown_cell("marker", metadata={"tags": ["papermill-error-cell-tag"]}),
        new_code_cell("a = 1  # x", metadata={"tags": ["parameters"]}, execution_count=1),
        new_code_cell("a = 2", metadata={"tags": ["injected-parameters"]}, execution_count=2),
        new_code_cell("a", metadata={"papermill": {"duration": 1.5}}, execution_count=3),
    ]
    nb = new_notebook(cells=cells, metadata={"papermill": {"version": "2"}})
    before = nbformat.writes(nb)
    normalised = normalise_notebook(nb, parameters={"a": 2}, folders=[])
    assert [cell.source for cell in normalised.cells] == ["a = 2  # x", "a"]
    assert [cell.execution_count for cell in normalised.cells] == [1, 2]
    assert "papermill" not in nbformat.writes(normalised)
    assert nbformat.writes(nb) == before
    nbformat.validate(normalised)


def test_the_description_of_a_figure_stays_and_other_metadata_goes() -> None:
    metadata = {"image/svg+xml": {"alt": "a", "caption": "c", "x": 1}, "needs_background": "light"}
    output = new_output("display_data", data={"image/svg+xml": "<svg/>"}, metadata=metadata)
    nb = new_notebook(cells=[new_code_cell("x", outputs=[output])])
    normalised = normalise_notebook(nb, parameters={}, folders=[])
    kept = normalised.cells[0].outputs[0].metadata
    assert kept == {"image/svg+xml": {"alt": "a", "caption": "c"}}
