"""Restricted mean retention time: average time retained up to a horizon."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.curve_caveats import find_curve_caveats
from loyaltylab.survival.estimate import Estimate, difference
from loyaltylab.survival.influence import ProductLimit, compute_product_limit
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.step_functions import known_until


def restricted_mean_retention_time(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    horizon: float,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    unit: str = "days",
) -> Estimate:
    """Average time retained up to a horizon: the area under the retention curve.

    Parameters
    ----------
    start, stop, event, weights, cluster
        As in :func:`kaplan_meier`.
    horizon : float
        Upper limit of the area, time units; not past the last follow-up.
    confidence_level : float
    unit : str
        Name of the time unit.

    Returns
    -------
    Estimate
        In time units. Its error is Greenwood's for rows without weights or clusters, else the
        infinitesimal jackknife summed within clusters. The interval is normal.

    Raises
    ------
    EstimationError
        If the horizon is not positive or is past what is known, or rows are wrong.

    Source
    ------
    ``print(survfit, rmean=)`` for independent rows; ``residuals(survfit, type = "rmst")`` of
    R survival, squared within clusters, otherwise.

    Examples
    --------
    >>> restricted_mean_retention_time([0, 0], [1, 3], [1, 0], horizon=3).value
    2.0
    """
    quantile = normal_quantile(confidence_level)
    process = build_counting_process(start, stop, event=event, weights=weights, cluster=cluster)
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    check_horizon(horizon, known_until(float(risk_sets.time[-1]), limit.retention))
    value, tail = _integrate(risk_sets.time, limit.retention, horizon)
    is_robust = process.is_robust
    if is_robust:
        variance = _jackknife_variance(process, risk_sets, limit, tail)
    else:
        variance = float(np.sum(tail**2 * limit.greenwood))
    error = math.sqrt(variance)
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - quantile * error,
        ci_upper=value + quantile * error,
        confidence_level=confidence_level,
        n=process.n_clusters,
        n_events=int(risk_sets.n_events[risk_sets.time <= horizon].sum()),
        unit=unit,
        method=f"restricted mean retention time to {horizon:g}, "
        + ("infinitesimal jackknife" if is_robust else "Greenwood error"),
        caveats=find_curve_caveats(process, risk_sets, limit.retention),
    )


def restricted_mean_difference(exposed: Estimate, reference: Estimate) -> Estimate:
    """Difference in restricted mean retention time between two independent groups.

    Parameters
    ----------
    exposed, reference : Estimate
        From :func:`restricted_mean_retention_time`, at one horizon, from groups that share no
        customers.

    Returns
    -------
    Estimate
        Exposed minus reference, in time units, with a z test.

    Raises
    ------
    EstimationError
        If the two are not the same quantity at the same horizon.
    """
    return difference(exposed, reference)


def restricted_mean_ratio(exposed: Estimate, reference: Estimate) -> Estimate:
    """Ratio of restricted mean retention times of two independent groups.

    Parameters
    ----------
    exposed, reference : Estimate
        From :func:`restricted_mean_retention_time`, at one horizon, from groups that share no
        customers.

    Returns
    -------
    Estimate
        Exposed over reference. Its standard error is on the log scale, sqrt of the sum of
        (error / mean)^2, from which come the interval and the test that the ratio is 1.

    Raises
    ------
    EstimationError
        If the two are not the same quantity at the same horizon.

    Source
    ------
    Uno et al. (2014), Journal of Clinical Oncology 32:2380-2385.
    """
    compared = difference(exposed, reference)  # Refuses what cannot be compared.
    error = math.hypot(
        exposed.standard_error / exposed.value, reference.standard_error / reference.value
    )
    ratio = exposed.value / reference.value
    factor = math.exp(normal_quantile(exposed.confidence_level) * error)
    return Estimate(
        value=ratio,
        standard_error=error,
        ci_lower=ratio / factor,
        ci_upper=ratio * factor,
        confidence_level=exposed.confidence_level,
        n=compared.n,
        n_events=compared.n_events,
        unit="ratio",
        method=f"ratio of independent estimates ({exposed.method}); standard error on the log "
        "scale, p-value for a ratio of 1",
        p_value=float(two_sided_p_value(math.log(ratio) / error)),
        caveats=compared.caveats,
    )


def check_horizon(horizon: float, last_follow_up: float) -> None:
    """Refuse a horizon that is not positive or that the data do not reach."""
    if not math.isfinite(horizon) or horizon <= 0:
        raise EstimationError(f"horizon is {horizon!r}; rule: positive and finite")
    if horizon > last_follow_up:
        raise EstimationError(
            f"horizon {horizon:g} is past the last follow-up {last_follow_up:g}; rule: nothing is "
            f"extrapolated; fix: choose a horizon of at most {last_follow_up:g}, the same for "
            "every group compared"
        )


def _integrate(time: FloatArray, retention: FloatArray, horizon: float) -> tuple[float, FloatArray]:
    """Area under the curve to the horizon, and from each time to the horizon, shape (m,)."""
    ends = np.minimum(np.append(time[1:], np.inf), horizon)
    pieces = retention * np.maximum(ends - time, 0.0)
    tail = np.cumsum(pieces[::-1])[::-1]
    return float(min(time[0], horizon) + tail[0]), tail


def _jackknife_variance(
    process: CountingProcess, risk_sets: RiskSets, limit: ProductLimit, tail: FloatArray
) -> float:
    """Sum over clusters of the squared influence, - sum over t of (dN - Y dA) * area after t."""
    drift = np.concatenate([[0.0], np.cumsum(limit.greenwood * tail)])
    own = process.event * (limit.event_effect * tail)[risk_sets.last]
    influence = own - (drift[risk_sets.last + 1] - drift[risk_sets.first])
    by_cluster = np.bincount(process.cluster, weights=process.weights * influence)
    return float(np.sum(by_cluster**2))
