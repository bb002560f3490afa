"""Hazard regressions with one intercept per cell of time, by Newton's method.

The information of the intercepts is diagonal, so they are eliminated exactly (a Schur
complement) and rows are never expanded into dummies: a step costs one pass over the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.hazard_families import HazardFamily

MAX_ITERATIONS = 100
MAX_HALVINGS = 30
# Squared distance to the optimum, in standard errors.
DECREMENT_TOLERANCE = 1e-18
# As in the Cox fit: the likelihood is flat, yet a coefficient still moves over its range.
FLAT_DECREMENT = 1e-6
RUNAWAY_STEP = 0.05
N_RUNAWAY_STEPS = 3
# A row this far (on the log scale) from the average tells the event perfectly.
LARGEST_LOG_RATIO = 30.0
# Information within cells relative to that without cells: below, nothing varies within them.
NO_INFORMATION = 1e-10


@dataclass(frozen=True, eq=False)
class CellRows:
    """Rows of a hazard regression; n rows, p covariates, k cells.

    Attributes
    ----------
    x : ndarray of float, shape (n, p)
    cell : ndarray of int, shape (n,)
    n_cells : int
    event : ndarray of bool, shape (n,)
    exposure, weights, offset : ndarray of float, shape (n,)
    unit : ndarray of int, shape (n,)
        Code of the independent unit.
    """

    x: FloatArray
    cell: IntArray
    n_cells: int
    event: BoolArray
    exposure: FloatArray
    weights: FloatArray
    offset: FloatArray
    unit: IntArray

    def sum_by_cell(self, values: FloatArray) -> FloatArray:
        """Sum a column of the rows within cells, shape (k,)."""
        return np.bincount(self.cell, weights=values, minlength=self.n_cells).astype(np.float64)


@dataclass(frozen=True, eq=False)
class CellFit:
    """Where the search ended.

    Attributes
    ----------
    alpha, beta : ndarray of float, shapes (k,) and (p,)
        Intercepts and scaled coefficients.
    log_likelihood : float
    score : ndarray of float, shape (n,)
        Weighted derivative of each row by its linear predictor.
    cell_information : ndarray of float, shape (k,)
        Expected information, as this and what follows at the end; observed on the way.
    cell_means : ndarray of float, shape (k, p)
        Covariates averaged over the information of each cell.
    information : ndarray of float, shape (p, p)
        Of beta, the intercepts eliminated.
    iterations : int
    """

    alpha: FloatArray
    beta: FloatArray
    log_likelihood: float
    score: FloatArray
    cell_information: FloatArray
    cell_means: FloatArray
    information: FloatArray
    iterations: int


def fit_cells(rows: CellRows, family: HazardFamily, names: Sequence[str]) -> CellFit:
    """Maximise the likelihood over intercepts and coefficients, or say why one cannot.

    Covariates and offsets are best centred, covariates scaled, and every cell has events.

    Raises
    ------
    EstimationError
        If a covariate does not vary within cells, or the likelihood has no maximum.
    """
    level = rows.sum_by_cell(rows.weights * rows.event)
    alpha = np.log(level / rows.sum_by_cell(rows.weights * rows.exposure * np.exp(rows.offset)))
    beta = np.zeros(rows.x.shape[1])
    spread = np.ptp(rows.x, axis=0)
    n_runaway = 0
    for iteration in range(1, MAX_ITERATIONS + 1):
        here = _expand(rows, family, alpha, beta, iteration, is_search=True)
        if iteration == 1:
            _refuse_uninformative(rows, here, family, names)
        step_alpha, step_beta, decrement = _compute_step(rows, here, names, spread)
        if decrement < DECREMENT_TOLERANCE:
            return _expand(rows, family, alpha, beta, iteration, is_search=False)
        runs_away = decrement < FLAT_DECREMENT and bool(
            np.any(np.abs(step_beta) * spread > RUNAWAY_STEP)
        )
        n_runaway = n_runaway + 1 if runs_away else 0
        if n_runaway >= N_RUNAWAY_STEPS:
            raise _separation(step_beta * spread, names)
        size = _find_size(rows, family, here, step_alpha, step_beta)
        alpha, beta = alpha + size * step_alpha, beta + size * step_beta
        if np.abs(rows.x @ beta).max() > LARGEST_LOG_RATIO:
            raise _separation(beta * spread, names)
    raise EstimationError(
        f"The hazard regression did not converge in {MAX_ITERATIONS} steps.",
        [f"rule: covariates of moderate range; fix: rescale or drop some of {list(names)}"],
    )


@dataclass(frozen=True, eq=False)
class CellErrors:
    """Covariances of the coefficients (p, p), and standard errors of the intercepts (k,)."""

    naive: FloatArray
    robust: FloatArray
    naive_baseline: FloatArray
    robust_baseline: FloatArray


def compute_errors(rows: CellRows, fit: CellFit, *, shift: FloatArray) -> CellErrors:
    """Errors from the information, and the sandwich with scores summed within units.

    Parameters
    ----------
    rows : CellRows
    fit : CellFit
    shift : ndarray of float, shape (p,)
        The intercepts wanted are ``alpha - shift @ beta``.

    Source: Huber (1967); Liang and Zeger (1986).
    """
    naive = np.linalg.inv(fit.information)
    naive = (naive + naive.T) / 2.0
    # An intercept moves by its own cell's scores, minus the pull of the coefficients.
    pull = fit.cell_means + shift
    n_units = int(rows.unit.max()) + 1
    residual = rows.x - fit.cell_means[rows.cell]
    columns = [np.bincount(rows.unit, fit.score * column, n_units) for column in residual.T]
    by_unit = np.array(columns).T @ naive
    robust = by_unit.T @ by_unit
    pair, index = np.unique(rows.unit * fit.alpha.size + rows.cell, return_inverse=True)
    own = np.bincount(index, fit.score) / fit.cell_information[pair % fit.alpha.size]
    cell, unit = pair % fit.alpha.size, pair // fit.alpha.size
    square = np.bincount(cell, own**2, fit.alpha.size)
    cross = np.array([np.bincount(cell, own * b, fit.alpha.size) for b in by_unit[unit].T]).T
    variance = square - 2.0 * np.sum(pull * cross, axis=1) + np.sum((pull @ robust) * pull, axis=1)
    model = 1.0 / fit.cell_information + np.sum((pull @ naive) * pull, axis=1)
    return CellErrors(naive, robust, np.sqrt(model), np.sqrt(np.maximum(variance, 0.0)))


def _expand(
    rows: CellRows,
    family: HazardFamily,
    alpha: FloatArray,
    beta: FloatArray,
    iteration: int,
    *,
    is_search: bool,
) -> CellFit:
    """Value, scores and information at one point: observed to search, expected for errors."""
    eta = rows.x @ beta + alpha[rows.cell] + rows.offset
    score, expected, observed = family.derivatives(rows.event, rows.exposure, eta)
    weight = rows.weights * (observed if is_search else expected)
    by_cell = rows.sum_by_cell(weight)
    columns = [rows.sum_by_cell(weight * column) for column in rows.x.T]
    means = np.array(columns).T / by_cell[:, None]
    information = rows.x.T @ (weight[:, None] * rows.x) - means.T @ (by_cell[:, None] * means)
    value = rows.weights @ family.log_likelihood(rows.event, rows.exposure, eta)
    return CellFit(
        alpha=alpha,
        beta=beta,
        log_likelihood=float(value),
        score=rows.weights * score,
        cell_information=by_cell,
        cell_means=means,
        information=(information + information.T) / 2.0,
        iterations=iteration,
    )


def _compute_step(
    rows: CellRows, here: CellFit, names: Sequence[str], spread: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Newton step of the intercepts and coefficients, and its squared length."""
    by_cell = rows.sum_by_cell(here.score)
    score = here.score @ rows.x - by_cell @ here.cell_means
    try:
        with np.errstate(invalid="raise", divide="raise"):
            size = np.sqrt(np.diag(here.information))
            scaled = here.information / np.outer(size, size)
            np.linalg.cholesky(scaled)
            step = np.linalg.solve(scaled, score / size) / size
    except (np.linalg.LinAlgError, FloatingPointError):
        raise _separation(here.beta * spread, names) from None
    step_alpha = by_cell / here.cell_information - here.cell_means @ step
    decrement = float(score @ step + by_cell @ (by_cell / here.cell_information))
    return step_alpha, step, decrement


