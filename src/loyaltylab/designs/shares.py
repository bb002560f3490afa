"""A share of customers or attempts, with an interval that stays inside 0 and 1."""

from __future__ import annotations

import math

from scipy import stats

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate


def estimate_share(n_with: int, n: int, *, confidence_level: float = 0.95) -> Estimate:
    """Share with Wilson's score interval.

    Parameters
    ----------
    n_with, n : int
        How many have the property, of how many.
    confidence_level : float

    Raises
    ------
    EstimationError
        If there is nobody to count.

    Source
    ------
    Wilson (1927), JASA 22:209-212; R ``prop.test(correct = FALSE)``.
    """
    if n <= 0 or not 0 <= n_with <= n:
        raise EstimationError(f"{n_with} of {n} is no share.")
    share = n_with / n
    interval = stats.binomtest(n_with, n).proportion_ci(confidence_level, method="wilson")
    return Estimate(
        value=share,
        standard_error=math.sqrt(share * (1 - share) / n),
        ci_lower=float(interval.low),
        ci_upper=float(interval.high),
        confidence_level=confidence_level,
        n=n,
        n_events=n_with,
        unit="share",
        method="share, Wilson's score interval",
    )
