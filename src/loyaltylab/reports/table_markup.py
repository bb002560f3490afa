"""A data frame as an HTML table that a screen reader can follow and a reader can compare."""

from __future__ import annotations

import datetime as dt
import html
import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_DIGITS = 2
MISSING = "—"
MINUS = "\N{MINUS SIGN}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
# Four digits read well unbroken, and years must stay years; beside five digits they are grouped.
GROUPED_FROM = 10_000


def build_table(
    frame: pd.DataFrame, *, caption: str, digits: int | Mapping[str, int] = DEFAULT_DIGITS
) -> str:
    """Return a frame as a ``<table>``: caption, column and row headers, aligned numbers.

    The index is shown only if it is named. Otherwise a first column of distinct texts names the
    rows.
    """
    if frame.index.names != [None] * frame.index.nlevels:
        n_headers = frame.index.nlevels
        frame = frame.reset_index()
    else:
        n_headers = int(_names_rows(frame))
    numeric = [_is_numeric(frame.iloc[:, n]) for n in range(frame.shape[1])]
    formats = [
        _NumberFormat(
            digits=_decimals(name, digits=digits),
            grouped_from=_grouped_from(frame.iloc[:, n]) if numeric[n] else GROUPED_FROM,
        )
        for n, name in enumerate(frame.columns)
    ]
    head = "".join(
        f'<th scope="col"{_css(is_number)}>{html.escape(_label(name))}</th>'
        for name, is_number in zip(frame.columns, numeric, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cells(row, numeric=numeric, formats=formats, n_headers=n_headers))}</tr>"
        for row in frame.itertuples(index=False, name=None)
    )
    return (
        f'<table class="data-table"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


@dataclass(frozen=True)
class _NumberFormat:
    digits: int
    grouped_from: int


def format_value(
    value: Any, *, digits: int = DEFAULT_DIGITS, grouped_from: int = GROUPED_FROM
) -> str:
    """Return one value as a reader expects it.

    Parameters
    ----------
    value : object
        A cell of a table.
    digits : int
        Decimals of a fractional number.
    grouped_from : int
        The size from which thousands are set apart.

    Examples
    --------
    >>> format_value(-0.5), format_value(2024), format_value(1234567.891, digits=1)
    ('−0.50', '2024', '1\u202f234\u202f567.9')
    >>> format_value(float("nan")), format_value(True)
    ('—', 'yes')
    """
    if _is_missing(value):
        return MISSING
    if type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return _group(f"{int(value)}", start=grouped_from)
    if isinstance(value, numbers.Real):
        return _format_real(float(value), digits=digits, grouped_from=grouped_from)
    if isinstance(value, dt.datetime):
        is_midnight = value.time() == dt.time()
        return value.strftime("%Y-%m-%d" if is_midnight else "%Y-%m-%d %H:%M")
    return str(value)


def _format_real(value: float, *, digits: int, grouped_from: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:.{digits}f}"
    return _group(text.lstrip("-") if float(text) == 0 else text, start=grouped_from)


def _group(text: str, *, start: int) -> str:
    sign = MINUS if text.startswith("-") else ""
    whole, point, fraction = text.lstrip("-").partition(".")
    if int(whole) >= start:
        whole = f"{int(whole):,}".replace(",", THIN_SPACE)
    return f"{sign}{whole}{point}{fraction}"


def _is_missing(value: Any) -> bool:
    # None, NaN, NaT and pandas.NA are the values that do not equal themselves, or are None
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and math.isnan(value)


def _cells(
    row: tuple[Any, ...], *, numeric: list[bool], formats: list[_NumberFormat], n_headers: int
) -> Iterator[str]:
    for place, (value, is_number, form) in enumerate(zip(row, numeric, formats, strict=True)):
        text = format_value(value, digits=form.digits, grouped_from=form.grouped_from)
        text = html.escape(text)
        if place < n_headers:
            yield f'<th scope="row"{_css(is_number)}>{text}</th>'
        else:
            yield f"<td{_css(is_number)}>{text}</td>"


def _css(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _label(name: Any) -> str:
    return " · ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _decimals(name: Any, *, digits: int | Mapping[str, int]) -> int:
    return digits if isinstance(digits, int) else digits.get(name, DEFAULT_DIGITS)


def _grouped_from(column: pd.Series) -> int:
    sizes = [abs(value) for value in column.dropna() if math.isfinite(value)]
    return 1_000 if any(size >= GROUPED_FROM for size in sizes) else GROUPED_FROM


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"


def _names_rows(frame: pd.DataFrame) -> bool:
    if frame.shape[1] < 2:
        return False
    first = frame.iloc[:, 0]
    return bool(first.map(lambda value: isinstance(value, str)).all() and first.is_unique)
