"""Share of customers with given covariates in each state, from Cox models of the moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.cox_likelihood import compute_row_scores
from loyaltylab.survival.hazard_influence import (
    HazardChange,
    compute_hazard_influence,
    read_hazard,
)
from loyaltylab.survival.intervals import log_log_interval
from loyaltylab.survival.matrix_exponential import exponentiate
from loyaltylab.survival.step_functions import check_times
from loyaltylab.survival.transition_cox import TransitionCoxFit


def predict_occupation(
    model: TransitionCoxFit,
    reference: Mapping[str, float],
    *,
    start_state: str,
    times: npt.ArrayLike,
) -> pd.DataFrame:
    """Share of customers with given covariates in each state, who are in one state at time 0.

    At each time of a move the shares are multiplied by the matrix exponential of the hazards,
    so that they stay shares whatever the covariates. Later states depend on the covariates and
    the present state only (Markov), not on how long a customer has been there.

    Parameters
    ----------
    model : TransitionCoxFit
        On the forward clock, with every observed move.
    reference : mapping of str to float
        Value of every covariate; constant over time.
    start_state : str
    times : array-like of float, shape (r,)
        Not past the last follow-up.

    Returns
    -------
    DataFrame
        Columns time, state, occupation, standard_error, ci_lower, ci_upper, caveats (one text:
        those of the model): a line per state and time. The errors are the infinitesimal
        jackknife of coefficients and baselines together, summed within customers or clusters;
        the interval is log-log, NaN where the share is 0 or 1.

    Raises
    ------
    EstimationError
        If the model does not determine the shares, or a name or time is unknown.

    Source
    ------
    Andersen et al. (1993), VII.2.3; ``survfit(coxph(Surv(start, stop, factor) ~ x, id=),
    newdata=)`` of R survival, whose curves have no errors.

    Examples
    --------
    >>> from loyaltylab.survival.transition_cox import fit_transition_cox
    >>> x = pd.DataFrame({"price": [1, 0, 1, 0]})
    >>> model = fit_transition_cox([0] * 4, [1, 2, 3, 4], ["active"] * 4,
    ...     ["left", "left", "left", ""], x, customer=[1, 2, 3, 4])
    >>> shares = predict_occupation(model, {"price": 0.0}, start_state="active", times=[2, 4])
    >>> shares["state"].tolist()
    ['active', 'active', 'left', 'left']
    """
    asked = check_times(times)
    states = tuple(sorted({state for move in model.transitions for state in move}))
    _check_request(model, start_state, states, asked)
    strata = model.fit.state.process.strata
    parts = [
        read_hazard(
            model.fit,
            model.stacked_values(reference, number),
            strata.index(f"{origin} -> {target}"),
        )
        for number, (origin, target) in enumerate(model.transitions)
    ]
    path = _multiply(model, states, start_state, parts)
    done = np.searchsorted(path.time, asked, side="right")
    shares = path.share[done]
    errors = _find_errors(model, path, parts, done)
    lower, upper = log_log_interval(shares, errors, model.fit.confidence_level)
    return pd.DataFrame(
        {
            "time": np.tile(asked, len(states)),
            "state": np.repeat(states, len(asked)),
            "occupation": shares.T.ravel(),
            "standard_error": errors.T.ravel(),
            "ci_lower": lower.T.ravel(),
            "ci_upper": upper.T.ravel(),
            "caveats": " ".join(model.caveats),
        }
    )


@dataclass(frozen=True, eq=False)
class _Path:
    """Shares at the times of moves, m of them, and what moves them.

    ``share`` (m + 1, k) starts with time 0; ``step`` (m, k, k) are the matrices; ``push`` (m, q,
    k) is the derivative of the share just after a time by the hazard of each move at it.
    """

    time: FloatArray
    share: FloatArray
    step: FloatArray
    push: FloatArray


def _multiply(
    model: TransitionCoxFit, states: tuple[str, ...], start_state: str, parts: list[HazardChange]
) -> _Path:
    time = np.unique(np.concatenate([part.time for part in parts]))
    m, k = len(time), len(states)
    directions = []
    rates = np.zeros((m, k, k))
    for (origin, target), part in zip(model.transitions, parts, strict=True):
        direction = np.zeros((k, k))
        i, j = states.index(origin), states.index(target)
        direction[i, j], direction[i, i] = 1.0, -1.0
        directions.append(direction)
        rates[np.searchsorted(time, part.time)] += part.increments[:, None, None] * direction
    step = exponentiate(rates)
    share = np.zeros((m + 1, k))
    share[0, states.index(start_state)] = 1.0
    for t in range(m):
        share[t + 1] = share[t] @ step[t]
    # The upper right block of exp([[A, D], [0, A]]) is the derivative of exp(A) towards D.
    push = np.zeros((m, len(parts), k))
    for number, (direction, part) in enumerate(zip(directions, parts, strict=True)):
        here = np.searchsorted(time, part.time)
        double = np.zeros((len(here), 2 * k, 2 * k))
        double[:, :k, :k] = double[:, k:, k:] = rates[here]
        double[:, :k, k:] = direction
        push[here, number] = np.einsum("tk,tkj->tj", share[here], exponentiate(double)[:, :k, k:])
    return _Path(time, share, step, push)


def _find_errors(
    model: TransitionCoxFit, path: _Path, parts: list[HazardChange], done: npt.NDArray[np.int64]
) -> FloatArray:
    """Errors of the shares after so many times each, shape (r, k)."""
    (m, q, k), r = path.push.shape, len(done)
    slopes = np.zeros((m, q, r, k))
    for column, n_done in enumerate(done.tolist()):
        rest = np.eye(k)
        for t in range(n_done - 1, -1, -1):
            slopes[t, :, column] = path.push[t] @ rest
            rest = path.step[t] @ rest
    state = model.fit.state
    scores = compute_row_scores(state.design, state.moments)
    influence = []
    for number, part in enumerate(parts):
        own = slopes[np.searchsorted(path.time, part.time), number].reshape(-1, r * k)
        influence.append(compute_hazard_influence(state, part, own, scores))
    total = np.sum(influence, axis=0)
    return np.asarray(np.sqrt(np.sum(total**2, axis=0)).reshape(r, k))


def _check_request(
    model: TransitionCoxFit, start_state: str, states: tuple[str, ...], asked: FloatArray
) -> None:
    problems = []
    if model.clock != "forward":
        problems.append(
            "the model has the clock reset; rule: shares follow from hazards on one clock; fix: "
            'fit with clock="forward"'
        )
    if model.left_out:
        listed = ", ".join(f"{origin} -> {target}" for origin, target in model.left_out)
        problems.append(f"the model leaves out {listed}; rule: every observed move; fix: fit all")
    if start_state not in states:
        problems.append(f"unknown state {start_state!r}; the states are {list(states)}")
    last = float(model.fit.state.process.stop.max())
    if np.any(asked > last):
        problems.append(
            f"time {float(asked.max()):g} is past the last follow-up {last:g}; rule: no "
            "extrapolation; fix: ask for earlier times"
        )
    if problems:
        raise EstimationError("These shares cannot be given.", problems)
