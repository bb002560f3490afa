"""Newton's method for the Cox model, and the ways it can have no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.collinearity import group_dependent_columns
from loyaltylab.survival.cox_design import CoxDesign
from loyaltylab.survival.cox_likelihood import (
    LARGEST_LOG_RISK,
    RiskMoments,
    compute_information,
    compute_log_likelihood,
    compute_moments,
    compute_score,
)

MAX_ITERATIONS = 50
MAX_HALVINGS = 30
# Squared distance to the optimum, in standard errors, at which one more step ends the search.
# The distance after a step is of the order of its square, so far below rounding.
DECREMENT_TOLERANCE = 1e-12
# The likelihood is flat to this squared distance ...
FLAT_DECREMENT = 1e-6
# ... yet a step still moves some log hazard ratio, over the covariate's range, by this much:
# the likelihood rises towards infinity. A maximum takes such a step at most once.
RUNAWAY_STEP = 0.05
N_RUNAWAY_STEPS = 3
# Relative rounding error of a risk sum above which hazard ratios are not given out.
ROUNDING_TOLERANCE = 1e-6
# Information relative to its possible size below which a covariate never varies at risk.
NO_INFORMATION = 1e-10


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where Newton's method ended, on the scaled covariates.

    ``information`` is that of the partial likelihood alone, without the penalty.
    """

    beta: FloatArray
    moments: RiskMoments
    information: FloatArray
    log_likelihood_null: float
    iterations: int


def maximise(design: CoxDesign, names: Sequence[str], *, penalty: FloatArray) -> Maximum:
    """Maximise the partial likelihood minus ``penalty @ beta**2 / 2``, or say why one cannot.

    Parameters
    ----------
    design : CoxDesign
    names : sequence of str, length p
    penalty : ndarray of float, shape (p,)
        Of the scaled coefficients; zeros for none.

    Raises
    ------
    EstimationError
        If a covariate carries no information, the likelihood has no maximum, or the search
        does not end.
    """
    p = design.x.shape[1]
    ones = np.ones(len(design.time))
    spread = design.ranges
    beta = np.zeros(p)
    moments = compute_moments(design, beta)
    null = moments.log_likelihood
    n_runaway = 0
    for iteration in range(1, MAX_ITERATIONS + 1):
        information = compute_information(design, moments, ones)
        if iteration == 1:
            _refuse_uninformative(design, information, names)
        score = compute_score(design, moments, ones) - penalty * beta
        step = _solve(information + np.diag(penalty), score)
        if step is None:
            raise _failure("its information is not positive definite", beta * spread, names)
        decrement = float(score @ step)
        runs_away = decrement < FLAT_DECREMENT and bool(
            np.any(np.abs(step) * spread > RUNAWAY_STEP)
        )
        n_runaway = n_runaway + 1 if runs_away else 0
        if n_runaway >= N_RUNAWAY_STEPS or (runs_away and decrement < DECREMENT_TOLERANCE):
            _refuse_separation(design, step * spread, names)
        beta = beta + _halve(design, beta, step, moments.log_likelihood, penalty)
        if np.abs(design.log_risk(beta)).max() > LARGEST_LOG_RISK / 2:
            _refuse_separation(design, beta * spread, names)
        moments = compute_moments(design, beta)
        if decrement < DECREMENT_TOLERANCE:
            if moments.rounding > ROUNDING_TOLERANCE:
                what = f"risks too far apart to add up (rounding error {moments.rounding:.1g})"
                raise _failure(what, beta * spread, names)
            information = compute_information(design, moments, ones)
            return Maximum(beta, moments, information, null, iteration)
    raise _failure(f"no convergence in {MAX_ITERATIONS} Newton steps", beta * spread, names)


def solve_information(information: FloatArray, right: FloatArray) -> FloatArray:
    """Solve a symmetric positive definite system, scaled to a unit diagonal first."""
    size = np.sqrt(np.diag(information))
    correlation = information / np.outer(size, size)
    np.linalg.cholesky(correlation)  # Raises where the matrix is not positive definite.
    scaled = (right.T / size).T
    return np.asarray((np.linalg.solve(correlation, scaled).T / size).T)


