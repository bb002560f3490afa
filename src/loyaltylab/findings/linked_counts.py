"""Counts that add up: a small one must not follow from the others by subtraction.

A count below the smallest cell is hidden first (primary suppression). Beside a total and all other
parts it could still be worked out, so further counts are hidden with it, the smallest first
(secondary suppression), until every hidden count could have at least two values.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from loyaltylab.findings.wording import count

Key = TypeVar("Key", bound=Hashable)
Standing = Literal["shown", "small", "protecting", "withheld"]
NOT_SHOWN = "not shown"
WRITTEN = ("shown", "small")
TOTAL = "total"
# Counts are whole numbers: a range narrower than 1 holds one of them only. Rounding of the solver.
WIDTH_OF_TWO_VALUES = 1 - 1e-6


@dataclass(frozen=True)
class Sum:
    """Counts that add up.

    Attributes
    ----------
    parts : tuple
        Keys of the counts.
    total : hashable or None
        Key of their sum; None if the sum is not among the counts but known from elsewhere.
    """

    parts: tuple[Hashable, ...]
    total: Hashable | None = None


def suppress_counts(
    counts: Mapping[Key, int], *, sums: Sequence[Sum], min_cell: int
) -> dict[Key, Standing]:
    """Which counts may be shown.

    Parameters
    ----------
    counts : mapping
        Key -> count of customers or events, at least 0. A count that is not printed, such as what
        remains of a total, may be among them.
    sums : sequence of Sum
        What adds up; each must hold. A count is a part of at most two sums, as in a table with
        margins.
    min_cell : int
        Smallest count shown; 0 is shown.

    Returns
    -------
    dict
        Key -> "shown"; "small": between 1 and ``min_cell`` - 1; "protecting": hidden so that no
        small count can be worked out, itself neither 0 nor small; or "withheld": small or 0, and
        even that is not said, since the marks would give it away. A single count whose sum is
        known from elsewhere cannot be protected.

    Raises
    ------
    ValueError
        If the parts of a sum do not add up to its total.

    Source
    ------
    Hundepool et al. (2012), Statistical Disclosure Control, chapter 4.

    Examples
    --------
    >>> counts = {"followed": 90, "left out": 7, "unknown": 3, "total": 100}
    >>> sums = [Sum(("followed", "left out", "unknown"), "total")]
    >>> suppress_counts(counts, sums=sums, min_cell=5)["left out"]
    'protecting'
    """
    _check_sums(counts, sums)
    standing: dict[Key, Standing] = {
        key: "small" if 0 < number < min_cell else "shown" for key, number in counts.items()
    }
    while exposed := _find_exposed(counts, standing, sums=sums, min_cell=min_cell):
        chosen = _choose_next(counts, standing, sums=sums, exposed=exposed)
        if chosen is None:
            break
        standing[chosen] = "protecting" if counts[chosen] >= min_cell else "withheld"
    return standing


def write_counts(
    counts: Mapping[Key, int], *, sums: Sequence[Sum], min_cell: int
) -> dict[Key, str]:
    """The counts as texts: with thousands separators, "<min_cell", or "not shown".

    Parameters
    ----------
    counts, sums, min_cell
        As in :func:`suppress_counts`.

    Examples
    --------
    >>> write_counts({"a": 2, "b": 1200, "c": 30}, sums=[Sum(("a", "b", "c"))], min_cell=5)
    {'a': '<5', 'b': '1,200', 'c': 'not shown'}
    """
    standing = suppress_counts(counts, sums=sums, min_cell=min_cell)
    return {
        key: count(number, min_cell=min_cell) if standing[key] in WRITTEN else NOT_SHOWN
        for key, number in counts.items()
    }


def find_feasible_ranges(
    counts: Mapping[Key, int],
    standing: Mapping[Key, Standing],
    *,
    sums: Sequence[Sum],
    min_cell: int,
) -> dict[Key, tuple[float, float]]:
    """What somebody who sees the other counts, the sums and the marks can tell of each hidden one.

    Parameters
    ----------
    counts, sums, min_cell
        As in :func:`suppress_counts`.
    standing : mapping
        As from :func:`suppress_counts`.

    Returns
    -------
    dict
        Hidden key -> smallest and largest value, by linear programming. Tables with margins and
        sums of sums have whole numbers at their corners, so both are reached.
    """
    hidden = [key for key in counts if standing[key] != "shown"]
    if not hidden:
        return {}
    left, right = _equations(counts, hidden, sums)
    limits = {"small": (1, min_cell - 1), "protecting": (min_cell, None), "withheld": (0, None)}
    bounds = [limits[standing[key]] for key in hidden]
    ranges = {}
    for place, key in enumerate(hidden):
        aim = np.zeros(len(hidden))
        aim[place] = 1.0
        low, high = (
            linprog(sign * aim, A_eq=left, b_eq=right, bounds=bounds).fun for sign in (1, -1)
        )
        # Unbounded: no value is given.
        ranges[key] = (float(low), np.inf if high is None else -float(high))
    return ranges


def sums_that_hold(counts: Mapping[Key, int], sums: Iterable[Sum]) -> list[Sum]:
    """The sums whose counts are all there and whose parts, if counted once, add up."""
    return [
        one
        for one in sums
        if {*one.parts, *([] if one.total is None else [one.total])} <= set(counts)
        and (one.total is None or _add(counts, one) == _get(counts, one.total))
    ]


def _equations(
    counts: Mapping[Key, int], hidden: Sequence[Key], sums: Sequence[Sum]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Hidden parts minus a hidden total are what the shown ones leave."""
    place = {key: number for number, key in enumerate(hidden)}
    lines, rests = [], []
    for one in sums:
        line = np.zeros(len(hidden))
        rest = float(_add(counts, one) if one.total is None else 0)
        signed = [(key, 1.0) for key in one.parts]
        signed += [] if one.total is None else [(one.total, -1.0)]
        for key, sign in signed:
            if key in place:
                line[place[key]] += sign
            else:
                rest -= sign * _get(counts, key)
        if line.any():
            lines.append(line)
            rests.append(rest)
    return (np.vstack(lines), np.array(rests)) if lines else (None, None)


