"""Outcomes an exposure cannot touch: what is found there is bias."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from loyaltylab.designs.equivalence import Scale, scale_estimate, tost
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value


@dataclass(frozen=True)
class NegativeControl:
    """What a negative control shows.

    Attributes
    ----------
    status : {"passed", "failed", "open"}
        "open" where the interval leaves room for bias that matters and for none.
    statement : str
        The same with its numbers.
    """

    status: Literal["passed", "failed", "open"]
    statement: str


def judge_negative_control(
    estimate: Estimate, *, margin: float | None = None, scale: Scale = "linear"
) -> NegativeControl:
    """Judge an estimate that should be no effect.

    Parameters
    ----------
    estimate : Estimate
        Of an outcome the exposure cannot touch, or of an exposure that cannot act.
    margin : float, optional
        Bias that would not matter, in the unit of the estimate (a ratio above 1 on the log
        scale). With it the control passes only if two one-sided tests at 5 % put it within the
        margin, and fails if the interval leaves out no effect while equivalence is not shown.
        Without it, it passes if the interval includes no effect, which a small sample does too.
    scale : {"linear", "log"}
        "log" for ratios.

    Raises
    ------
    EstimationError
        If the estimate has no interval, or the margin is no margin.

    Source
    ------
    Lipsitch, Tchetgen Tchetgen and Cohen (2010), Epidemiology 21:383-388.
    """
    scaled = scale_estimate(estimate, scale=scale)
    includes_none = scaled.ci_lower <= 0 <= scaled.ci_upper
    told = f"{estimate.value:.3g} ({estimate.ci_lower:.3g} to {estimate.ci_upper:.3g})"
    if margin is None:
        if includes_none:
            return NegativeControl("passed", f"The control is {told}, which includes no effect.")
        return NegativeControl("failed", f"The control is {told}, which leaves out no effect.")
    lower = 1 / margin if scale == "log" and margin > 0 else -margin
    test = tost(estimate, lower_margin=lower, upper_margin=margin, scale=scale)
    within = f"within {lower:.3g} to {margin:.3g}"
    if test.is_equivalent:
        text = f"The control is {told}, {within} by two one-sided tests (p = {test.p_value:.2g})."
        return NegativeControl("passed", text)
    if includes_none:
        return NegativeControl("open", f"The control is {told}, not shown to be {within}.")
    return NegativeControl("failed", f"The control is {told}, neither {within} nor no effect.")


def ratio_to_control(estimate: Estimate, control: Estimate) -> Estimate:
    """Ratio of a ratio to that of its negative control: the bias both share drops out.

    Parameters
    ----------
    estimate, control : Estimate
        Ratios, of outcomes that compete or groups that share no customers, so that they may
        count as independent, and equally confounded. Errors come from their intervals.

    Returns
    -------
    Estimate
        Standard error on the log scale.

    Raises
    ------
    EstimationError
        If either is no ratio with an interval, or confidence levels differ.
    """
    if estimate.confidence_level != control.confidence_level:
        raise EstimationError("The ratio and its control have different confidence levels.")
    parts = [scale_estimate(part, scale="log") for part in (estimate, control)]
    error = math.hypot(*((part.error_below + part.error_above) / 2 for part in parts))
    log_ratio = parts[0].value - parts[1].value
    half_width = normal_quantile(estimate.confidence_level) * error
    caveats = (*estimate.caveats, *(f"control: {text}" for text in control.caveats))
    return replace(
        estimate,
        value=math.exp(log_ratio),
        standard_error=error,
        ci_lower=math.exp(log_ratio - half_width),
        ci_upper=math.exp(log_ratio + half_width),
        n=max(estimate.n, control.n),
        n_events=estimate.n_events + control.n_events,
        unit="ratio",
        method="ratio to that of the negative control, taken as independent and equally "
        "confounded; standard error on the log scale",
        p_value=float(two_sided_p_value(log_ratio / error)),
        caveats=caveats,
    )
