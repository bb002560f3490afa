"""Averages over customers of what cause-specific Cox models predict, with their influence.

Each average is a function of the hazard increments of every cause and of the coefficients. Its
slopes by these are averaged over customers first, so that influence costs as much as for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.designs.pseudo_outcomes import Quantities
from loyaltylab.survival import CauseSpecificCox
from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.cox_likelihood import compute_row_scores
from loyaltylab.survival.hazard_influence import HazardChange, compute_hazard_influence

N_CUSTOMERS_AT_ONCE = 400
SMALL_HAZARD = 1e-5


@dataclass(frozen=True, eq=False)
class StandardisedMeans:
    """Averages of q quantities over n customers, and the influence of each customer (n, q)."""

    values: FloatArray
    influence: FloatArray


@dataclass(frozen=True, eq=False)
class _Hazards:
    """Increments of k causes at m times for a customer at the centre; distances from it."""

    time: FloatArray
    increments: FloatArray
    risk: FloatArray
    distance: tuple[FloatArray, ...]


def standardise_group(
    model: CauseSpecificCox, x: FloatArray, members: IntArray, quantities: Quantities
) -> StandardisedMeans:
    """Average the predictions of one group's models over all customers.

    Parameters
    ----------
    model : CauseSpecificCox
        Of the customers ``members``, one row each, in this order.
    x : ndarray of float, shape (n, p)
        Covariates of all customers.
    members : ndarray of int
        Positions of the group among all customers.
    quantities : Quantities
    """
    hazards = _read_hazards(model, x)
    n, q, k = len(x), len(quantities.keys), len(model.causes)
    predicted = np.empty((n, q))
    slopes = np.zeros((k, q, len(hazards.time)))
    gradients = [np.zeros((q, x.shape[1])) for _ in range(k)]
    for begin in range(0, n, N_CUSTOMERS_AT_ONCE):
        now = slice(begin, begin + N_CUSTOMERS_AT_ONCE)
        predicted[now] = _predict(model, hazards, now, quantities, slopes, gradients)
    values = predicted.mean(axis=0)
    influence = (predicted - values) / n
    for column, cause in enumerate(model.causes):
        state = model.fits[cause].state
        index = np.arange(len(state.design.time))
        place = np.searchsorted(hazards.time, state.design.time)
        baseline = HazardChange(
            index=index,
            time=state.design.time,
            increments=state.moments.inverse[0],
            ratio=1.0,
            distance=np.zeros(x.shape[1]),
        )
        own = slopes[column][:, place].T / n
        scores = compute_row_scores(state.design, state.moments)
        moves = compute_hazard_influence(state, baseline, own, scores)
        by_row = np.zeros((len(members), x.shape[1]))
        by_row[state.design.row] = np.linalg.solve(state.information, scores.T).T
        influence[members] += moves + by_row @ gradients[column].T / n
    return StandardisedMeans(values, influence)


def _read_hazards(model: CauseSpecificCox, x: FloatArray) -> _Hazards:
    states = [model.fits[cause].state for cause in model.causes]
    time = np.unique(np.concatenate([state.design.time for state in states]))
    increments = np.zeros((len(time), len(states)))
    distance, risk = [], []
    for column, state in enumerate(states):
        increments[np.searchsorted(time, state.design.time), column] = state.moments.inverse[0]
        distance.append((x - state.centre) / state.scale)
        risk.append(np.exp(distance[-1] @ state.beta))
    return _Hazards(time, increments, np.column_stack(risk), tuple(distance))


def _predict(
    model: CauseSpecificCox,
    hazards: _Hazards,
    now: slice,
    quantities: Quantities,
    slopes: FloatArray,
    gradients: list[FloatArray],
) -> FloatArray:
    """Predict some customers (b, q), and add their slopes to the running sums."""
    time, risk = hazards.time, hazards.risk[now]
    single = [risk[:, [j]] * hazards.increments[:, j] for j in range(risk.shape[1])]
    total = np.sum(single, axis=0)
    after = np.exp(-np.cumsum(total, axis=1))
    before = np.column_stack([np.ones(len(risk)), after[:, :-1]])
    is_small = total < SMALL_HAZARD
    safe = np.where(is_small, 1.0, total)
    fall = np.where(is_small, 1.0 - total / 2.0, -np.expm1(-safe) / safe)
    fall_slope = np.where(
        is_small, total / 3.0 - 0.5, ((safe + 1.0) * np.exp(-safe) - 1.0) / safe**2
    )
    values = np.empty((len(risk), len(quantities.keys)))

    def add(column: int, common: FloatArray, own: FloatArray | None, cause: int) -> None:
        for j, part in enumerate(single):
            slope = common + own if own is not None and j == cause else common
            slopes[j, column] += risk[:, j] @ slope
            pull = np.sum(slope * part, axis=1)
            gradients[j][column] += pull @ hazards.distance[j][now]

    ends = np.minimum(np.append(time[1:], np.inf), quantities.horizon)
    area = after * np.maximum(ends - time, 0.0)
    values[:, 0] = min(time[0], quantities.horizon) + area.sum(axis=1)
    add(0, -np.cumsum(area[:, ::-1], axis=1)[:, ::-1], None, -1)
    for column, (name, asked) in enumerate(quantities.keys):
        done = int(np.searchsorted(time, asked, side="right"))
        is_done = np.arange(len(time)) < done
        if column == 0:
            continue
        if not name:
            values[:, column] = after[:, done - 1] if done else 1.0
            add(column, -values[:, [column]] * is_done, None, -1)
            continue
        cause = model.causes.index(name)
        left = np.cumsum(before * fall * single[cause], axis=1)
        values[:, column] = left[:, done - 1] if done else 0.0
        later = values[:, [column]] - left
        common = (before * fall_slope * single[cause] - later) * is_done
        add(column, common, before * fall * is_done, cause)
    return values
