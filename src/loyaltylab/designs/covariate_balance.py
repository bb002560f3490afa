"""Whether two groups are alike in what was known at time zero, before and after weighting."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.baseline_covariates import split_levels
from loyaltylab.designs.propensity import read_treated
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray

LARGEST_DIFFERENCE = 0.1


def standardised_difference(exposed: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Difference of means in units of the pooled standard deviation.

    Parameters
    ----------
    exposed, reference : array-like of float, shapes (n,) and (m,)
        A covariate known at time zero, in each group.

    Returns
    -------
    float
        (mean exposed - mean reference) / sqrt((var exposed + var reference) / 2); beyond 0.1 in
        size is commonly called an imbalance.

    Raises
    ------
    EstimationError
        If a group has fewer than two values, or neither group varies.

    Source
    ------
    Austin (2009), Statistics in Medicine 28:3083-3107.
    """
    values = [np.asarray(group, dtype=np.float64) for group in (exposed, reference)]
    if min(len(group) for group in values) < 2:
        raise EstimationError("A standardised difference needs two values in each group.")
    spread = math.sqrt(sum(float(group.var(ddof=1)) for group in values) / 2)
    if not spread > 0:
        raise EstimationError("A covariate that does not vary has no standardised difference.")
    return float(values[0].mean() - values[1].mean()) / spread


def covariate_balance(
    covariates: pd.DataFrame,
    treated: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Standardised differences of every covariate and level, before and after weighting.

    Parameters
    ----------
    covariates : DataFrame, shape (n, ...)
        Numbers, flags or categories.
    treated : array-like of bool or 0/1, shape (n,)
    weights : array-like of float, shape (n,), optional
        Default ones: after is then as before.
    names : sequence of str, optional
        Columns to compare; default all.

    Returns
    -------
    DataFrame
        One line per covariate, or level of a category (the index): exposed_mean,
        reference_mean, exposed_weighted_mean, reference_weighted_mean, difference_before,
        difference_after (in units of the pooled standard deviation before weighting),
        variance_ratio_before, variance_ratio_after (NaN for 0/1 columns, whose variance follows
        from the mean), is_imbalanced (0.1 or more in size after weighting).

    Raises
    ------
    EstimationError
        If a covariate is missing somewhere or does not vary within either group.

    Source
    ------
    Austin and Stuart (2015), Statistics in Medicine 34:3661-3679.

    Examples
    --------
    >>> x = pd.DataFrame({"age": [2.0, 3.0, 4.0, 1.0, 2.0, 3.0]})
    >>> covariate_balance(x, [1, 1, 1, 0, 0, 0])["difference_before"].tolist()
    [1.0]
    """
    is_treated = read_treated(treated)
    columns, problems = split_levels(covariates, names, has_reference=True)
    w = np.ones(len(is_treated)) if weights is None else np.asarray(weights, dtype=np.float64)
    for what, size in (("covariates", len(covariates)), ("weights", len(w))):
        if size != len(is_treated):
            problems.append(f"{what} have {size} rows, treated has {len(is_treated)}")
    if min(is_treated.sum(), (~is_treated).sum()) < 2:
        problems.append("a group has one customer; rule: two in each")
    if problems:
        raise EstimationError("Balance cannot be judged.", problems)
    lines = {name: _compare(values, is_treated, w) for name, values in columns.items()}
    flat = [name for name, line in lines.items() if np.isnan(line["difference_before"])]
    if flat:
        raise EstimationError(
            "Covariates that do not vary within the groups have no standardised difference.",
            [f"{name!r}; fix: leave it out" for name in flat],
        )
    frame = pd.DataFrame.from_dict(lines, orient="index").rename_axis("covariate")
    return frame.assign(is_imbalanced=frame["difference_after"].abs() >= LARGEST_DIFFERENCE)


def _compare(values: FloatArray, is_treated: BoolArray, w: FloatArray) -> dict[str, float]:
    before, after, means, weighted = [], [], [], []
    for part in (is_treated, ~is_treated):
        own, weight = values[part], w[part] / w[part].sum()
        means.append(float(own.mean()))
        weighted.append(float(weight @ own))
        before.append(float(own.var(ddof=1)))
        # Unbiased for weights that are no counts; ddof = 1 when all are equal.
        after.append(float(weight @ (own - weighted[-1]) ** 2 / (1 - weight @ weight)))
    spread = float(np.sqrt(sum(before) / 2))
    scale = spread if spread > 0 else float("nan")
    is_flag = bool(np.isin(values, (0.0, 1.0)).all())
    ratios = [
        float("nan") if is_flag or pair[1] <= 0 else pair[0] / pair[1] for pair in (before, after)
    ]
    return {
        "exposed_mean": means[0],
        "reference_mean": means[1],
        "exposed_weighted_mean": weighted[0],
        "reference_weighted_mean": weighted[1],
        "difference_before": (means[0] - means[1]) / scale,
        "difference_after": (weighted[0] - weighted[1]) / scale,
        "variance_ratio_before": ratios[0],
        "variance_ratio_after": ratios[1],
    }


def describe_imbalance(balance: pd.DataFrame) -> tuple[str, ...]:
    """Say which covariates differ after weighting."""
    left = balance.index[balance["is_imbalanced"]].tolist()
    if not left:
        return ()
    return (
        f"After weighting the groups still differ by {LARGEST_DIFFERENCE:g} standard deviations "
        f"or more in {', '.join(map(repr, left[:5]))}{', ...' if len(left) > 5 else ''}.",
    )
