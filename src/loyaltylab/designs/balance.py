"""Whether two groups were alike before time zero."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError


def standardised_difference(exposed: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Difference of means in units of the pooled standard deviation.

    Parameters
    ----------
    exposed, reference : array-like of float, shapes (n,) and (m,)
        A covariate known at time zero, in each group.

    Returns
    -------
    float
        (mean exposed - mean reference) / sqrt((var exposed + var reference) / 2); beyond 0.1 in
        size is commonly called an imbalance.

    Raises
    ------
    EstimationError
        If a group has fewer than two values, or neither group varies.

    Source
    ------
    Austin (2009), Statistics in Medicine 28:3083-3107.
    """
    values = [np.asarray(group, dtype=np.float64) for group in (exposed, reference)]
    if min(len(group) for group in values) < 2:
        raise EstimationError("A standardised difference needs two values in each group.")
    spread = math.sqrt(sum(float(group.var(ddof=1)) for group in values) / 2)
    if not spread > 0:
        raise EstimationError("A covariate that does not vary has no standardised difference.")
    return float(values[0].mean() - values[1].mean()) / spread