def _find_size(
    rows: CellRows,
    family: HazardFamily,
    here: CellFit,
    step_alpha: FloatArray,
    step_beta: FloatArray,
) -> float:
    """Halve the step until the likelihood does not fall (rounding apart)."""
    lowest = here.log_likelihood - 1e-12 * max(1.0, abs(here.log_likelihood))
    size = 1.0
    for _ in range(MAX_HALVINGS):
        alpha, beta = here.alpha + size * step_alpha, here.beta + size * step_beta
        eta = rows.x @ beta + alpha[rows.cell] + rows.offset
        with np.errstate(over="ignore"):  # A hazard past the largest double is no maximum.
            value = rows.weights @ family.log_likelihood(rows.event, rows.exposure, eta)
        if value >= lowest:
            break
        size /= 2.0
    return size


def _refuse_uninformative(
    rows: CellRows, here: CellFit, family: HazardFamily, names: Sequence[str]
) -> None:
    """Refuse covariates that are a function of the cells, alone or combined."""
    eta = here.alpha[rows.cell] + rows.offset
    weight = rows.weights * family.derivatives(rows.event, rows.exposure, eta)[1]
    whole = weight @ rows.x**2
    flat = np.flatnonzero(np.diag(here.information) < NO_INFORMATION * whole)
    problems = [
        f"{names[j]!r} does not vary within the cells of time; rule: each cell has an intercept "
        "of its own; fix: leave it out, or use a constant baseline or fewer cells"
        for j in flat.tolist()
    ]
    if not problems:
        size = np.sqrt(np.diag(here.information))
        lowest = np.linalg.eigvalsh(here.information / np.outer(size, size))[0]
        if lowest < NO_INFORMATION:
            problems.append(
                "covariates are collinear with each other and the cells of time; rule: none is "
                "a combination of the others; fix: leave one out"
            )
    if problems:
        raise EstimationError("Some coefficients cannot be estimated.", problems)


def _separation(reach: FloatArray, names: Sequence[str]) -> EstimationError:
    runaway = np.flatnonzero(np.abs(reach) >= 0.1 * np.abs(reach).max())
    return EstimationError(
        "The likelihood has no maximum (separation): it keeps rising as a coefficient grows.",
        [
            f"{names[j]!r}: the coefficient runs to {'plus' if reach[j] > 0 else 'minus'} "
            "infinity; rule: rows with and without the event on both sides of a covariate; fix: "
            "look for extreme values, merge categories, or leave it out"
            for j in runaway.tolist()
        ],
    )
