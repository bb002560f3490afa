"""Exits by their true reason, when the stated one is sometimes wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate, incidence_pseudo_values
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

SUM_TOLERANCE = 1e-9  # shares typed by hand add up to 1 but for rounding
LARGEST_CONDITION = 1e6  # beyond it stated reasons say nothing on the true ones
FLAT_PRIOR = 0.5  # Jeffreys: half a customer in every cell


@dataclass(frozen=True, eq=False)
class StatedIncidences:
    """Cumulative incidences by stated reason at one time, with their joint error.

    Attributes
    ----------
    causes : tuple of str, length k
    values : ndarray of float, shape (k,)
        Shares that left by each stated reason.
    covariance : ndarray of float, shape (k, k)
    counts : ndarray of float, shape (k,)
        Exits by then.
    time : float
    n : int
        Customers.
    """

    causes: tuple[str, ...]
    values: FloatArray
    covariance: FloatArray
    counts: FloatArray
    time: float
    n: int


@dataclass(frozen=True, eq=False)
class ReasonMatrix:
    """How often a true reason is stated as each reason.

    Attributes
    ----------
    causes : tuple of str, length k
    stated_given_true : ndarray of float, shape (k, k)
        Row: stated; column: true; columns add up to 1.
    counts : ndarray of float, shape (k, k), or None
        The validation sample behind it; None where the matrix is taken as known.
    """

    causes: tuple[str, ...]
    stated_given_true: FloatArray
    counts: FloatArray | None


def read_reason_matrix(table: pd.DataFrame, *, is_counts: bool) -> ReasonMatrix:
    """Check a matrix of stated (rows) by true reasons (columns).

    Parameters
    ----------
    table : pandas.DataFrame
        The same reasons down and across: shares whose columns add up to 1, or counts of a
        validation sample drawn at random among customers of each true reason.
    is_counts : bool

    Raises
    ------
    EstimationError
        If rows and columns differ, entries are negative, columns do not add up, or the matrix
        cannot be inverted.
    """
    causes = tuple(str(name) for name in table.columns)
    if set(causes) != {str(name) for name in table.index} or len(table) != len(causes):
        raise EstimationError("The matrix needs the same reasons as rows and as columns.")
    values = table.set_axis([str(name) for name in table.index]).loc[list(causes)]
    numbers = values.to_numpy(dtype=np.float64)
    totals = numbers.sum(axis=0)
    problems = []
    if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
        problems.append("an entry is negative or missing; rule: shares or counts")
    elif is_counts and not (totals > 0).all():
        problems.append("a true reason has no customer in the sample; fix: validate some")
    elif not is_counts and not np.allclose(totals, 1, rtol=0, atol=SUM_TOLERANCE):
        problems.append(f"columns add up to {totals.tolist()}; rule: to 1")
    if not problems and np.linalg.cond(numbers / totals) > LARGEST_CONDITION:
        problems.append("two true reasons are stated alike, so the matrix has no inverse")
    if problems:
        raise EstimationError("This is no matrix of stated by true reasons:", problems)
    counts = as_read_only(numbers) if is_counts else None
    return ReasonMatrix(causes, as_read_only(numbers / totals), counts)


def estimate_stated_incidences(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    *,
    causes: Sequence[str],
    time: float,
    customer: npt.ArrayLike | None = None,
) -> StatedIncidences:
    """Cumulative incidence by every stated reason at one time (Aalen-Johansen).

    Parameters
    ----------
    start, stop, exit_cause, customer
        As in :func:`loyaltylab.survival.incidence_pseudo_values`.
    causes : sequence of str
        Every reason observed, in the order wanted.
    time : float

    Returns
    -------
    StatedIncidences
        Covariances from the infinitesimal jackknife, summed within customers.

    Raises
    ------
    EstimationError
        If a reason is never observed, or the time is out of reach.
    """
    reasons = pd.Series(exit_cause, dtype=object)
    left_out = sorted({str(reason) for reason in reasons if reason and reason not in causes})
    if left_out:
        raise EstimationError(f"Exits by {', '.join(left_out)} are not among the causes.")
    found = [
        incidence_pseudo_values(start, stop, exit_cause, cause=cause, time=time, customer=customer)
        for cause in causes
    ]
    values = np.array([part.estimate for part in found])
    influence = np.column_stack([part.values for part in found]) - values
    n = len(influence)
    is_by_then = np.asarray(stop, dtype=np.float64) <= time
    counts = [float((is_by_then & (reasons == cause).to_numpy()).sum()) for cause in causes]
    return StatedIncidences(
        causes=tuple(causes),
        values=as_read_only(values),
        covariance=as_read_only(influence.T @ influence / n**2),
        counts=as_read_only(counts),
        time=time,
        n=n,
    )


def correct_incidences(
    stated: StatedIncidences, matrix: ReasonMatrix, *, confidence_level: float = 0.95
) -> dict[str, Estimate]:
    """Cumulative incidences by true reason, by inverting the matrix.

    Assumes that how a reason is misstated does not depend on when the customer left, nor on the
    group. A corrected share may come out below 0: then matrix and data disagree, which is a
    caveat and is not hidden.

    Parameters
    ----------
    stated : StatedIncidences
    matrix : ReasonMatrix
        With counts, its own error is in the interval (delta method).
    confidence_level : float

    Returns
    -------
    dict of str to Estimate
        By true reason.

    Raises
    ------
    EstimationError
        If the matrix has other reasons than the incidences.

    Source
    ------
    Barron (1977), Biometrics 33:414-418, and Greenland (1988), Statistics in Medicine 7:745-757,
    for the matrix and its error.
    """
    order = _align(stated, matrix)
    true, covariance = _invert(stated, matrix, order)
    method = f"cumulative incidence at {stated.time:g} by true reason, matrix inversion"
    return _report(true, covariance, stated, confidence_level, method)


def correct_incidence_differences(
    exposed: StatedIncidences,
    reference: StatedIncidences,
    matrix: ReasonMatrix,
    *,
    confidence_level: float = 0.95,
) -> dict[str, Estimate]:
    """Differences by true reason of two independent groups misstated alike.

    The error of the matrix, which both share, is counted once.

    Parameters
    ----------
    exposed, reference : StatedIncidences
        At one time, with the same causes.
    matrix, confidence_level
        As in :func:`correct_incidences`.

    Raises
    ------
    EstimationError
        If the groups or the matrix do not match.
    """
    if (exposed.causes, exposed.time) != (reference.causes, reference.time):
        raise EstimationError("The two groups have other causes or another time.")
    joint = StatedIncidences(
        causes=exposed.causes,
        values=as_read_only(exposed.values - reference.values),
        covariance=as_read_only(exposed.covariance + reference.covariance),
        counts=as_read_only(exposed.counts + reference.counts),
        time=exposed.time,
        n=exposed.n + reference.n,
    )
    true, covariance = _invert(joint, matrix, _align(joint, matrix))
    method = f"difference of cumulative incidence at {joint.time:g} by true reason, "
    return _report(
        true, covariance, joint, confidence_level, method + "matrix inversion", lowest=-1.0
    )


def draw_corrected_incidences(
    stated: StatedIncidences,
    matrix: ReasonMatrix,
    *,
    seed: int,
    n_draws: int = 5000,
    confidence_level: float = 0.95,
) -> dict[str, Estimate]:
    """The same by probabilistic bias analysis: matrix and incidences are drawn.

    Columns of the matrix are drawn from Dirichlet distributions (counts plus one half), the
    stated incidences from a normal. Draws with a share outside [0, 1] disagree with the data and
    are left out; how many is a caveat.

    Parameters
    ----------
    stated : StatedIncidences
    matrix : ReasonMatrix
        With counts.
    seed : int
    n_draws : int
    confidence_level : float

    Returns
    -------
    dict of str to Estimate
        Median, standard deviation and quantiles of the draws kept.

    Raises
    ------
    EstimationError
        If the matrix has no counts, or fewer than half of the draws can be kept.

    Source
    ------
    Lash, Fox and Fink (2009), Applying Quantitative Bias Analysis to Epidemiologic Data, ch. 8.
    """
    if matrix.counts is None:
        raise EstimationError("Draws need the counts behind the matrix; fix: is_counts=True.")
    order = _align(stated, matrix)
    generator = np.random.default_rng(seed)
    counts = matrix.counts[np.ix_(order, order)] + FLAT_PRIOR
    columns = [generator.dirichlet(column, size=n_draws) for column in counts.T]
    matrices = np.stack(columns, axis=2)
    drawn = generator.multivariate_normal(
        stated.values, stated.covariance, size=n_draws, method="eigh"
    )
    true = np.linalg.solve(matrices, drawn[:, :, None])[:, :, 0]
    kept = true[((true >= 0) & (true <= 1)).all(axis=1)]
    if 2 * len(kept) < n_draws:
        raise EstimationError(
            f"Only {len(kept)} of {n_draws} draws give shares; rule: half. The matrix and the "
            "stated reasons disagree."
        )
    tail = (1 - confidence_level) / 2
    caveat = f"{1 - len(kept) / n_draws:.1%} of the draws disagreed with the data."
    return {
        cause: Estimate(
            value=float(np.median(kept[:, column])),
            standard_error=float(kept[:, column].std(ddof=1)),
            ci_lower=float(np.quantile(kept[:, column], tail)),
            ci_upper=float(np.quantile(kept[:, column], 1 - tail)),
            confidence_level=confidence_level,
            n=stated.n,
            n_events=int(stated.counts[column]),
            unit="share",
            method=f"probabilistic bias analysis, {n_draws} draws, seed {seed}",
            caveats=(caveat,) if len(kept) < n_draws else (),
        )
        for column, cause in enumerate(stated.causes)
    }


def _align(stated: StatedIncidences, matrix: ReasonMatrix) -> list[int]:
    if set(stated.causes) != set(matrix.causes):
        raise EstimationError(
            f"The matrix knows {', '.join(matrix.causes)}; the incidences have "
            f"{', '.join(stated.causes)}."
        )
    return [matrix.causes.index(cause) for cause in stated.causes]


def _invert(
    stated: StatedIncidences, matrix: ReasonMatrix, order: list[int]
) -> tuple[FloatArray, FloatArray]:
    """Shares by true reason and their covariance."""
    shares = matrix.stated_given_true[np.ix_(order, order)]
    inverse = np.linalg.inv(shares)
    true = inverse @ stated.values
    inner = np.array(stated.covariance)
    if matrix.counts is not None:
        sizes = matrix.counts.sum(axis=0)[order]
        for column, (size, value) in enumerate(zip(sizes, true, strict=True)):
            share = shares[:, column]
            inner += value**2 * (np.diag(share) - np.outer(share, share)) / size
    return true, inverse @ inner @ inverse.T


def _report(
    true: FloatArray,
    covariance: FloatArray,
    stated: StatedIncidences,
    confidence_level: float,
    method: str,
    lowest: float = 0.0,
) -> dict[str, Estimate]:
    quantile = normal_quantile(confidence_level)
    found = {}
    for column, cause in enumerate(stated.causes):
        value, error = float(true[column]), math.sqrt(covariance[column, column])
        is_possible = lowest <= value <= 1
        caveat = f"The corrected share of {cause} is impossible: the matrix and the data disagree."
        found[cause] = Estimate(
            value=value,
            standard_error=error,
            ci_lower=value - quantile * error,
            ci_upper=value + quantile * error,
            confidence_level=confidence_level,
            n=stated.n,
            n_events=int(stated.counts[column]),
            unit="share",
            method=method,
            p_value=float(two_sided_p_value(value / error)) if lowest < 0 and error > 0 else None,
            caveats=() if is_possible else (caveat,),
        )
    return found
