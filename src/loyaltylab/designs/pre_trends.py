"""Whether groups moved alike before a reform: shown, not merely not refuted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from loyaltylab.designs.equivalence import one_sided_tests
from loyaltylab.designs.event_study import EventStudy
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

FEWEST_MONTHS = 3


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


def assess_slope(
    months: FloatArray,
    effects: FloatArray,
    covariance: FloatArray,
    *,
    size: FloatArray,
    margin: float,
    alpha: float = 0.05,
    degrees_of_freedom: float = math.inf,
) -> PreTrendTest:
    """Test that effects before a start have no slope that matters, by two one-sided tests.

    Parameters
    ----------
    months, effects, size : ndarray, shape (k,)
        Months from the start, all below 0; the effects; what each rests on, for its weight.
    covariance : ndarray, shape (k, k)
    margin : float
        Slope per 12 months that would not matter.
    alpha : float
        Level of each test.
    degrees_of_freedom : float
        Of Student's t; infinite for a normal.

    Returns
    -------
    PreTrendTest

    Raises
    ------
    EstimationError
        With fewer than three months, a margin that is not above 0, or a slope without error.

    Examples
    --------
    >>> months = np.array([-3.0, -2.0, -1.0])
    >>> found = assess_slope(months, months / 12, np.eye(3) / 1e4, size=np.ones(3), margin=2)
    >>> round(found.slope, 6), found.is_equivalent
    (1.0, True)
    """
    if len(months) < FEWEST_MONTHS or not margin > 0 or not 0 < alpha < 0.5:
        raise EstimationError(
            f"{len(months)} months before the start, margin {margin:g}, alpha {alpha:g}; rule: "
            "three months or more, a margin above 0, alpha below 0.5"
        )
    years = months / 12
    centred = years - np.average(years, weights=size)
    loading = size * centred / (size * centred**2).sum()
    slope = float(loading @ effects)
    variance = float(loading @ covariance @ loading)
    if not (math.isfinite(variance) and variance > 0):
        raise EstimationError("The slope before the start has no error; rule: effects that vary.")
    error = math.sqrt(variance)
    p_lower, p_upper, ci_lower, ci_upper = one_sided_tests(
        slope,
        errors=(error, error),
        margins=(-margin, margin),
        alpha=alpha,
        degrees_of_freedom=degrees_of_freedom,
    )
    p_value = max(p_lower, p_upper)
    return PreTrendTest(
        slope=slope,
        standard_error=error,
        ci_lower=ci_lower,
        ci_upper=ci_upper,
        margin=margin,
        p_value=p_value,
        is_equivalent=p_value <= alpha,
        difference_p_value=float(2 * stats.t.sf(abs(slope) / error, degrees_of_freedom)),
        n_months=len(months),
    )


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
    # The common error of the reference shifts every month, and not the slope.
    own = study.by_month[["covered_events", "exempt_events"]].to_numpy()[is_before].min(axis=1)
    return assess_slope(
        study.by_month.index.to_numpy(dtype=np.float64)[is_before],
        study.by_month["effect"].to_numpy()[is_before],
        study.covariance[np.ix_(is_before, is_before)],
        size=np.maximum(own, 1.0),
        margin=margin,
        alpha=alpha,
    )
