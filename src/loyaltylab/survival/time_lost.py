"""Time lost to one cause of exit up to a horizon."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival.competing import prepare_incidence
from loyaltylab.survival.curve_caveats import find_curve_caveats
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.influence import compute_sum_influence
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.restricted_mean import check_horizon
from loyaltylab.survival.step_functions import known_until


def restricted_time_lost(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    *,
    cause: str,
    horizon: float,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    unit: str = "days",
) -> Estimate:
    """Average time lost to one cause up to a horizon: the area under its incidence.

    Over all causes the time lost and the restricted mean retention time sum to the horizon.

    Parameters
    ----------
    start, stop, exit_cause, weights, cluster
        As in :func:`cumulative_incidence`.
    cause : str
        The cause in question.
    horizon : float
        Time units; not past the last follow-up.
    confidence_level : float
    unit : str
        Name of the time unit.

    Returns
    -------
    Estimate
        In time units, with an infinitesimal jackknife error.

    Raises
    ------
    EstimationError
        If the cause is never observed, the horizon is out of reach, or rows are wrong.

    Source
    ------
    Andersen (2013), years of life lost by cause; ``residuals(survfit, type = "auc")`` of R
    survival.
    """
    quantile = normal_quantile(confidence_level)
    process, risk_sets, limit = prepare_incidence(start, stop, exit_cause, None, weights, cluster)
    check_horizon(horizon, known_until(float(risk_sets.time[-1]), limit.retention))
    if cause not in process.causes:
        raise EstimationError(f"no exit by {cause!r}; the causes observed: {list(process.causes)}")
    column = process.causes.index(cause)
    time_left = np.maximum(horizon - risk_sets.time, 0.0)
    value, influence = compute_sum_influence(process, risk_sets, limit, column, time_left)
    by_cluster = np.bincount(process.cluster, weights=process.weights * influence)
    error = math.sqrt(float(np.sum(by_cluster**2)))
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - quantile * error,
        ci_upper=value + quantile * error,
        confidence_level=confidence_level,
        n=process.n_clusters,
        n_events=int(risk_sets.n_events[risk_sets.time <= horizon, column].sum()),
        unit=unit,
        method=f"restricted time lost to {horizon:g}, infinitesimal jackknife",
        caveats=find_curve_caveats(process, risk_sets, limit.retention),
    )
