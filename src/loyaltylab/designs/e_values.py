"""How strong a confounder nobody measured would have to be to explain an effect away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.intervals import normal_quantile


@dataclass(frozen=True)
class EValue:
    """Strength of confounding that would explain an estimate, and its interval, away.

    Attributes
    ----------
    risk_ratio, ci_lower, ci_upper : float
        The estimate as a risk ratio, approximate where it was something else.
    value : float
        Risk ratio that a confounder would need with both exposure and outcome to bring the
        estimate to no effect.
    of_limit : float
        The same for the limit nearest no effect; 1 if the interval includes it.
    scale : str
        How the risk ratio was made.
    """

    risk_ratio: float
    ci_lower: float
    ci_upper: float
    value: float
    of_limit: float
    scale: str


def find_e_value(risk_ratio: float) -> float:
    """E-value of a risk ratio: RR + sqrt(RR (RR - 1)), with 1 / RR below 1.

    Raises
    ------
    EstimationError
        If the ratio is not positive and finite.

    Source
    ------
    VanderWeele and Ding (2017), Annals of Internal Medicine 167:268-274.

    Examples
    --------
    >>> round(find_e_value(3.9), 2)
    7.26
    """
    if not 0 < risk_ratio < math.inf:
        raise EstimationError(f"A risk ratio of {risk_ratio!r} has no E-value; rule: above 0.")
    ratio = max(risk_ratio, 1 / risk_ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))


def bounding_factor(with_exposure: float, with_outcome: float) -> float:
    """Largest factor by which a confounder can move a risk ratio.

    Parameters
    ----------
    with_exposure, with_outcome : float
        Its risk ratios with exposure and with outcome, at least 1.

    Source
    ------
    Ding and VanderWeele (2016), Epidemiology 27:368-377.

    Examples
    --------
    >>> bounding_factor(2.0, 3.0)
    1.5
    """
    if not (1 <= with_exposure < math.inf and 1 <= with_outcome < math.inf):
        raise EstimationError("A bounding factor needs two risk ratios of at least 1.")
    return with_exposure * with_outcome / (with_exposure + with_outcome - 1)


def e_value_of_ratio(estimate: Estimate, *, is_hazard_of_common_outcome: bool = False) -> EValue:
    """E-value of a risk ratio or hazard ratio.

    Parameters
    ----------
    estimate : Estimate
        A risk ratio; a hazard ratio of an outcome that fewer than about 15 % meet by the end; or
        any hazard ratio with the next argument.
    is_hazard_of_common_outcome : bool
        Turn a hazard ratio into (1 - 0.5^sqrt(HR)) / (1 - 0.5^sqrt(1 / HR)) first.

    Raises
    ------
    EstimationError
        If the value or a limit is not positive and finite, or they are out of order.

    Source
    ------
    VanderWeele and Ding (2017), table 2; VanderWeele (2017), Eur J Epidemiol 32:947-948.
    """
    numbers = [estimate.value, estimate.ci_lower, estimate.ci_upper]
    if not all(0 < number < math.inf for number in numbers):
        raise EstimationError(f"{numbers} are no ratio with limits; rule: positive and finite.")
    if is_hazard_of_common_outcome:
        numbers = [_hazard_to_risk_ratio(number) for number in numbers]
        return _from_risk_ratio(*numbers, scale="hazard ratio of a common outcome, approximate")
    return _from_risk_ratio(*numbers, scale="ratio as it is")


def e_value_of_risks(exposed: Estimate, reference: Estimate) -> EValue:
    """E-value of a difference of two risks, through their ratio at the same time.

    Parameters
    ----------
    exposed, reference : Estimate
        Risks of independent groups, as shares, at one horizon; a share who left, not retained.

    Raises
    ------
    EstimationError
        If a risk is not in (0, 1), or has no error.
    """
    for estimate in (exposed, reference):
        if not 0 < estimate.value < 1:
            raise EstimationError(f"A risk of {estimate.value:g} has no ratio; rule: in (0, 1).")
    return _from_two(exposed, reference, scale="ratio of risks at the horizon")


def e_value_of_restricted_means(
    exposed: Estimate, reference: Estimate, *, horizon: float
) -> EValue:
    """E-value of a difference of restricted means, through the ratio of the time lost.

    Time lost is the area under the risk up to the horizon. A confounder that can move the risk
    ratio at any time by a factor can move this ratio of averages by no more.

    Parameters
    ----------
    exposed, reference : Estimate
        Restricted mean retention times of independent groups.
    horizon : float
        In the same unit.

    Raises
    ------
    EstimationError
        If a mean is not between 0 and the horizon, or has no error.
    """
    for estimate in (exposed, reference):
        if not 0 <= estimate.value < horizon:
            raise EstimationError(
                f"A restricted mean of {estimate.value:g} leaves no time lost by {horizon:g}."
            )
    lost = [_lose(estimate, horizon) for estimate in (exposed, reference)]
    return _from_two(*lost, scale="ratio of time lost up to the horizon")


def benchmark_confounders(adjusted: EValue, without: Mapping[str, EValue]) -> pd.DataFrame:
    """Hold an E-value against measured confounders, each dropped in turn.

    Parameters
    ----------
    adjusted : EValue
        With every covariate adjusted for.
    without : mapping of str to EValue
        Covariate -> the same with it left out.

    Returns
    -------
    pandas.DataFrame
        covariate, risk_ratio_without, bias_factor (how leaving it out moves the ratio),
        strength (the risk ratio with both exposure and outcome that makes such a factor),
        is_beyond_limit (whether one such confounder more would undo the interval); strongest
        first. Compare ``strength`` with ``adjusted.of_limit``.
    """
    lines = []
    for name, left_out in without.items():
        factor = math.exp(abs(math.log(left_out.risk_ratio / adjusted.risk_ratio)))
        strength = find_e_value(factor)
        lines.append((name, left_out.risk_ratio, factor, strength, strength >= adjusted.of_limit))
    columns = ["covariate", "risk_ratio_without", "bias_factor", "strength", "is_beyond_limit"]
    frame = pd.DataFrame(lines, columns=columns)
    return frame.sort_values(["strength", "covariate"], ascending=[False, True], ignore_index=True)


def _from_risk_ratio(value: float, ci_lower: float, ci_upper: float, *, scale: str) -> EValue:
    if not ci_lower <= value <= ci_upper:
        raise EstimationError(f"{value:g} is not within its limits {ci_lower:g} and {ci_upper:g}.")
    includes_none = ci_lower <= 1 <= ci_upper
    nearest = 1.0 if includes_none else ci_lower if ci_lower > 1 else ci_upper
    return EValue(value, ci_lower, ci_upper, find_e_value(value), find_e_value(nearest), scale)


def _from_two(exposed: Estimate, reference: Estimate, *, scale: str) -> EValue:
    """Ratio of two independent positive estimates, limits on the log scale."""
    if exposed.confidence_level != reference.confidence_level:
        raise EstimationError("The two estimates have different confidence levels.")
    relative = [part.standard_error / part.value for part in (exposed, reference)]
    if not math.isfinite(math.hypot(*relative)):
        raise EstimationError("A ratio of two estimates needs the error of both.")
    log_ratio = math.log(exposed.value / reference.value)
    half_width = normal_quantile(exposed.confidence_level) * math.hypot(*relative)
    limits = math.exp(log_ratio - half_width), math.exp(log_ratio + half_width)
    return _from_risk_ratio(math.exp(log_ratio), *limits, scale=scale)


def _lose(estimate: Estimate, horizon: float) -> Estimate:
    return Estimate(
        value=horizon - estimate.value,
        standard_error=estimate.standard_error,
        ci_lower=horizon - estimate.ci_upper,
        ci_upper=horizon - estimate.ci_lower,
        confidence_level=estimate.confidence_level,
        n=estimate.n,
        n_events=estimate.n_events,
        unit=estimate.unit,
        method="time lost",
    )


def _hazard_to_risk_ratio(hazard_ratio: float) -> float:
    root = math.sqrt(hazard_ratio)
    return (1 - 0.5**root) / (1 - 0.5 ** (1 / root))
