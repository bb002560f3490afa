"""Whether groups moved alike before a reform: shown, not merely not refuted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from loyaltylab.designs.event_study import EventStudy
from loyaltylab.errors import EstimationError
from loyaltylab.survival.intervals import two_sided_p_value


@dataclass(frozen=True)
class PreTrendTest:
    """Whether the groups moved alike before, by two one-sided tests against a margin.

    Attributes
    ----------
    slope, standard_error : float
        Change of the effect per 12 months, before the reform, on the scale of the study.
    ci_lower, ci_upper : float
        At 1 - 2 alpha: inside the margin exactly if the test passes.
    margin : float
        Largest slope that does not matter.
    p_value : float
        Of the hypothesis that the slope is as large as the margin, or larger.
    is_equivalent : bool
        p_value at most alpha.
    difference_p_value : float
        Of the usual hypothesis of no slope: not rejecting it shows nothing.
    n_months : int
    """

    slope: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    margin: float
    p_value: float
    is_equivalent: bool
    difference_p_value: float
    n_months: int


def assess_pre_trend(study: EventStudy, *, margin: float, alpha: float = 0.05) -> PreTrendTest:
    """Test that the trends before a reform were equivalent, not merely that none was found.

    Parameters
    ----------
    study : EventStudy
    margin : float
        Slope of the effect per 12 months that would not matter, on the scale of the study.
    alpha : float
        Level of each of the two one-sided tests.

    Returns
    -------
    PreTrendTest

    Raises
    ------
    EstimationError
        With fewer than three months before the reform, or a margin that is not above 0.

    Source
    ------
    Schuirmann (1987), J Pharmacokinetics and Biopharmaceutics 15:657-680; pre-trends:
    Bilinski and Hatfield (2018), arXiv:1805.03273. The slope by weighted least squares.
    """
    is_before = study.by_month.index.to_numpy() < 0
    if is_before.sum() < 3 or not margin > 0 or not 0 < alpha < 0.5:
        raise EstimationError(
            f"{int(is_before.sum())} months before the reform, margin {margin:g}, alpha "
            f"{alpha:g}; rule: three months or more, a margin above 0, alpha below 0.5"
        )
    when = study.by_month.index.to_numpy(dtype=np.float64)[is_before] / 12
    effect = study.by_month["effect"].to_numpy()[is_before]
    covariance = study.covariance[np.ix_(is_before, is_before)]
    # The common error of the reference shifts every month, and not the slope.
    own = study.by_month[["covered_events", "exempt_events"]].to_numpy()[is_before].min(axis=1)
    weight = np.maximum(own, 1.0)
    centred = when - np.average(when, weights=weight)
    loading = weight * centred / (weight * centred**2).sum()
    slope = float(loading @ effect)
    error = math.sqrt(float(loading @ covariance @ loading))
    p_value = float(stats.norm.sf((margin - abs(slope)) / error))
    half = float(stats.norm.isf(alpha)) * error
    return PreTrendTest(
        slope=slope,
        standard_error=error,
        ci_lower=slope - half,
        ci_upper=slope + half,
        margin=margin,
        p_value=p_value,
        is_equivalent=p_value <= alpha,
        difference_p_value=float(two_sided_p_value(slope / error)),
        n_months=int(is_before.sum()),
    )
