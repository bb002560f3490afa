"""Whether an effect is too small to matter: two one-sided tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.intervals import normal_quantile

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class ScaledEstimate:
    """An estimate on the scale of its tests, where no effect is 0.

    Attributes
    ----------
    value, ci_lower, ci_upper : float
        As they are, or their logarithms.
    error_below, error_above : float
        Distance to each limit over the normal quantile; they differ for a skew interval.
    """

    value: float
    ci_lower: float
    ci_upper: float
    error_below: float
    error_above: float


@dataclass(frozen=True)
class EquivalenceTest:
    """Two one-sided tests of an estimate against two margins.

    Attributes
    ----------
    lower_margin, upper_margin : float
        In the unit of the estimate.
    p_lower, p_upper : float
        That the truth is at or below the lower margin; at or above the upper one.
    p_value : float
        The larger of the two: that the effect is not within the margins.
    alpha : float
        Level of each test.
    ci_lower, ci_upper : float
        Interval at 1 - 2 alpha, in the unit of the estimate; inside the margins exactly if
        ``is_equivalent``.
    is_equivalent : bool
    """

    lower_margin: float
    upper_margin: float
    p_lower: float
    p_upper: float
    p_value: float
    alpha: float
    ci_lower: float
    ci_upper: float
    is_equivalent: bool


def scale_estimate(estimate: Estimate, *, scale: Scale = "linear") -> ScaledEstimate:
    """Put an estimate on the scale on which no effect is 0; errors come from its interval.

    Raises
    ------
    EstimationError
        If a value or limit is not finite, not positive on the log scale, or out of order.
    """
    numbers = (estimate.ci_lower, estimate.value, estimate.ci_upper)
    if not all(math.isfinite(number) for number in numbers):
        raise EstimationError(f"No test follows from {numbers}; rule: finite value and limits.")
    if scale == "log":
        if min(numbers) <= 0:
            raise EstimationError(f"{numbers} has no logarithm; rule: ratios are above 0.")
        lower, value, upper = (math.log(number) for number in numbers)
    else:
        lower, value, upper = numbers
    if not lower < value < upper:
        raise EstimationError(f"The value of {numbers} is not strictly between its limits.")
    quantile = normal_quantile(estimate.confidence_level)
    return ScaledEstimate(
        value, lower, upper, (value - lower) / quantile, (upper - value) / quantile
    )


def one_sided_tests(
    value: float,
    *,
    errors: tuple[float, float],
    margins: tuple[float, float],
    alpha: float,
    degrees_of_freedom: float = math.inf,
) -> tuple[float, float, float, float]:
    """Both one-sided tests on the scale on which no effect is 0.

    Parameters
    ----------
    value : float
    errors : tuple of float
        Standard errors below and above the value.
    margins : tuple of float
        Lower and upper.
    alpha : float
        Level of each test.
    degrees_of_freedom : float
        Of Student's t; infinite for a normal.

    Returns
    -------
    tuple of float
        Probabilities that the truth is at or below the lower, at or above the upper margin; the
        interval at 1 - 2 alpha.

    Examples
    --------
    >>> one_sided_tests(0.0, errors=(1.0, 1.0), margins=(-1.96, 1.96), alpha=0.025)[0] < 0.026
    True
    """
    tail = stats.t(degrees_of_freedom) if math.isfinite(degrees_of_freedom) else stats.norm
    quantile = float(tail.isf(alpha))
    return (
        float(tail.sf((value - margins[0]) / errors[0])),
        float(tail.sf((margins[1] - value) / errors[1])),
        value - quantile * errors[0],
        value + quantile * errors[1],
    )


def tost(
    estimate: Estimate,
    *,
    lower_margin: float,
    upper_margin: float,
    scale: Scale = "linear",
    alpha: float = 0.05,
) -> EquivalenceTest:
    """Two one-sided tests that an effect lies within margins.

    Parameters
    ----------
    estimate : Estimate
        Its error is taken from its interval, below and above the value apart.
    lower_margin, upper_margin : float
        In the unit of the estimate, on both sides of no effect (0, or 1 on the log scale).
    scale : {"linear", "log"}
        "log" for ratios.
    alpha : float
        Level of each test, below one half.

    Returns
    -------
    EquivalenceTest

    Raises
    ------
    EstimationError
        If the margins do not surround no effect, or the estimate has no interval.

    Source
    ------
    Schuirmann (1987), J Pharmacokinet Biopharm 15:657-680.

    Examples
    --------
    >>> a = Estimate(0.0, 1.0, -1.96, 1.96, 0.95, 50, 30, "days", "difference")
    >>> tost(a, lower_margin=-3, upper_margin=3).is_equivalent
    True
    """
    if not 0 < alpha < 0.5:
        raise EstimationError(f"alpha is {alpha!r}; rule: between 0 and one half.")
    none = 1.0 if scale == "log" else 0.0
    floor = 0.0 if scale == "log" else -math.inf
    if not floor < lower_margin < none < upper_margin < math.inf:
        raise EstimationError(
            f"The margins {lower_margin:g} and {upper_margin:g} do not surround {none:g}, "
            "which is no effect."
        )
    scaled = scale_estimate(estimate, scale=scale)
    low, high = (
        (math.log(lower_margin), math.log(upper_margin))
        if scale == "log"
        else (lower_margin, upper_margin)
    )
    p_lower, p_upper, *limits = one_sided_tests(
        scaled.value,
        errors=(scaled.error_below, scaled.error_above),
        margins=(low, high),
        alpha=alpha,
    )
    ci_lower, ci_upper = (math.exp(limit) for limit in limits) if scale == "log" else limits
    p_value = max(p_lower, p_upper)
    return EquivalenceTest(
        lower_margin=lower_margin,
        upper_margin=upper_margin,
        p_lower=p_lower,
        p_upper=p_upper,
        p_value=p_value,
        alpha=alpha,
        ci_lower=ci_lower,
        ci_upper=ci_upper,
        is_equivalent=p_value <= alpha,
    )
