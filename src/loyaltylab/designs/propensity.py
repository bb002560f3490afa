"""Probability of being in the exposed group, given what was known at time zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import rankdata

from loyaltylab.designs.baseline_covariates import expand_covariates
from loyaltylab.errors import EstimationError
from loyaltylab.survival import HazardRegression, fit_discrete_hazard
from loyaltylab.survival.arrays import BoolArray, FloatArray, as_read_only
from loyaltylab.survival.row_checks import describe_rows

# Beyond these a customer of the other group would weigh a hundred or more.
SMALLEST_PROBABILITY, LARGEST_PROBABILITY = 0.01, 0.99


@dataclass(frozen=True, eq=False)
class Propensity:
    """A logistic model of being exposed; n customers, p columns.

    Attributes
    ----------
    names : tuple of str, length p + 1
        "intercept", then the columns made from the covariates.
    coefficients : ndarray of float, shape (p + 1,)
        Log odds.
    standard_error : ndarray of float, shape (p + 1,)
        From the influence, summed within clusters.
    probability : ndarray of float, shape (n,)
    design : ndarray of float, shape (n, p + 1)
    influence : ndarray of float, shape (n, p + 1)
        How each customer moves the coefficients; the sum of each column is 0.
    c_statistic : float
        Share of pairs of an exposed and a reference customer in which the exposed one has the
        higher probability, ties counted half.
    model : HazardRegression
        The fit behind it, one row per customer.
    caveats : tuple of str
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    standard_error: FloatArray
    probability: FloatArray
    design: FloatArray
    influence: FloatArray
    c_statistic: float
    model: HazardRegression
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate coefficients and standard errors, one line per column (the index)."""
        columns = {
            "coefficient": np.array(self.coefficients),
            "standard_error": np.array(self.standard_error),
        }
        return pd.DataFrame(columns, index=pd.Index(self.names, name="covariate"))


def fit_propensity(
    treated: npt.ArrayLike, covariates: pd.DataFrame, *, cluster: npt.ArrayLike | None = None
) -> Propensity:
    """Model who is exposed by logistic regression on baseline covariates.

    Parameters
    ----------
    treated : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, ...)
        Numbers, flags or categories known at time zero, in the order of ``treated``.
    cluster : array-like, shape (n,), optional
        Independent unit of each customer.

    Returns
    -------
    Propensity

    Raises
    ------
    EstimationError
        If a group is empty, covariates are missing, constant or collinear, or some of them
        decide the group (no positivity).

    Source
    ------
    Rosenbaum and Rubin (1983); ``glm(treated ~ x, binomial)`` of R with
    ``sandwich::vcovCL(type = "HC0", cadjust = FALSE)``.

    Examples
    --------
    >>> x = pd.DataFrame({"is_new": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> fit_propensity([1, 0, 0, 0, 1, 1, 1, 0], x).probability.round(3).tolist()
    [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
    """
    is_treated = read_treated(treated)
    if len(covariates) != len(is_treated):
        raise EstimationError(
            f"covariates have {len(covariates)} rows, treated has {len(is_treated)}; rule: one "
            "row per customer, in the same order; fix: take both from one frame"
        )
    x = expand_covariates(covariates)
    model = _fit_logistic(is_treated, x, cluster)
    intercept = float(logit(model.baseline[0]))
    coefficients = np.concatenate([[intercept], model.coefficients])
    design = np.column_stack([np.ones(len(x)), x.to_numpy(dtype=np.float64)])
    probability = expit(design @ coefficients)
    influence = _find_influence(design, is_treated, probability)
    codes = np.arange(len(x)) if cluster is None else pd.factorize(pd.Series(cluster))[0]
    by_unit = np.array([np.bincount(codes, weights=column) for column in influence.T])
    return Propensity(
        names=("intercept", *(str(name) for name in x.columns)),
        coefficients=as_read_only(coefficients),
        standard_error=as_read_only(np.sqrt(np.sum(by_unit**2, axis=1))),
        probability=as_read_only(probability),
        design=as_read_only(design),
        influence=as_read_only(influence),
        c_statistic=_share_of_concordant_pairs(is_treated, probability),
        model=model,
        caveats=(*model.caveats, *_describe_extremes(probability)),
    )


def read_treated(treated: npt.ArrayLike) -> BoolArray:
    """Read who is exposed; both groups must have somebody."""
    values = pd.Series(treated).reset_index(drop=True)
    is_flag = pd.api.types.is_numeric_dtype(values.dtype) and values.isin([0, 1]).all()
    if not is_flag:
        raise EstimationError(
            "treated holds values other than 0 and 1; rule: True for exposed customers, False "
            "for the reference; fix: pass group == exposed"
        )
    found = values.to_numpy(dtype=bool)
    if found.all() or not found.any():
        raise EstimationError(
            f"{int(found.sum())} of {len(found)} customers are exposed; rule: both groups have "
            "customers; fix: check the group names"
        )
    return np.asarray(found)


def _fit_logistic(
    is_treated: BoolArray, x: pd.DataFrame, cluster: npt.ArrayLike | None
) -> HazardRegression:
    try:
        return fit_discrete_hazard(
            np.ones(len(x)), is_treated, x, baseline="constant", cluster=cluster
        )
    except EstimationError as error:
        if "separation" not in error.summary:
            raise
        raise EstimationError(
            "Covariates decide who is exposed: without both kinds of customers at every value "
            "there is nobody to compare with (no positivity).",
            error.problems,
        ) from None


def _find_influence(
    design: FloatArray, is_treated: BoolArray, probability: FloatArray
) -> FloatArray:
    """Inverse information times the score of each customer, on standardised columns."""
    centre, scale = design[:, 1:].mean(axis=0), design[:, 1:].std(axis=0)
    scaled = np.column_stack([np.ones(len(design)), (design[:, 1:] - centre) / scale])
    information = scaled.T @ ((probability * (1 - probability))[:, None] * scaled)
    moves = np.linalg.solve(information, scaled.T * (is_treated - probability)).T
    moves[:, 1:] /= scale
    moves[:, 0] -= moves[:, 1:] @ centre
    return np.asarray(moves)


def _share_of_concordant_pairs(is_treated: BoolArray, probability: FloatArray) -> float:
    n, n_treated = len(is_treated), int(is_treated.sum())
    # Probabilities equal but for rounding are ties.
    ranks = rankdata(np.round(probability, 12))
    above = float(ranks[is_treated].sum()) - n_treated * (n_treated + 1) / 2
    return above / (n_treated * (n - n_treated))


def _describe_extremes(probability: FloatArray) -> tuple[str, ...]:
    is_extreme = (probability < SMALLEST_PROBABILITY) | (probability > LARGEST_PROBABILITY)
    if not is_extreme.any():
        return ()
    return (
        f"The probability of being exposed is below {SMALLEST_PROBABILITY:g} or above "
        f"{LARGEST_PROBABILITY:g} in {describe_rows(is_extreme)}: few or no customers like them "
        "are in the other group, and the effect on them rests on the models.",
    )