def _solve(information: FloatArray, score: FloatArray) -> FloatArray | None:
    """Newton step; None where the information is not positive definite."""
    try:
        with np.errstate(invalid="raise", divide="raise"):
            return solve_information(information, score)
    except (np.linalg.LinAlgError, FloatingPointError):
        return None


def _halve(
    design: CoxDesign,
    beta: FloatArray,
    step: FloatArray,
    log_likelihood: float,
    penalty: FloatArray,
) -> FloatArray:
    """Halve the step until the penalised likelihood does not fall (rounding apart)."""
    lowest = log_likelihood - float(penalty @ beta**2) / 2.0
    lowest -= 1e-12 * max(1.0, abs(lowest))
    for _ in range(MAX_HALVINGS):
        there = beta + step
        if compute_log_likelihood(design, there) - float(penalty @ there**2) / 2.0 >= lowest:
            break
        step = step / 2.0
    return step


def _failure(what: str, reach: FloatArray, names: Sequence[str]) -> EstimationError:
    """Error of a search that ended badly, with the covariate that moved furthest."""
    j = int(np.argmax(np.abs(reach)))
    return EstimationError(
        f"The Cox fit failed: {what}.",
        [
            f"furthest out is {names[j]!r}, with a log hazard ratio of {reach[j]:.3g} over its "
            "range; rule: no combination of covariates may tell the events perfectly (separation); "
            "fix: look for extreme values in it, merge rare categories, or use fewer covariates"
        ],
    )


def _refuse_uninformative(design: CoxDesign, information: FloatArray, names: Sequence[str]) -> None:
    """Refuse covariates that never vary among those at risk together, alone or combined."""
    size = np.diag(information) / float(np.sum(design.weights[design.event_row]))
    flat = np.flatnonzero(size < NO_INFORMATION)
    problems = [
        f"{names[j]!r} does not vary among those at risk at any event time (within strata); "
        "rule: a hazard ratio compares rows at risk together; fix: leave it out"
        for j in flat.tolist()
    ]
    rest = np.flatnonzero(size >= NO_INFORMATION)
    if not problems:
        scale = np.sqrt(np.diag(information))
        vals, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        if vals[0] < NO_INFORMATION:
            root = np.sqrt(np.maximum(vals, 0.0))[:, None] * vectors.T
            root[vals < NO_INFORMATION] = 0.0
            for group in group_dependent_columns(root) or [rest]:
                listed = ", ".join(repr(names[j]) for j in group.tolist())
                problems.append(
                    f"{listed} are collinear among those at risk at the event times; rule: no "
                    "covariate is a combination of the others; fix: leave one out"
                )
    if problems:
        raise EstimationError("Some hazard ratios cannot be estimated.", problems)


def _refuse_separation(design: CoxDesign, reach: FloatArray, names: Sequence[str]) -> None:
    runaway = np.flatnonzero(np.abs(reach) > 0.1 * np.abs(reach).max())
    problems = []
    for j in runaway.tolist():
        problems.append(
            f"{names[j]!r}: the coefficient runs to {'plus' if reach[j] > 0 else 'minus'} "
            f"infinity{_describe_separation(design, j)}; rule: events must occur on both sides "
            "of a covariate; fix: look for extreme values, merge categories, leave it out, or "
            "report the counts instead"
        )
    raise EstimationError(
        "The likelihood has no maximum (separation): it keeps rising as a coefficient grows.",
        problems,
    )


def _describe_separation(design: CoxDesign, column: int) -> str:
    values = design.x[:, column]
    levels = np.array([values.min(), values.max()])
    if not np.all(np.isin(values, levels)):
        return ""
    at_top = int(np.sum(values[design.event_row] == levels[1]))
    return (
        f" (of {len(design.event_row)} events, {at_top} have the higher of its two values and "
        f"{len(design.event_row) - at_top} the lower)"
    )
