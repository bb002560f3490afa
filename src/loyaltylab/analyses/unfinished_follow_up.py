"""What those whose follow-up ended early would have had to do to overturn a contrast."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from loyaltylab.designs import AdjustedContrast, find_tipping_point
from loyaltylab.errors import EstimationError

LARGEST_MULTIPLIER = 10.0
_DELTAS = (0.5, 1.0, 2.0, LARGEST_MULTIPLIER)


@dataclass(frozen=True)
class UnfinishedFollowUp:
    """How much faster customers would have had to leave once nobody followed them.

    Attributes
    ----------
    group : str
        Those who stay longer, whose follow-up is put in doubt.
    n, n_unfinished : int
        Customers of the group, and those still there when follow-up ended before the horizon.
    of_value : float or None
        Multiple of the rate of those followed on at which the estimate is no effect; None if that
        takes more than ``LARGEST_MULTIPLIER``, or nobody's follow-up is unfinished.
    of_interval : float or None
        The least multiple at which the interval includes no effect; 1 if it does so already.
    """

    group: str
    n: int
    n_unfinished: int
    of_value: float | None
    of_interval: float | None


def doubt_unfinished_follow_up(
    frame: pd.DataFrame, contrast: AdjustedContrast, *, group: str, horizon_days: float
) -> UnfinishedFollowUp | None:
    """Find how much faster those not followed to the end would have had to leave.

    In the group that stays longer, the hazard after follow-up ended is multiplied. What adjustment
    took off the plain difference is kept as it is, so the plain one tips where the adjusted is 0.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per customer, followed from 0, of the two groups of the contrast.
    contrast : AdjustedContrast
    group : str
        Column of the exposure.
    horizon_days : float
        Of the restricted means.

    Returns
    -------
    UnfinishedFollowUp or None
        None if a group has nobody who was followed to the horizon.
    """
    estimate = contrast.restricted_mean_difference
    longer = contrast.exposed if estimate.value > 0 else contrast.reference
    own = frame[frame[group] == longer]
    n_unfinished = int((~own["event"] & (own["stop"] < horizon_days)).sum())
    if n_unfinished == 0:
        return UnfinishedFollowUp(longer, len(own), 0, None, None)
    try:
        found = find_tipping_point(
            frame["stop"],
            frame["event"],
            frame[group],
            exposed=contrast.exposed,
            reference=contrast.reference,
            adjusted=longer,
            horizon=horizon_days,
            margin=contrast.naive.value - estimate.value,
            deltas=_DELTAS,
            confidence_level=estimate.confidence_level,
        )
    except EstimationError:
        return None
    is_open = estimate.ci_lower <= 0 <= estimate.ci_upper
    return UnfinishedFollowUp(
        group=longer,
        n=len(own),
        n_unfinished=n_unfinished,
        of_value=found.delta_of_value,
        of_interval=1.0 if is_open else found.delta_of_interval,
    )
