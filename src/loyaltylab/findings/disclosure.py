"""Nothing about too few customers leaves: one rule for estimates and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from loyaltylab.findings.wording import count
from loyaltylab.survival import Estimate

SUPPRESSED = "suppressed: rests on too few customers"


def guard_estimate(estimate: Estimate, *, min_cell: int) -> Estimate:
    """Suppress an estimate that rests on fewer than ``min_cell`` customers or events.

    Returns
    -------
    Estimate
        The same, or with every number NaN, counts 0 and a caveat.
    """
    if estimate.n >= min_cell and (estimate.n_events >= min_cell or estimate.n_events == 0):
        return estimate
    nothing = math.nan
    return replace(
        estimate,
        value=nothing,
        standard_error=nothing,
        ci_lower=nothing,
        ci_upper=nothing,
        p_value=None,
        n=0,
        n_events=0,
        method=SUPPRESSED,
    )


def guard_counts(frame: pd.DataFrame, *, counts: Sequence[str], min_cell: int) -> pd.DataFrame:
    """A table in which counts between 1 and ``min_cell`` - 1 read "<min_cell".

    Parameters
    ----------
    frame : pandas.DataFrame
        Not changed.
    counts : sequence of str
        Columns that count customers or events.
    min_cell : int
        Smallest count shown.

    Returns
    -------
    pandas.DataFrame
        The counts as text, with thousands separators.
    """

    def show(number: float) -> str:
        return "" if pd.isna(number) else count(int(number), min_cell=min_cell)

    return frame.assign(**{column: frame[column].map(show) for column in counts})
