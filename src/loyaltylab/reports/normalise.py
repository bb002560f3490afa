"""The executed notebook, freed of everything that differs between two identical runs.

Dropped or renamed: timings, execution metadata, random cell ids, the split between the cell
papermill injects and the one it overrides, memory addresses, temporary file names, random table
ids, absolute paths, and the order in which output streams happened to arrive.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from loyaltylab.reports.notebook_source import make_node, strip_notebook
from loyaltylab.reports.parameters_cell import (
    INJECTED_TAG,
    PARAMETERS_TAG,
    has_tag,
    rewrite_parameters,
)

ERROR_MARKER_TAG = "papermill-error-cell-tag"
# The look-behind keeps the search linear: a match starts only where a word starts.
CELL_FILE = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")
MEMORY_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{8,16}\b")
STYLER_ID = re.compile(r"\bT_([0-9a-f]{5,32})(?=[_\s\"'#.{,])")
OVERWRITTEN_LINE = re.compile(r"(?m)^[^\n]*\r(?!\n)")
ESCAPE_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
OUTPUT_METADATA = ("alt", "caption", "isolated")


def normalise_notebook(
    nb: NotebookNode, *, parameters: Mapping[str, object], folders: Sequence[tuple[Path, str]]
) -> NotebookNode:
    """Return what two identical runs have in common.

    Parameters
    ----------
    nb : NotebookNode
        An executed notebook.
    parameters : mapping
        The values it ran with; the page shows one parameters cell that holds them.
    folders : sequence of (Path, str)
        Absolute folders and what to write instead of them, for example ``(working_folder, "")``.

    Returns
    -------
    NotebookNode
        A new notebook: source, tags and scrubbed outputs.
    """
    cells = list(merge_parameter_cells(nb.cells, parameters=parameters))
    bare = strip_notebook(make_node({"cells": cells}))
    names = _PathNames(folders)
    count = 0
    for stripped, cell in zip(bare.cells, cells, strict=True):
        if cell.cell_type != "code":
            continue
        stripped.outputs = [_scrub_output(o, names=names) for o in merge_streams(cell.outputs)]
        if cell.get("execution_count") is not None:
            count += 1
            stripped.execution_count = count
    return bare


def merge_parameter_cells(
    cells: Iterable[NotebookNode], *, parameters: Mapping[str, object]
) -> Iterable[NotebookNode]:
    """Yield the cells with one parameters cell, which holds the values used, and no error marks."""
    for cell in cells:
        if has_tag(cell, INJECTED_TAG) or has_tag(cell, ERROR_MARKER_TAG):
            continue
        if has_tag(cell, PARAMETERS_TAG):
            source = rewrite_parameters(cell.source, parameters)
            yield make_node(dict(cell) | {"source": source})
        else:
            yield cell


def merge_streams(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Join what a cell wrote between two displays: first all of stdout, then all of stderr.

    A stream arrives in pieces whose number and order depend on timing.
    """
    merged: list[NotebookNode] = []
    pending: dict[str, str] = {}
    for output in outputs:
        if output.output_type == "stream":
            pending[output.name] = pending.get(output.name, "") + output.text
        else:
            merged += _flush(pending)
            pending = {}
            merged.append(output)
    return merged + _flush(pending)


def _flush(pending: Mapping[str, str]) -> list[NotebookNode]:
    return [
        make_node({"output_type": "stream", "name": name, "text": pending[name]})
        for name in ("stdout", "stderr")
        if pending.get(name)
    ]


def _scrub_output(output: NotebookNode, *, names: _PathNames) -> NotebookNode:
    scrubbed: dict[str, Any] = {"output_type": output.output_type}
    if output.output_type == "stream":
        scrubbed |= {"name": output.name, "text": _scrub_text(output.text, names=names)}
    elif output.output_type == "error":
        scrubbed["ename"] = output.ename
        scrubbed["evalue"] = _scrub_text(output.evalue, names=names)
        scrubbed["traceback"] = [_scrub_text(line, names=names) for line in output.traceback]
    else:
        scrubbed["output_type"] = "display_data"  # as opposed to a result with a number
        data = output.data.items()
        scrubbed["data"] = {mime: _scrub_data(mime, value, names=names) for mime, value in data}
        scrubbed["metadata"] = _plain_metadata(output.metadata)
    return make_node(scrubbed)


def _scrub_data(mime: str, value: Any, *, names: _PathNames) -> Any:
    if not isinstance(value, str) or not (mime.startswith("text/") or mime == "image/svg+xml"):
        return value
    scrubbed = _scrub_text(value, names=names)
    return _number_styler_ids(scrubbed) if mime == "text/html" else scrubbed


def _scrub_text(text: str, *, names: _PathNames) -> str:
    text = OVERWRITTEN_LINE.sub("", ESCAPE_CODE.sub("", text))
    text = CELL_FILE.sub("<cell>", text)
    return MEMORY_ADDRESS.sub("0x…", names.shorten(text))


def _number_styler_ids(html: str) -> str:
    numbers: dict[str, int] = {}
    for found in STYLER_ID.finditer(html):
        numbers.setdefault(found[1], len(numbers) + 1)
    return STYLER_ID.sub(lambda found: f"T_{numbers[found[1]]}", html)


def _plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            kept[key] = {k: v for k, v in value.items() if k in OUTPUT_METADATA}
        elif key in OUTPUT_METADATA:
            kept[key] = value
    return kept


class _PathNames:
    """Absolute folders and their short names, longest first."""

    def __init__(self, folders: Sequence[tuple[Path, str]]) -> None:
        known = [
            *folders,
            (Path(__file__).parents[1], "loyaltylab"),
            (Path(sys.prefix), "<python>"),
            (Path(sys.base_prefix), "<python>"),
            (Path(tempfile.gettempdir()), "<temporary>"),
            (Path.home(), "~"),
        ]
        names: dict[str, str] = {}
        for folder, name in known:
            for spelling in (str(folder.absolute()), str(folder.resolve())):
                if len(spelling) > 1:  # never the root folder
                    names.setdefault(spelling, name)
        self._names = names
        longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        self._pattern = re.compile(
            rf"(?<![\w.-])(?P<folder>{longest_first})(?P<slash>/|(?![\w.-]))"
        )

    def shorten(self, text: str) -> str:
        """Return the text with every known absolute folder replaced by its short name."""
        return self._pattern.sub(self._replacement, text)

    def _replacement(self, found: re.Match[str]) -> str:
        name = self._names[found["folder"]]
        if name:
            return name + found["slash"]
        return "" if found["slash"] else "."
