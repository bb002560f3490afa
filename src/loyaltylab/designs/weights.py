"""Weights that make groups alike in what was measured, and customers lost stand for themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.propensity import Propensity, read_treated
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, as_read_only

ESTIMANDS = ("ate", "att", "overlap")
TRUNCATIONS: tuple[tuple[float, float] | None, ...] = (
    None,
    (0.001, 0.999),
    (0.01, 0.99),
    (0.05, 0.95),
)
SMALL_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class TreatmentWeights:
    """One weight per customer.

    Attributes
    ----------
    values : ndarray of float, shape (n,)
    estimand : {"ate", "att", "overlap"}
    is_stabilised : bool
    truncation : (float, float) or None
        Quantiles at which weights were cut.
    n_truncated : int
        Customers whose weight was cut.
    """

    values: FloatArray
    estimand: str
    is_stabilised: bool
    truncation: tuple[float, float] | None
    n_truncated: int


def treatment_weights(
    propensity: Propensity,
    treated: npt.ArrayLike,
    *,
    estimand: str = "ate",
    is_stabilised: bool = True,
    truncation: tuple[float, float] | None = None,
) -> TreatmentWeights:
    """Inverse probability weights of being in the group one is in.

    Parameters
    ----------
    propensity : Propensity
    treated : array-like of bool or 0/1, shape (n,)
        In the order of the propensity.
    estimand : {"ate", "att", "overlap"}
        Effect in all customers, in the exposed, or in those who could well be in either group.
    is_stabilised : bool
        Scale within each group: by its share for "ate" (the reference by its odds for "att"),
        so that weights average about 1; to an average of 1 for "overlap". Means within groups
        are the same either way.
    truncation : (float, float), optional
        Quantiles of the weights: those beyond are set to them. Less spread for some bias.

    Returns
    -------
    TreatmentWeights

    Raises
    ------
    EstimationError
        If the estimand is unknown, sizes differ or quantiles are not in order.

    Source
    ------
    Robins, Hernan and Brumback (2000); Li, Morgan and Zaslavsky (2018) for overlap; Cole and
    Hernan (2008) for truncation.

    Examples
    --------
    >>> from loyaltylab.designs.propensity import fit_propensity
    >>> exposed = [1, 0, 0, 0, 1, 1, 1, 0]
    >>> fit = fit_propensity(exposed, pd.DataFrame({"is_new": [0, 0, 0, 0, 1, 1, 1, 1]}))
    >>> treatment_weights(fit, exposed).values.round(3).tolist()
    [2.0, 0.667, 0.667, 0.667, 0.667, 0.667, 0.667, 2.0]
    """
    is_treated = read_treated(treated)
    e = propensity.probability
    problems = []
    if estimand not in ESTIMANDS:
        problems.append(f"estimand is {estimand!r}; rule: one of {list(ESTIMANDS)}")
    if len(is_treated) != len(e):
        problems.append(f"treated has {len(is_treated)} values, the propensity {len(e)}")
    problems += _find_truncation_problems(truncation)
    if problems:
        raise EstimationError("These weights cannot be made.", problems)
    weights = _weigh(e, is_treated, estimand, is_stabilised)
    cut = truncate_weights(weights, truncation)
    return TreatmentWeights(
        values=as_read_only(cut),
        estimand=estimand,
        is_stabilised=is_stabilised,
        truncation=truncation,
        n_truncated=int(np.sum(cut != weights)),
    )


def _weigh(e: FloatArray, is_treated: BoolArray, estimand: str, is_stabilised: bool) -> FloatArray:
    share = float(is_treated.mean())
    if estimand == "ate":
        weights = np.where(is_treated, 1 / e, 1 / (1 - e))
        factors = (share, 1 - share)
    elif estimand == "att":
        weights = np.where(is_treated, 1.0, e / (1 - e))
        factors = (1.0, (1 - share) / share)
    else:
        weights = np.where(is_treated, 1 - e, e)
        factors = (1 / weights[is_treated].mean(), 1 / weights[~is_treated].mean())
    return weights * np.where(is_treated, *factors) if is_stabilised else weights


def truncate_weights(weights: FloatArray, truncation: tuple[float, float] | None) -> FloatArray:
    """Set weights beyond two of their quantiles to these."""
    problems = _find_truncation_problems(truncation)
    if problems:
        raise EstimationError("Weights cannot be cut.", problems)
    if truncation is None:
        return weights
    lowest, highest = np.quantile(weights, truncation)
    return np.clip(weights, lowest, highest)


def _find_truncation_problems(truncation: tuple[float, float] | None) -> list[str]:
    if truncation is None or 0 <= truncation[0] < truncation[1] <= 1:
        return []
    return [f"truncation is {truncation!r}; rule: two quantiles in order, such as (0.01, 0.99)"]


def summarise_weights(weights: npt.ArrayLike, treated: npt.ArrayLike) -> pd.DataFrame:
    """Size of the weights, and the number of customers they are worth.

    Parameters
    ----------
    weights : array-like of float, shape (n,)
        Positive.
    treated : array-like of bool or 0/1, shape (n,)

    Returns
    -------
    DataFrame
        One line for "exposed" and "reference" (the index): n, mean, largest,
        effective_sample_size = (sum w)^2 / sum w^2, and effective_share of n.

    Raises
    ------
    EstimationError
        If a weight is not positive or sizes differ.

    Source
    ------
    Kish (1965), Survey Sampling.

    Examples
    --------
    >>> summarise_weights([1, 3, 1, 1], [1, 1, 0, 0])["effective_sample_size"].tolist()
    [1.6, 2.0]
    """
    is_treated = read_treated(treated)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != is_treated.shape or not np.all(np.isfinite(w) & (w > 0)):
        raise EstimationError(
            f"{len(w)} weights for {len(is_treated)} customers; rule: one finite positive weight "
            "each; fix: check the model that made them"
        )
    lines = {}
    for name, is_in in (("exposed", is_treated), ("reference", ~is_treated)):
        own = w[is_in]
        size = float(own.sum() ** 2 / np.sum(own**2))
        lines[name] = {
            "n": len(own),
            "mean": float(own.mean()),
            "largest": float(own.max()),
            "effective_sample_size": size,
            "effective_share": size / len(own),
        }
    frame = pd.DataFrame.from_dict(lines, orient="index").astype({"n": int})
    return frame.rename_axis("group")


def truncation_path(
    outcome: npt.ArrayLike, weights: npt.ArrayLike, treated: npt.ArrayLike
) -> pd.DataFrame:
    """What truncating the weights does to a weighted difference of means.

    Parameters
    ----------
    outcome : array-like of float, shape (n,)
        Pseudo-values, for example.
    weights : array-like of float, shape (n,)
    treated : array-like of bool or 0/1, shape (n,)

    Returns
    -------
    DataFrame
        One line per truncation (none, 0.1-99.9, 1-99 and 5-95 %): lower, upper (quantiles),
        exposed_effective_size, reference_effective_size, largest, difference (exposed minus
        reference, weights scaled to mean 1 in each group).

    Raises
    ------
    EstimationError
        As :func:`summarise_weights`.

    Source
    ------
    Cole and Hernan (2008), American Journal of Epidemiology 168:656-664.
    """
    is_treated = read_treated(treated)
    values = np.asarray(outcome, dtype=np.float64)
    lines = []
    for truncation in TRUNCATIONS:
        w = truncate_weights(np.asarray(weights, dtype=np.float64), truncation)
        size = summarise_weights(w, is_treated)["effective_sample_size"]
        means = [np.average(values[part], weights=w[part]) for part in (is_treated, ~is_treated)]
        lower, upper = truncation or (0.0, 1.0)
        lines.append(
            {
                "lower": lower,
                "upper": upper,
                "exposed_effective_size": float(size["exposed"]),
                "reference_effective_size": float(size["reference"]),
                "largest": float(w.max()),
                "difference": float(means[0] - means[1]),
            }
        )
    return pd.DataFrame(lines)


def describe_small_size(summary: pd.DataFrame) -> tuple[str, ...]:
    """Say which group the weights make worth less than half of its customers."""
    return tuple(
        f"Weights leave the {name} group worth {line['effective_sample_size']:.0f} of its "
        f"{line['n']:.0f} customers: little overlap, so a few customers decide."
        for name, line in summary.iterrows()
        if line["effective_share"] < SMALL_SHARE
    )