def _find_exposed(
    counts: Mapping[Key, int],
    standing: Mapping[Key, Standing],
    *,
    sums: Sequence[Sum],
    min_cell: int,
) -> list[Key]:
    if all(one == "shown" for one in standing.values()):
        return []
    ranges = find_feasible_ranges(counts, standing, sums=sums, min_cell=min_cell)
    # With min_cell 2 the mark itself says 1; nothing beside it can change that.
    return [
        key
        for key, (low, high) in ranges.items()
        if high - low < WIDTH_OF_TWO_VALUES and not (standing[key] == "small" and min_cell == 2)
    ]


def _choose_next(
    counts: Mapping[Key, int],
    standing: Mapping[Key, Standing],
    *,
    sums: Sequence[Sum],
    exposed: Sequence[Key],
) -> Key | None:
    """The smallest count still shown where one is exposed; else one whose mark says too much."""
    hidden = {key for key in counts if standing[key] != "shown"}
    members = [{*one.parts, one.total} & set(counts) for one in sums]
    alone = [keys for keys in members if len(keys & hidden) == 1]
    beside = [keys for keys in members if keys & set(exposed)]
    linked = [keys for keys in members if keys & hidden]
    for places in (alone, beside, linked):
        there = set().union(*places)
        open_keys = [
            key for key in counts if key in there and key not in hidden and counts[key] > 0
        ]
        if open_keys:
            return min(open_keys, key=lambda key: counts[key])  # the first of equals
    marked = [key for key in exposed if standing[key] == "small"]
    zeros = [key for key in counts if key not in hidden and any(key in keys for keys in beside)]
    return next(iter([*marked, *zeros]), None)


def _check_sums(counts: Mapping[Key, int], sums: Sequence[Sum]) -> None:
    wrong = len(sums) - len(sums_that_hold(counts, sums))
    if wrong:
        raise ValueError(f"{wrong} of {len(sums)} sums name a count that is not there, or do not "
                         "add up; give only sums that hold.")  # fmt: skip


def _add(counts: Mapping[Key, int], one: Sum) -> int:
    return sum(_get(counts, key) for key in one.parts)


def _get(counts: Mapping[Key, int], key: Hashable) -> int:
    return counts[key]  # type: ignore[index]
