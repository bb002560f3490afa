"""How a customer's cumulative hazard under a Cox model moves with the weight of each cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.cox import CoxState
from loyaltylab.survival.cox_likelihood import compute_row_scores
from loyaltylab.survival.cox_newton import solve_information


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


def compute_hazard_influence(
    state: CoxState, hazard: HazardChange, slopes: FloatArray
) -> FloatArray:
    """Derivative of the sum over times of slope times increment, by cluster, (clusters,).

    Coefficients and baseline move together, both under Efron's ties.

    Parameters
    ----------
    state : CoxState
    hazard : HazardChange
    slopes : ndarray of float, shape (m,)
    """
    design, moments, process = state.design, state.moments, state.process
    c = np.zeros(len(design.time))
    c[hazard.index] = slopes * hazard.ratio
    per_event = moments.inverse[0] / (design.n_tied * design.mean_event_weight)
    relative_risk = moments.risk / design.weights
    drift = np.concatenate([[0.0], np.cumsum(c * moments.square[0])])
    values = -relative_risk * (drift[design.last + 1] - drift[design.first])
    rows, k = design.event_row, design.event_index
    values[rows] += (c * per_event)[k] + relative_risk[rows] * (c * moments.square[1])[k]
    pull = moments.square[0][:, None] * moments.s1 - moments.square[1][:, None] * moments.e1
    gradient = float(slopes @ hazard.increments) * hazard.distance - c @ pull
    direction = solve_information(state.information, gradient)
    values += compute_row_scores(design, moments) @ direction
    cluster = process.cluster[design.row]
    sums = np.bincount(cluster, weights=design.weights * values, minlength=process.n_clusters)
    return np.asarray(sums, dtype=np.float64)
