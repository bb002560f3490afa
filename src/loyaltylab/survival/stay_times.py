"""When each customer's stay in its present state began."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.row_checks import describe_rows, read_numbers
from loyaltylab.survival.transition_rows import TransitionRows


def read_state_entry(rows: TransitionRows, state_entry: npt.ArrayLike | None) -> FloatArray:
    """Time at which the stay of each row began, shape (n,)."""
    if state_entry is None:
        return _find_stay_starts(rows)
    problems: list[str] = []
    if len(pd.Series(state_entry)) != len(rows.kept):
        problems.append("state_entry has another length than stop; rule: one value per row")
    else:
        entry = read_numbers("state_entry", state_entry, problems)[rows.kept]
        is_late = entry > rows.start
        if is_late.any():
            problems.append(
                f"state_entry is after start in {describe_rows(is_late)}; rule: a stay begins "
                "before it is observed; fix: check the dates"
            )
    if problems:
        raise EstimationError("The beginnings of stays cannot be used.", problems)
    return entry


def _find_stay_starts(rows: TransitionRows) -> FloatArray:
    order = np.lexsort((rows.start, rows.customer))
    continues = np.concatenate([[False], rows.is_continued[order][:-1]])
    opening = np.flatnonzero(~continues)[np.cumsum(~continues) - 1]
    starts = np.empty(rows.n_rows)
    starts[order] = rows.start[order][opening]
    return starts


def describe_late_stays(rows: TransitionRows) -> list[str]:
    """Stays seen neither from the common start of observation nor from a move on."""
    order = np.lexsort((rows.start, rows.customer))
    start, stop, customer = rows.start[order], rows.stop[order], rows.customer[order]
    follows = (customer[1:] == customer[:-1]) & (start[1:] == stop[:-1])
    is_new = np.concatenate([[True], ~follows])
    n_late = int(np.sum(is_new & (start > start.min())))
    if n_late == 0:
        return []
    return [
        f"{n_late} stays begin with a late entry into observation and are timed from there; pass "
        "state_entry= if they began earlier."
    ]
