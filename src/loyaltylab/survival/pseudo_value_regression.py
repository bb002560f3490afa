"""Regression of pseudo-values: effects on retained time or shares, with robust errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.covariate_checks import find_covariate_problems, refuse_collinear
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.row_checks import read_labels, read_numbers
from loyaltylab.survival.unit_caveats import FEW_CLUSTERS

# A sum of squared residuals this small beside that of the values is rounding.
PERFECT_SHARE = 1e-24
MOST_STEPS = 200
MOST_HALVINGS = 40
# A step this small, in units of standardised covariates on the scale of the link, is none.
STEP_TOLERANCE = 1e-11
# Where the means hardly move with some coefficient, beside another, there is no solution.
FLAT_SHARE = 1e-6
# A fitted share this close to an end of its scale has no link.
LARGEST_LINEAR = 700.0


@dataclass(frozen=True)
class _Link:
    forward: Callable[[float], float]
    mean: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    domain: tuple[float, float]


def _cloglog_mean(linear: FloatArray) -> FloatArray:
    return np.asarray(-np.expm1(-np.exp(linear)))


def _logistic(linear: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-linear)))


LINKS = {
    "identity": _Link(lambda m: m, lambda x: x, np.ones_like, (-math.inf, math.inf)),
    "log": _Link(math.log, np.exp, np.exp, (0.0, math.inf)),
    "logit": _Link(
        lambda m: math.log(m / (1 - m)),
        _logistic,
        lambda x: _logistic(x) * (1 - _logistic(x)),
        (0.0, 1.0),
    ),
    "cloglog": _Link(
        lambda m: math.log(-math.log1p(-m)),
        _cloglog_mean,
        lambda x: np.asarray(np.exp(x - np.exp(x))),
        (0.0, 1.0),
    ),
}


@dataclass(frozen=True, eq=False)
class PseudoValueFit:
    """Coefficients of a regression of pseudo-values.

    Attributes
    ----------
    names : tuple of str, length p
        "intercept", then the covariates.
    coefficients, standard_error, ci_lower, ci_upper, z, p_value : ndarray of float, shape (p,)
        On the scale of the link: in the unit of the values for "identity", logs of ratios of
        means for "log", of odds for "logit", of cumulative hazards for "cloglog".
    covariance : ndarray of float, shape (p, p)
        Robust, by cluster.
    link : str
    confidence_level : float
    n, n_clusters : int
        Customers and independent units.
    method : str
    caveats : tuple of str
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    z: FloatArray
    p_value: FloatArray
    covariance: FloatArray
    link: str
    confidence_level: float
    n: int
    n_clusters: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the fit, one line per coefficient (the index)."""
        columns = ["coefficients", "standard_error", "ci_lower", "ci_upper", "z", "p_value"]
        frame = pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})
        frame = frame.rename(columns={"coefficients": "coefficient"})
        return frame.set_axis(pd.Index(self.names, name="covariate"), axis="index")


def pseudo_value_regression(
    pseudo_values: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    link: str = "identity",
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> PseudoValueFit:
    """Regress pseudo-values on covariates by generalised estimating equations.

    Working independence and constant variance, so the estimating equation is that of least
    squares; errors are the sandwich, summed within clusters.

    Parameters
    ----------
    pseudo_values : array-like of float, shape (n,)
        ``values`` of :class:`PseudoValues`. For retention with "cloglog" pass one minus them:
        the coefficients are then log hazard ratios if hazards are proportional.
    covariates : DataFrame, shape (n, p)
        Numbers or booleans, one row per customer in the order of the values. An intercept is
        added.
    link : {"identity", "log", "logit", "cloglog"}
        "cloglog" is log(-log(1 - mean)).
    cluster : array-like, shape (n,), optional
        Independent unit of each customer, a household for example.
    confidence_level : float

    Returns
    -------
    PseudoValueFit

    Raises
    ------
    EstimationError
        With everything that is wrong with the inputs; if columns are collinear, or the search
        does not converge.

    Source
    ------
    Klein and Andersen (2005); ``geese(..., corstr = "independence")`` of R geepack.

    Examples
    --------
    >>> x = pd.DataFrame({"is_helped": [0, 0, 1, 1]})
    >>> pseudo_value_regression([1.0, 3.0, 4.0, 8.0], x).coefficients.round(6).tolist()
    [2.0, 4.0]
    """
    quantile = normal_quantile(confidence_level)
    values, codes = _read_inputs(pseudo_values, covariates, link, cluster)
    refuse_collinear(covariates)
    x = covariates.to_numpy(dtype=np.float64)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    solution = _solve(values, design, LINKS[link], link)
    unscale = np.diag(np.concatenate([[1.0], 1.0 / scale]))
    unscale[0, 1:] = -centre / scale
    coefficients = unscale @ solution
    _refuse_perfect_fit(_loss(values, design, solution, LINKS[link]), values)
    covariance = unscale @ _sandwich(values, design, solution, LINKS[link], codes) @ unscale.T
    error = np.sqrt(np.diag(covariance))
    n_clusters = int(codes.max()) + 1
    few = f"{n_clusters} clusters: below {FEW_CLUSTERS} robust errors are too small."
    return PseudoValueFit(
        names=("intercept", *(str(name) for name in covariates.columns)),
        coefficients=as_read_only(coefficients),
        standard_error=as_read_only(error),
        ci_lower=as_read_only(coefficients - quantile * error),
        ci_upper=as_read_only(coefficients + quantile * error),
        z=as_read_only(coefficients / error),
        p_value=as_read_only(two_sided_p_value(coefficients / error)),
        covariance=as_read_only(covariance),
        link=link,
        confidence_level=confidence_level,
        n=len(values),
        n_clusters=n_clusters,
        method=f"pseudo-value regression, {link} link, robust errors by "
        + ("customer" if cluster is None else "cluster"),
        caveats=(few,) if n_clusters < FEW_CLUSTERS else (),
    )


def _read_inputs(
    pseudo_values: npt.ArrayLike,
    covariates: pd.DataFrame,
    link: str,
    cluster: npt.ArrayLike | None,
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    problems: list[str] = []
    if link not in LINKS:
        problems.append(f"unknown link {link!r}; rule: one of {list(LINKS)}")
    values = read_numbers("pseudo_values", pseudo_values, problems)
    n = len(values)
    by_row = find_covariate_problems(covariates, n)
    codes, _ = read_labels("cluster", cluster, np.arange(n), by_row)
    problems += [text.replace("stop has", "pseudo_values has") for text in by_row]
    if n <= covariates.shape[1] + 1 or len(np.unique(codes)) <= covariates.shape[1] + 1:
        problems.append(
            f"{n} customers in {len(np.unique(codes))} clusters for {covariates.shape[1] + 1} "
            "coefficients; rule: more independent units than coefficients; fix: fewer covariates"
        )
    lower, upper = LINKS[link].domain if link in LINKS else (-math.inf, math.inf)
    if not problems and not lower < values.mean() < upper:
        problems.append(
            f"the mean of the pseudo-values is {values.mean():g}; rule: strictly between "
            f"{lower:g} and {upper:g} for the {link} link; fix: choose another link or time"
        )
    if problems:
        raise EstimationError("These pseudo-values cannot be regressed.", problems)
    return values, codes


def _refuse_perfect_fit(loss: float, values: FloatArray) -> None:
    if loss <= PERFECT_SHARE * float(np.sum(values**2)):
        raise EstimationError(
            "The covariates fit every pseudo-value exactly, which leaves no error; rule: values "
            "that vary at given covariates; fix: fewer covariates, or a time at which some left"
        )


def _solve(values: FloatArray, design: FloatArray, link: _Link, name: str) -> FloatArray:
    """Gauss and Newton's steps, halved while they do not lessen the sum of squares."""
    solution = np.zeros(design.shape[1])
    solution[0] = link.forward(float(values.mean()))
    loss = _loss(values, design, solution, link)
    for _ in range(MOST_STEPS):
        linear = design @ solution
        derivative = design * link.slope(linear)[:, None]
        step, _, _, sizes = np.linalg.lstsq(derivative, values - link.mean(linear), rcond=None)
        if sizes[-1] <= FLAT_SHARE * sizes[0]:
            break
        if np.abs(step).max() <= STEP_TOLERANCE * max(1.0, float(np.abs(solution).max())):
            return np.asarray(solution + step)
        for _ in range(MOST_HALVINGS):
            new_loss = _loss(values, design, solution + step, link)
            if new_loss <= loss * (1 + 1e-13):
                break
            step = step / 2
        solution, loss = solution + step, new_loss
    raise EstimationError(
        f"The {name} regression did not converge: a coefficient runs away; rule: the mean of the "
        "values lies inside the link's range all over the covariates; fix: use the identity "
        "link, or fewer covariates"
    )


def _loss(values: FloatArray, design: FloatArray, solution: FloatArray, link: _Link) -> float:
    linear = design @ solution
    if np.abs(linear).max() > LARGEST_LINEAR and link.domain[0] == 0.0:
        return math.inf
    return float(np.sum((values - link.mean(linear)) ** 2))


def _sandwich(
    values: FloatArray,
    design: FloatArray,
    solution: FloatArray,
    link: _Link,
    codes: npt.NDArray[np.int64],
) -> FloatArray:
    linear = design @ solution
    derivative = design * link.slope(linear)[:, None]
    scores = derivative * (values - link.mean(linear))[:, None]
    by_cluster = np.column_stack([np.bincount(codes, weights=column) for column in scores.T])
    bread = np.linalg.inv(derivative.T @ derivative)
    return np.asarray(bread @ (by_cluster.T @ by_cluster) @ bread)
