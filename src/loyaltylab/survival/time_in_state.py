"""Average time spent in a state up to a horizon."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.multi_state import prepare_occupation
from loyaltylab.survival.multi_state_checks import find_state_caveats
from loyaltylab.survival.restricted_mean import check_horizon
from loyaltylab.survival.state_influence import Occupation, compute_area_influence
from loyaltylab.survival.state_process import StateProcess, build_state_process
from loyaltylab.survival.transition_rows import build_transition_rows


def restricted_time_in_state(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    from_state: Sequence[object] | npt.ArrayLike,
    to_state: Sequence[object] | npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    state: str,
    horizon: float,
    states: Sequence[str] | None = None,
    origin: float | None = None,
    start_distribution: Mapping[str, float] | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    unit: str = "days",
) -> Estimate:
    """Average time spent in a state from the origin to a horizon: the area under its share.

    Over all states the times sum to the horizon less the origin.

    Parameters
    ----------
    start, stop, from_state, to_state, customer, states
        As in :func:`state_occupation`.
    origin, start_distribution, weights, cluster
        As in :func:`state_occupation`.
    state : str
    horizon : float
        Time units; after the origin and not past the last follow-up.
    confidence_level : float
    unit : str
        Name of the time unit.

    Returns
    -------
    Estimate
        In time units, with an infinitesimal jackknife error and a normal interval.

    Raises
    ------
    EstimationError
        If the state is unknown, the horizon is out of reach, or rows are wrong.

    Source
    ------
    Areas under ``survfit(Surv(start, stop, factor) ~ 1, id=)`` of R survival; its printed means
    start at the first observed time. Errors: ``residuals(survfit, type = "auc")``.

    Examples
    --------
    >>> time = restricted_time_in_state([0, 0], [1, 2], ["active"] * 2, ["left", ""],
    ...     customer=[1, 2], state="active", horizon=2)
    >>> time.value
    1.5
    """
    quantile = normal_quantile(confidence_level)
    given = build_transition_rows(
        start, stop, from_state, to_state, customer=customer, states=states, weights=weights,
        cluster=cluster,
    )  # fmt: skip
    rows, moves, shares = prepare_occupation(given, origin, start_distribution)
    begin = float(rows.start.min()) if origin is None else float(origin)
    grid = build_state_process(rows)
    check_horizon(horizon, float(grid.time[-1]))
    if state not in rows.states:
        raise EstimationError(f"unknown state {state!r}; the states are {list(rows.states)}")
    if horizon <= begin:
        raise EstimationError(f"horizon {horizon:g} is not after the origin {begin:g}")
    column = rows.states.index(state)
    value = _integrate(moves, shares, begin, horizon)[column]
    influence = compute_area_influence(rows, moves, shares, begin, horizon)[:, column]
    error = math.sqrt(float(np.sum(influence**2)))
    into = [number for number, (_, target) in enumerate(rows.transitions) if target == column]
    done = np.searchsorted(moves.time, grid.time, side="right")
    occupation = np.vstack([shares.initial, shares.share])[done]
    return Estimate(
        value=float(value),
        standard_error=error,
        ci_lower=float(value - quantile * error),
        ci_upper=float(value + quantile * error),
        confidence_level=confidence_level,
        n=rows.n_clusters,
        n_events=int(moves.n_moves[moves.time <= horizon][:, into].sum()),
        unit=unit,
        method=f"time in {state} from {begin:g} to {horizon:g}, infinitesimal jackknife",
        caveats=find_state_caveats(rows, grid, occupation, start_distribution is not None),
    )


def _integrate(
    moves: StateProcess, shares: Occupation, begin: float, horizon: float
) -> npt.NDArray[np.float64]:
    """Area under every share, shape (k,)."""
    ends = np.clip(np.concatenate([[begin], moves.time, [np.inf]]), begin, horizon)
    return np.asarray(np.diff(ends) @ np.vstack([shares.initial, shares.share]))
