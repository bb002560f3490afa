"""The gate: what a stage is about to write for others is looked through first.

Whatever a notebook does, nothing passes that names a person or counts too few of them.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loyaltylab.errors import DisclosureError
from loyaltylab.tables.personal_values import find_personal_values, hide_personal_values

COUNTS = ("n", "n_at_risk", "n_censored", "n_customers", "n_events")
IMAGE = re.compile(r"data:image/(?P<kind>[\w.+-]+);base64,(?P<bytes>[A-Za-z0-9+/=]+)")
# Errors of Python that tell names of the program, never values of the data.
ABOUT_PROGRAM = ("AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "SyntaxError")
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
COLUMN_NAME = re.compile(r"['\"][a-z][a-z0-9_]{0,40}['\"]")


def check_release(texts: Mapping[str, str], *, min_cell: int) -> None:
    """Refuse texts that name a person, or count fewer than ``min_cell`` of them.

    Parameters
    ----------
    texts : mapping of str to str
        Where it will be written -> what. Names that end in .html, .csv or .json are read as such,
        the images of a page too.
    min_cell : int
        Smallest count shown.

    Raises
    ------
    DisclosureError
        Naming every file, line and kind of value; never the value.

    Examples
    --------
    >>> check_release({"findings/retention.json": '{"n": 40}'}, min_cell=5)
    """
    problems = [
        f"{place}, {problem}"
        for place, text in texts.items()
        for problem in dict.fromkeys(_problems(place, text, min_cell))
    ]
    if problems:
        raise DisclosureError(
            "Something about single customers would have left; nothing was written:",
            [
                *problems,
                "leave the value out of what is shown, or guard it (study.guard, guard_counts)",
            ],
        )


def read_folder(folder: Path, *, place: str) -> dict[str, str]:
    """Every text file in a folder by its coming place."""
    return {
        f"{place}/{path.relative_to(folder).as_posix()}": path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def tell_error(kind: str, message: str) -> str:
    """What an error may say in a log: one that was not foreseen may quote the data.

    Parameters
    ----------
    kind : str
        Name of its class.
    message : str
        What it says.

    Returns
    -------
    str
        Its first line; what is quoted is left out unless it is written like a column's name.

    Examples
    --------
    >>> tell_error("ValueError", "could not convert string to float: 'Ann B.'")
    "could not convert string to float: '…'"
    >>> tell_error("KeyError", "'customer_id'")
    "'customer_id'"
    """
    first, *_ = message.strip().split("\n")
    if kind not in ABOUT_PROGRAM:
        first = QUOTED.sub(
            lambda found: (
                found[0] if kind == "KeyError" and COLUMN_NAME.fullmatch(found[0]) else "'…'"
            ),
            first,
        )
    return hide_personal_values(first)


def _problems(place: str, text: str, min_cell: int) -> Iterator[str]:
    if place.endswith(".html"):
        text, drawings = _open_images(text)
        for number, drawing in enumerate(drawings, start=1):
            for problem in _name_persons(drawing):
                yield f"image {number}, {problem}"
        text = html.unescape(text)
    yield from _name_persons(text)
    if place.endswith(".csv"):
        yield from _count_in_table(text, min_cell)
    if place.endswith(".json"):
        yield from _count_in_tree(json.loads(text), "", min_cell)


def _name_persons(text: str) -> Iterator[str]:
    for one in find_personal_values(text):
        yield f"line {text.count(chr(10), 0, one.start) + 1}: {one.kind}"


def _open_images(text: str) -> tuple[str, list[str]]:
    drawings = [
        base64.b64decode(found["bytes"]).decode("utf-8", errors="replace")
        for found in IMAGE.finditer(text)
        if found["kind"] == "svg+xml"
    ]
    return IMAGE.sub("", text), drawings


def _count_in_table(text: str, min_cell: int) -> Iterator[str]:
    for number, line in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        for column in COUNTS:
            if _is_small(line.get(column), min_cell):
                yield f"line {number}: '{column}' counts fewer than {min_cell}"


def _count_in_tree(content: Any, where: str, min_cell: int) -> Iterator[str]:
    if isinstance(content, Mapping):
        for key, item in content.items():
            if key in COUNTS and _is_small(item, min_cell):
                yield f"{where}{key}: counts fewer than {min_cell}"
            yield from _count_in_tree(item, f"{where}{key}.", min_cell)
    elif isinstance(content, list):
        for item in content:
            yield from _count_in_tree(item, where, min_cell)


def _is_small(value: Any, min_cell: int) -> bool:
    if isinstance(value, str):
        value = int(value) if value.isdecimal() else None
    return isinstance(value, int | float) and 0 < value < min_cell
