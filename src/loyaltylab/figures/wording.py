"""Numbers in words: the same percent, interval and count in every picture and alternative text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage with one decimal.

    Examples
    --------
    >>> percent(0.8214)
    '82.1 %'
    """
    return f"{100 * share:.1f} %"


def percent_interval(share: float, lower: float, upper: float) -> str:
    """Write a share with its interval; an interval that is not there is not mentioned.

    Examples
    --------
    >>> percent_interval(0.821, 0.79, 0.849)
    '82.1 % (79.0 to 84.9)'
    """
    if math.isnan(lower) or math.isnan(upper):
        return percent(share)
    return f"{percent(share)} ({100 * lower:.1f} to {100 * upper:.1f})"


def number_interval(value: float, lower: float, upper: float, *, decimals: int = 2) -> str:
    """Write an estimate with its interval, or that there is none.

    Examples
    --------
    >>> number_interval(1.25, 1.1, 1.42)
    '1.25 (1.10 to 1.42)'
    >>> number_interval(1250.0, 1100.0, float("inf"), decimals=0)
    '1,250 (1,100 to ∞)'
    """
    if math.isnan(value):
        return "not estimable"
    if math.isnan(lower) or math.isnan(upper):
        return _number(value, decimals)
    return f"{_number(value, decimals)} ({_number(lower, decimals)} to {_number(upper, decimals)})"


def _number(value: float, decimals: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    written = f"{abs(value):,.{decimals}f}"
    is_negative = value < 0 and float(written.replace(",", "")) != 0
    return f"−{written}" if is_negative else written


def count(number: int | None, *, min_cell: int) -> str:
    """Write a count with thousands separators; one below `min_cell` as "<min_cell".

    Examples
    --------
    >>> count(12345, min_cell=5), count(4, min_cell=5), count(0, min_cell=1)
    ('12,345', '<5', '0')
    """
    if number is None:
        return ""
    if number < min_cell and min_cell > 1:
        return f"<{min_cell}"
    return f"{number:,}"


def level(confidence_level: float) -> str:
    """Write a confidence level, 0.95 as "95 %"."""
    return f"{100 * confidence_level:g} %"


def plain(number: float) -> str:
    """Write a number of months or days without needless decimals."""
    return f"{round(number, 1):g}"


def month(at: pd.Timestamp) -> str:
    """Write month and year in English whatever the locale, "March 2024"."""
    return f"{_MONTHS[at.month - 1]} {at.year}"


def day(at: pd.Timestamp) -> str:
    """Write a date in English whatever the locale, "20 May 2020"."""
    return f"{at.day} {month(at)}"


def groups(names: Sequence[str]) -> str:
    """Write how many groups there are, or nothing where there is only one."""
    return f" for {len(names)} groups" if len(names) > 1 else ""


def sentences(*parts: str | None) -> str:
    """Join the parts that say something into one text, each ending with a full stop."""
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def marks(names: Mapping[str, str]) -> str | None:
    """Say what is marked where: label -> place in words."""
    if not names:
        return None
    return "Marked: " + "; ".join(f"{label}, {place}" for label, place in names.items())


def tick(number: float) -> str:
    """Write a number on an axis, "1,000" or "0.25"."""
    written = f"{abs(number):,.6f}".rstrip("0").rstrip(".")
    return f"−{written}" if number < 0 else written
