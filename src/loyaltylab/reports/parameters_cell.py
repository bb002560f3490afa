"""The one ``parameters`` cell of a notebook: read as literals, compared with params.yaml.

papermill runs a notebook on its defaults when the tag is lost or a name is misspelt, and guesses
types. Here every doubt stops the run before a kernel starts.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from nbformat import NotebookNode

from loyaltylab.errors import NotebookError, ParameterError

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
PLAIN_TYPES = (bool, int, float, str, type(None))
TYPE_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def has_tag(cell: NotebookNode, tag: str) -> bool:
    """Return whether a cell carries a tag."""
    return tag in cell.get("metadata", {}).get("tags", [])


def parse_parameters(nb: NotebookNode, *, name: str) -> dict[str, object]:
    """Return name to default value of an open notebook.

    Raises
    ------
    NotebookError
        Not exactly one cell is tagged ``parameters``, or it holds something other than
        ``name = literal`` lines.
    """
    tagged = [n for n, cell in enumerate(nb.cells, start=1) if has_tag(cell, PARAMETERS_TAG)]
    if len(tagged) != 1:
        found = "no cell is" if not tagged else f"cells {', '.join(map(str, tagged))} are"
        raise NotebookError(
            f"notebook {name}: parameters cannot be read",
            [f"{found} tagged '{PARAMETERS_TAG}'; give that tag to exactly one code cell"],
        )
    number = tagged[0]
    declared: dict[str, object] = {}
    problems: list[str] = []
    for place, parameter, value, problem in _read_statements(nb.cells[number - 1]):
        if problem is None and parameter in declared:
            problem = f"'{parameter}' is given twice; keep one line"
        if problem is not None:
            problems.append(f"cell {number}, {place}: {problem}")
        else:
            declared[parameter] = value
    if problems:
        raise NotebookError(f"notebook {name}: parameters cannot be read", problems)
    return declared


def check_parameters(
    notebook_name: str,
    declared: Mapping[str, object],
    given: Mapping[str, object],
    *,
    optional: Collection[str] = (),
) -> None:
    """Compare the values of a params.yaml section with the parameters of its notebook.

    Parameters
    ----------
    notebook_name : str
        Name of the notebook and of its section.
    declared : mapping
        Name to default, as the parameters cell gives it. The default gives the type.
    given : mapping
        Name to value, as the section of params.yaml gives it.
    optional : collection of str
        Names that may be null although their default is not.

    Raises
    ------
    ParameterError
        Every unknown name, missing name and wrong type at once.

    Examples
    --------
    >>> check_parameters("retention", {"horizon_days": 365}, {"horizon_days": 180})
    >>> check_parameters("retention", {"horizon_days": 365}, {"horizont_days": 180})
    Traceback (most recent call last):
    ...
    loyaltylab.errors.ParameterError: params.yaml, section 'retention', does not fit its notebook
      - 'horizont_days' is unknown; did you mean 'horizon_days'?
      - 'horizon_days' is missing; add it (the notebook's default is 365)
    """
    problems = [
        *_unknown_names(declared, given),
        *_missing_names(declared, given),
        *_wrong_types(declared, given, optional=optional),
    ]
    if problems:
        raise ParameterError(
            f"params.yaml, section '{notebook_name}', does not fit its notebook", problems
        )


def rewrite_parameters(source: str, values: Mapping[str, object]) -> str:
    """Return the parameters cell with the values used in place of its defaults.

    Comments, which carry the units, stay.
    """
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name not in values or node.value.end_lineno is None:
            continue
        first, last = node.value.lineno - 1, node.value.end_lineno - 1
        head = _text(lines[first], stop=node.value.col_offset)
        tail = _text(lines[last], start=node.value.end_col_offset or 0)
        lines[first : last + 1] = [f"{head}{values[name]!r}{tail}"]
    return "\n".join(lines)


def _text(line: str, *, start: int = 0, stop: int | None = None) -> str:
    return line.encode()[start:stop].decode()  # the offsets of ast count bytes


def _read_statements(cell: NotebookNode) -> Iterator[tuple[str, str, object, str | None]]:
    if cell.cell_type != "code":
        yield "line 1", "", None, "the tag belongs on a code cell"
        return
    try:
        body = ast.parse(cell.source).body
    except SyntaxError as error:
        yield f"line {error.lineno}", "", None, f"not plain Python ({error.msg})"
        return
    for node in body:
        place = f"line {node.lineno}"
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Name):
            yield place, "", None, "only lines like 'name = literal' are allowed here"
            continue
        if len(node.targets) > 1:
            yield place, target.id, None, "one name per line, please"
            continue
        yield place, target.id, *_literal(target.id, node.value)


def _literal(name: str, node: ast.expr) -> tuple[object, str | None]:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None, (
            f"'{name}' is not a literal; write a number, text, True, False, None, a list or a dict"
        )
    if not _is_plain(value):
        return (
            None,
            f"'{name}' has a value that params.yaml cannot hold; use a list or plain values",
        )
    return value, None


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, PLAIN_TYPES)


def _unknown_names(declared: Mapping[str, object], given: Mapping[str, object]) -> Iterator[str]:
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(str(name), list(declared), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(declared)}"
            yield f"'{name}' is unknown; {hint}"


def _missing_names(declared: Mapping[str, object], given: Mapping[str, object]) -> Iterator[str]:
    for name, default in declared.items():
        if name not in given:
            yield f"'{name}' is missing; add it (the notebook's default is {default!r})"


def _wrong_types(
    declared: Mapping[str, object], given: Mapping[str, object], *, optional: Collection[str]
) -> Iterator[str]:
    for name, default in declared.items():
        if name not in given or (given[name] is None and name in optional):
            continue
        problem = _type_problem(given[name], default=default)
        if problem is not None:
            yield f"'{name}' {problem}"


def _type_problem(value: object, *, default: object) -> str | None:
    if not _is_plain(value):
        return f"is {value!r}, which a notebook cannot take; quote it to make it text"
    if default is None or _same_kind(value, default=default):
        return _element_problem(value, default=default)
    expected = TYPE_WORDS.get(type(default), f"a {type(default).__name__}")
    hint = "; quote it to keep it as text" if isinstance(default, str) else ""
    return f"is {value!r}, but must be {expected} like the default {default!r}{hint}"


def _same_kind(value: object, *, default: object) -> bool:
    if type(default) is float:
        return type(value) in (int, float)
    return type(value) is type(default)


def _element_problem(value: object, *, default: object) -> str | None:
    values, defaults = _elements(value), _elements(default)
    if not defaults or None in defaults:
        return None
    wrong = [v for v in values if not any(_same_kind(v, default=d) for d in defaults)]
    if not wrong:
        return None
    return f"has the element {wrong[0]!r}, unlike the elements of the default {default!r}"


def _elements(value: Any) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
