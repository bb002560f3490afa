"""How a customer's cumulative hazard under a Cox model moves with the weight of each cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.cluster_sums import sum_by_cluster
from loyaltylab.survival.cox import CoxFit, CoxState
from loyaltylab.survival.cox_newton import solve_information

# A hazard ratio of e^100 says nothing any more, and leaves room for squares of hazards.
LARGEST_LOG_RISK = 100.0


@dataclass(frozen=True, eq=False)
class HazardChange:
    """Hazard increments of a customer at the event times of one stratum of a fit.

    Attributes
    ----------
    index : ndarray of int, shape (m,)
        Positions among the event times of the fit.
    time, increments : ndarray of float, shape (m,)
    ratio : float
        Hazard ratio of the customer against the centre of the covariates.
    distance : ndarray of float, shape (p,)
        Covariates less the centre, scaled.
    """

    index: IntArray
    time: FloatArray
    increments: FloatArray
    ratio: float
    distance: FloatArray


def read_hazard(fit: CoxFit, values: Mapping[str, float], stratum: int) -> HazardChange:
    """Hazard increments of a customer with given covariates, in one stratum of a fit.

    Raises
    ------
    EstimationError
        If a covariate is not finite, or so far out that the hazard cannot be computed.
    """
    state = fit.state
    distance = np.array([float(values[name]) for name in fit.names]) - state.centre
    log_ratio = float(distance @ fit.coefficients)
    if not abs(log_ratio) <= LARGEST_LOG_RISK:
        raise EstimationError(
            f"the log hazard ratio of the customer asked for is {log_ratio:.3g}; rule: finite, "
            f"and at most {LARGEST_LOG_RISK:g} from the average; fix: check the values of reference"
        )
    ratio = float(np.exp(log_ratio))
    index: IntArray = np.flatnonzero(state.design.stratum == stratum)
    return HazardChange(
        index=index,
        time=state.design.time[index],
        increments=state.moments.inverse[0][index] * ratio,
        ratio=ratio,
        distance=distance / state.scale,
    )


def compute_hazard_influence(
    state: CoxState, hazard: HazardChange, slopes: FloatArray, scores: FloatArray
) -> FloatArray:
    """Derivative of sums over times of slope times increment, by cluster, shape (clusters, r).

    Coefficients and baseline move together, both under Efron's ties.

    Parameters
    ----------
    state : CoxState
    hazard : HazardChange
    slopes : ndarray of float, shape (m, r)
        One column per sum.
    scores : ndarray of float, shape (n, p)
        Row scores of the fit, from :func:`compute_row_scores`.
    """
    design, moments, process = state.design, state.moments, state.process
    c = np.zeros((len(design.time), slopes.shape[1]))
    c[hazard.index] = slopes * hazard.ratio
    inverse, square = moments.inverse[0][:, None], [part[:, None] for part in moments.square]
    relative_risk = (moments.risk / design.weights)[:, None]
    drift = np.concatenate([np.zeros((1, c.shape[1])), np.cumsum(c * square[0], axis=0)])
    values = -relative_risk * (drift[design.last + 1] - drift[design.first])
    rows, k = design.event_row, design.event_index
    per_event = inverse / (design.n_tied * design.mean_event_weight)[:, None]
    values[rows] += (c * per_event)[k] + relative_risk[rows] * (c * square[1])[k]
    pull = square[0] * moments.s1 - square[1] * moments.e1
    gradient = np.outer(hazard.increments @ slopes, hazard.distance) - c.T @ pull
    values += scores @ solve_information(state.information, gradient.T)
    values *= design.weights[:, None]
    return sum_by_cluster(process.cluster[design.row], values, process.n_clusters)
