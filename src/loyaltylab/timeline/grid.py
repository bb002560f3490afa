"""Rows on a regular grid of time, with the values as of the start of each interval."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY
from loyaltylab.timeline.row_cuts import SPELL, cut_rows, to_whole_microseconds

# Position of the spell while rows are cut; not a name that a covariate may have.
CODE = " spell"
# Rows of some thirty columns that fit in a few GB of memory while they are cut.
MOST_GRID_ROWS = 20_000_000


def to_grid(rows: pd.DataFrame, width_days: float) -> pd.DataFrame:
    """Put rows on a regular grid of the spell's clock: (0, w], (w, 2w], …

    In each interval of the grid every covariate keeps the value it had when the interval began:
    what changes in between acts from the next interval on. Time at risk and exits are those of
    the rows. Event-driven rows are exact; a grid gives models in discrete time one row per
    interval.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`split_at_jumps`, in any order: ``customer_id``, ``spell_number``,
        ``start``, ``stop``, ``event``, ``exit_cause``, then any columns.
    width_days : float
        Width w of the grid, to the microsecond.

    Returns
    -------
    pandas.DataFrame
        Spells in order of their first row, each in order of time. An interval that the spell
        entered late, left early, or left and entered again, makes rows for its time at risk
        only, with the values as of each entry.

    Raises
    ------
    TableError
        If the width is shorter than a microsecond, rows of one spell overlap, or the grid would
        make more than 20 million rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a"], "spell_number": [1, 1],
    ...     "start": [0.0, 20.0], "stop": [20.0, 50.0], "event": [False, True],
    ...     "exit_cause": ["", "price"], "n": [0, 1]})
    >>> to_grid(rows, 30)[["start", "stop", "event", "n"]].values.tolist()
    [[0.0, 30.0, False, 0], [30.0, 50.0, True, 1]]
    """
    width = width_days * MICROSECONDS_PER_DAY
    if not (np.isfinite(width) and width >= 1):
        raise TableError(
            f"A grid of {width_days} days: give a finite width of a microsecond or more."
        )
    ordered, spell = _in_order(rows)
    _refuse_large_grid(ordered, width_days)
    last = float(ordered["stop"].max()) if len(ordered) else 0.0
    lines = np.arange(1, int(last / width_days) + 2) * round(width)
    origin = np.zeros(len(ordered), dtype=np.int64)
    pieces, band = cut_rows(ordered.assign(**{CODE: spell}), lines, origin=origin)
    begins = np.diff(pieces.pop(CODE).to_numpy(), prepend=-1) != 0
    start, stop = (
        to_whole_microseconds(pieces[name].to_numpy(np.float64)) for name in ("start", "stop")
    )
    begins |= np.diff(band, prepend=-1) != 0
    begins |= start != np.roll(stop, 1)
    begins |= np.roll(pieces["event"].to_numpy(bool), 1)  # an event stands at the end of its row
    ends = np.append(begins[1:], True)[: len(pieces)]
    closing = pieces.loc[ends, ["stop", "event", "exit_cause"]].reset_index(drop=True)
    return pieces[begins].reset_index(drop=True).assign(**closing)


def _refuse_large_grid(rows: pd.DataFrame, width_days: float) -> None:
    """Count the pieces before any is made: the lines of the grid inside each row, and one."""
    start, stop = rows["start"].to_numpy(np.float64), rows["stop"].to_numpy(np.float64)
    inside = np.ceil(stop / width_days) - np.floor(start / width_days) - 1.0
    n_pieces = len(rows) + float(np.maximum(inside, 0.0).sum())
    if n_pieces > MOST_GRID_ROWS:
        raise TableError(
            f"A grid of {width_days:g} days cuts {len(rows)} rows into some {n_pieces:.0f}; rule: "
            f"at most {MOST_GRID_ROWS}, which fit in memory; fix: a wider grid, the rows as they "
            "are (they need no grid but for models in discrete time), or a sample of customers."
        )


def _in_order(rows: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Rows by spell and time, and the position of their spell."""
    spell = rows.groupby(SPELL, sort=False).ngroup().to_numpy()
    order = np.lexsort((rows["start"].to_numpy(), spell))
    ordered = rows.iloc[order].reset_index(drop=True)
    start, stop = ordered["start"].to_numpy(), ordered["stop"].to_numpy()
    is_over = (spell[order][1:] == spell[order][:-1]) & (start[1:] < stop[:-1])
    problems = (
        ("overlap the row before of their spell", int(is_over.sum())),
        ("do not start before they stop", int((~(start < stop)).sum())),
    )
    found = [
        f"{n} rows {what}; every moment of a spell stands in one row" for what, n in problems if n
    ]
    if found:
        raise TableError("The rows cannot be put on a grid:", found)
    return ordered, spell[order]
