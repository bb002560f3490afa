"""JSON lines, one object at a time: the newest version of each, with only the keys asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.delimited_text import BROKEN_GZIP, GZIP_MESSAGE, name_rows, open_text

Object = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes
    ----------
    number : int
        Its line.
    updated_at : str
        As written; versions are told apart by it.
    cells : tuple
        The values asked for, in their order; None where there is none.
    """

    number: int
    updated_at: str
    cells: tuple[Any, ...]


@dataclass(frozen=True)
class Newest:
    """The newest version of each object.

    Attributes
    ----------
    versions : dict of str to Version
        By identifier, in the order of their lines.
    n_older : int
        Lines that hold an older, or the same, version.
    """

    versions: dict[str, Version]
    n_older: int


def read_objects(path: Path) -> Iterator[tuple[int, Object]]:
    """Line numbers and objects of a file, compressed by gzip or not.

    Raises
    ------
    TableError
        At the end, naming all lines that are no JSON objects.
    """
    wrong: list[int] = []
    try:
        with open_text(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    found = json.loads(line, parse_constant=_no_number)
                except (ValueError, RecursionError):
                    found = None
                if isinstance(found, dict):
                    yield number, found
                else:
                    wrong.append(number)
    except UnicodeError:
        raise TableError("", ["is not text in UTF-8; export it again"]) from None
    except BROKEN_GZIP:
        raise TableError("", [GZIP_MESSAGE]) from None
    if wrong:
        raise TableError(
            "",
            [
                f"has {name_rows(wrong)} that are no JSON object: the file has one object per "
                "line, each whole; export it again"
            ],
        )


def _no_number(name: str) -> None:
    raise ValueError(name)


def find_value(item: Object, path: str) -> tuple[bool, Any]:
    """Whether an object has a key, with dots for keys inside keys, and its value.

    A list of ``{id, value}``, as of custom fields, is looked up by id.

    Examples
    --------
    >>> find_value({"via": {"channel": "web"}}, "via.channel")
    (True, 'web')
    >>> find_value({"fields": [{"id": 7, "value": "x"}]}, "fields.7")
    (True, 'x')
    """
    value: Any = item
    for part in path.split("."):
        if isinstance(value, list):
            value = {str(one.get("id")): one.get("value") for one in value if isinstance(one, dict)}
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def read_newest(
    paths: Sequence[Path],
    *,
    key: str,
    columns: Sequence[str],
    skips: Callable[[Object], bool] | None = None,
) -> Newest:
    """Read the newest version of every object of some files.

    Parameters
    ----------
    paths : sequence of Path
        The files, as if they were one.
    key : str
        What identifies an object.
    columns : sequence of str
        Keys to keep; see ``find_value``.
    skips : callable, optional
        Says which objects are passed over.

    Returns
    -------
    Newest

    Raises
    ------
    TableError
        Naming objects without the key, versions updated at the same time that differ, and columns
        that no object has.
    """
    versions: dict[str, Version] = {}
    there: set[str] = set()
    keys: set[str] = set()
    unnamed: list[int] = []
    unclear: list[int] = []
    n_older = 0
    for number, item in (pair for path in paths for pair in read_objects(path)):
        pairs = [find_value(item, column) for column in columns]
        there.update(
            column for column, (is_there, _) in zip(columns, pairs, strict=True) if is_there
        )
        keys.update(item)
        if skips is not None and skips(item):
            continue
        if not isinstance(item.get(key), int | str):
            unnamed.append(number)
            continue
        new = Version(number, str(item.get("updated_at") or ""), tuple(value for _, value in pairs))
        old = versions.get(str(item[key]))
        n_older += old is not None
        if old is None or new.updated_at > old.updated_at:
            versions[str(item[key])] = new
        elif new.updated_at == old.updated_at and new.cells != old.cells:
            unclear.append(number)
    problems = [f"has {name_rows(unnamed)} without '{key}'"] if unnamed else []
    if unclear:
        problems.append(
            f"has {name_rows(unclear)} that differ from an earlier line with the same '{key}' and "
            "'updated_at'; keep one of them"
        )
    if keys:
        problems += [
            f"has no '{column}' in any object{did_you_mean(column, sorted(keys))}"
            for column in columns
            if column not in there
        ]
    if problems:
        raise TableError("", problems)
    ordered = sorted(versions.items(), key=lambda pair: pair[1].number)
    return Newest(dict(ordered), n_older)
