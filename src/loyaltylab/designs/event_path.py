"""Effects of an event study, and the sums of them that no straight trend can bias."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint, linprog, minimize

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

FEWEST_BEFORE = 3
N_TRADES = 41


@dataclass(frozen=True, eq=False)
class EventPath:
    """Effects of an event study at consecutive times, before and from the start.

    Attributes
    ----------
    times : ndarray of int, shape (k,)
        Consecutive; 0 is the first time from the start. The times of reference are among them,
        as 0 with no error if a single one.
    effects : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    degrees_of_freedom : float
        Of Student's t; infinite for a normal.
    """

    times: FloatArray
    effects: FloatArray
    covariance: FloatArray
    degrees_of_freedom: float = math.inf

    def __post_init__(self) -> None:
        k, problems = len(self.times), []
        if not (np.diff(self.times) == 1).all():
            problems.append("the times are not consecutive whole numbers; rule: no gaps")
        if (self.times < 0).sum() < FEWEST_BEFORE or not (self.times >= 0).any():
            problems.append(f"rule: {FEWEST_BEFORE} times before the start, and one from it")
        if self.effects.shape != (k,) or self.covariance.shape != (k, k):
            problems.append(f"{k} times, {self.effects.shape} effects, {self.covariance.shape}")
        elif not (np.isfinite(self.effects).all() and np.isfinite(self.covariance).all()):
            problems.append("effects or covariance are not finite")
        elif np.linalg.eigvalsh(self.covariance).min() < -1e-8 * np.trace(self.covariance):
            problems.append("the covariance is not positive semi-definite")
        if not self.degrees_of_freedom > 0:
            problems.append(f"degrees_of_freedom is {self.degrees_of_freedom!r}; rule: above 0")
        if problems:
            raise EstimationError("The effects are not a path of an event study:", problems)

    @property
    def n_before(self) -> int:
        """Times before the start."""
        return int((self.times < 0).sum())


def error_of(sums: FloatArray, covariance: FloatArray) -> float:
    """Standard error of a weighted sum."""
    return math.sqrt(max(float(sums @ covariance @ sums), 0.0))


def _kinks(path: EventPath) -> FloatArray:
    """Trends that bend by 1 at one inner time each, shape (k - 2, k)."""
    return np.asarray(np.maximum(path.times[None, :] - path.times[1:-1, None], 0.0))


def bias_per_bend(path: EventPath, sums: FloatArray) -> float:
    """Largest bias of a sum that takes away straight trends, for bends of 1 at every time."""
    return float(np.abs(_kinks(path) @ sums).sum())


def trade_bias_for_error(
    path: EventPath, target: FloatArray, covariance: FloatArray
) -> list[FloatArray]:
    """Sums that take away straight trends, from least bias to least error; shape (k,) each.

    Which of them is best depends on the violation, but not the list: with the allowed bias as
    the limit, the error is least under linear constraints.
    """
    n, k = path.n_before, len(path.times)
    kinks, m = _kinks(path), k - 2
    straight = np.vstack([np.ones(n), path.times[:n]])
    wanted = -np.vstack([np.ones(k), path.times]) @ target
    # x holds the n weights before and m sizes of the bias of each kink.
    equal = np.hstack([straight, np.zeros((2, m))])
    own, fixed = kinks[:, :n], kinks @ target
    above = np.vstack([np.hstack([own, -np.eye(m)]), np.hstack([-own, -np.eye(m)])])
    limit = np.concatenate([-fixed, fixed])
    total = np.concatenate([np.zeros(n), np.ones(m)])
    least = linprog(
        total, A_ub=above, b_ub=limit, A_eq=equal, b_eq=wanted,
        bounds=[(None, None)] * n + [(0, None)] * m,
    )  # fmt: skip
    inner, cross = covariance[:n, :n], covariance[:n] @ target
    straightest = _least_error(inner, cross, straight, wanted)
    ends = [np.concatenate([least.x[:n], target[n:]]), np.concatenate([straightest, target[n:]])]
    low, high = (bias_per_bend(path, end) for end in ends)
    scale = max(float(np.trace(inner)), 1e-300)
    found = [ends[0]]
    for allowed in np.linspace(low, high, N_TRADES)[1:-1] if high > low * (1 + 1e-9) else []:
        share = (allowed - low) / (high - low)
        start = (1 - share) * ends[0][:n] + share * straightest
        sizes = np.abs(own @ start + fixed)
        solved = minimize(
            lambda x: (x[:n] @ inner @ x[:n] + 2 * x[:n] @ cross) / scale,
            np.concatenate([start, sizes]),
            jac=lambda x: np.concatenate([2 * (inner @ x[:n] + cross) / scale, np.zeros(m)]),
            constraints=[
                LinearConstraint(equal, wanted, wanted),
                LinearConstraint(above, -np.inf, limit),
                LinearConstraint(total[None, :], -np.inf, allowed),
            ],
            method="SLSQP",
            options={"maxiter": 200, "ftol": 1e-12},
        )
        # Any sum that takes away straight trends is valid: the start is, if no better one is.
        chosen = solved.x[:n] if solved.success else start
        chosen = chosen - np.linalg.pinv(straight) @ (straight @ chosen - wanted)
        found.append(np.concatenate([chosen, target[n:]]))
    return [*found, ends[1]]


def _least_error(
    inner: FloatArray, cross: FloatArray, straight: FloatArray, wanted: FloatArray
) -> FloatArray:
    """Weights before that take away straight trends with the least error."""
    n = len(inner)
    system = np.block([[inner, straight.T], [straight, np.zeros((2, 2))]])
    solved = np.linalg.lstsq(system, np.concatenate([-cross, wanted]), rcond=None)[0][:n]
    return np.asarray(solved - np.linalg.pinv(straight) @ (straight @ solved - wanted))
