"""Pseudo-values: what each customer contributes to a curve, as one number to regress on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.curve_caveats import find_curve_caveats
from loyaltylab.survival.influence import (
    ProductLimit,
    compute_product_limit,
    compute_sum_influence,
)
from loyaltylab.survival.restricted_mean import check_horizon
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.row_checks import describe_rows
from loyaltylab.survival.step_functions import known_until


@dataclass(frozen=True, eq=False)
class PseudoValues:
    """One value per customer, whose (weighted) mean is the estimate for all.

    Attributes
    ----------
    customer : tuple, length n
        Labels in order of first appearance; row positions when none were given.
    values : ndarray of float, shape (n,)
        In ``unit``. Single values may lie outside the range of the quantity.
    estimate : float
        For all customers together.
    quantity : str
    unit : str
    caveats : tuple of str
    """

    customer: tuple[object, ...]
    values: FloatArray
    estimate: float
    quantity: str
    unit: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate customer and pseudo_value, one line per customer."""
        return pd.DataFrame({"customer": list(self.customer), "pseudo_value": self.values.copy()})


def restricted_mean_pseudo_values(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    horizon: float,
    customer: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    unit: str = "days",
) -> PseudoValues:
    """Pseudo-values of the restricted mean retention time.

    Each is the estimate plus n times the customer's influence on it (infinitesimal jackknife);
    with weights, n is their sum, where R counts customers.

    Parameters
    ----------
    start, stop, event
        As in :func:`kaplan_meier`.
    horizon : float
        Time units; not past the last follow-up.
    customer : array-like, shape (n,), optional
        Whose row it is; a customer's rows make one value. Default one customer per row.
    weights : array-like of float, shape (n,), optional
        Not negative, one weight per customer; those of weight zero have no value. A weight of 2
        gives what the customer given twice would.
    unit : str
        Name of the time unit.

    Returns
    -------
    PseudoValues

    Raises
    ------
    EstimationError
        If the horizon is out of reach or rows are wrong.

    Source
    ------
    Andersen, Klein and Rosthoj (2003); Parner, Andersen and Overgaard (2023) for the
    infinitesimal jackknife and delayed entry; ``pseudo(survfit, type = "rmst")`` of R survival.

    Examples
    --------
    >>> restricted_mean_pseudo_values([0, 0], [1, 3], [1, 1], horizon=3).values.tolist()
    [1.0, 3.0]
    """
    process = build_counting_process(start, stop, event=event, weights=weights, cluster=customer)
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    check_horizon(horizon, known_until(float(risk_sets.time[-1]), limit.retention))
    time_left = np.maximum(horizon - risk_sets.time, 0.0)
    lost, influence = compute_sum_influence(process, risk_sets, limit, 0, time_left)
    name = f"restricted mean retention time to {horizon:g}"
    curve = (process, risk_sets, limit)
    return _collect(curve, customer, horizon - lost, -influence, name, unit)


def retention_pseudo_values(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    time: float,
    customer: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> PseudoValues:
    """Pseudo-values of the share retained at one time.

    Parameters
    ----------
    start, stop, event, customer, weights
        As in :func:`restricted_mean_pseudo_values`.
    time : float
        Not past the last follow-up.

    Returns
    -------
    PseudoValues

    Raises
    ------
    EstimationError
        If the time is out of reach or rows are wrong.

    Source
    ------
    As :func:`restricted_mean_pseudo_values`; ``pseudo(survfit, type = "survival")`` of R.

    Examples
    --------
    >>> retention_pseudo_values([0, 0], [1, 3], [1, 1], time=2).values.tolist()
    [0.0, 1.0]
    """
    process = build_counting_process(start, stop, event=event, weights=weights, cluster=customer)
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    check_horizon(time, known_until(float(risk_sets.time[-1]), limit.retention))
    is_by_then = (risk_sets.time <= time).astype(np.float64)
    left, influence = compute_sum_influence(process, risk_sets, limit, 0, is_by_then)
    curve = (process, risk_sets, limit)
    return _collect(curve, customer, 1.0 - left, -influence, f"retention at {time:g}", "share")


def incidence_pseudo_values(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    *,
    cause: str,
    time: float,
    customer: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> PseudoValues:
    """Pseudo-values of the share that has left by one cause at one time.

    Parameters
    ----------
    start, stop, exit_cause
        As in :func:`cumulative_incidence`.
    cause : str
    time : float
        Not past the last follow-up.
    customer, weights : array-like, shape (n,), optional
        As in :func:`restricted_mean_pseudo_values`.

    Returns
    -------
    PseudoValues

    Raises
    ------
    EstimationError
        If the cause is never observed, the time is out of reach, or rows are wrong.

    Source
    ------
    As :func:`restricted_mean_pseudo_values`; ``pseudo(survfit, type = "pstate")`` of R.

    Examples
    --------
    >>> found = incidence_pseudo_values([0, 0], [1, 3], ["price", ""], cause="price", time=2)
    >>> found.values.tolist()
    [1.0, 0.0]
    """
    process = build_counting_process(
        start, stop, exit_cause=exit_cause, weights=weights, cluster=customer
    )
    if cause not in process.causes:
        raise EstimationError(f"no exit by {cause!r}; the causes observed: {list(process.causes)}")
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    check_horizon(time, known_until(float(risk_sets.time[-1]), limit.retention))
    is_by_then = (risk_sets.time <= time).astype(np.float64)
    column = process.causes.index(cause)
    value, influence = compute_sum_influence(process, risk_sets, limit, column, is_by_then)
    name = f"cumulative incidence of {cause} at {time:g}"
    return _collect((process, risk_sets, limit), customer, value, influence, name, "share")


def _collect(
    curve: tuple[CountingProcess, RiskSets, ProductLimit],
    customer: npt.ArrayLike | None,
    estimate: float,
    influence: FloatArray,
    quantity: str,
    unit: str,
) -> PseudoValues:
    process, risk_sets, limit = curve
    n_given = len(process.kept)
    labels = pd.Series(np.arange(n_given) if customer is None else customer).to_numpy()
    codes, distinct = pd.factorize(labels[process.kept])
    n = len(distinct)
    first = np.unique(codes, return_index=True)[1]
    own_weight = process.weights[first]
    _refuse_changing_weights(process, own_weight[codes])
    values = estimate + own_weight.sum() * np.bincount(codes, weights=influence, minlength=n)
    caveats = find_curve_caveats(process, risk_sets, limit.retention, has_error=False)
    # A first origin common to all is no delayed entry.
    if np.ptp(process.start[first]) > 0:
        caveats += (
            "Delayed entry: pseudo-values are right on average only if the time of entry does "
            "not depend on the covariates of the regression.",
        )
    return PseudoValues(
        customer=tuple(distinct),
        values=as_read_only(values),
        estimate=estimate,
        quantity=f"{quantity}, infinitesimal jackknife pseudo-values",
        unit=unit,
        caveats=caveats,
    )


def _refuse_changing_weights(process: CountingProcess, own_weight: FloatArray) -> None:
    """A customer whose weight changes has no derivative by it."""
    changes = process.weights != own_weight
    if changes.any():
        raise EstimationError(
            f"weights change within a customer at {describe_rows(changes)}; rule: one weight per "
            "customer; fix: use the weight at entry"
        )
