"""Errors of few clusters: leave one unit out, Student's t, bands by a multiplier bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.unit_caveats import describe_few_units

# Six values of mean 0 and variance 1, for few clusters (Webb 2023).
WEBB = np.array([-math.sqrt(1.5), -1.0, -math.sqrt(0.5), math.sqrt(0.5), 1.0, math.sqrt(1.5)])


def leave_one_out_weights(n_units: int) -> FloatArray:
    """Weights of units: all of them, then all but each one; shape (n_units + 1, n_units)."""
    return np.vstack([np.ones(n_units), 1.0 - np.eye(n_units)])


def jackknife_influence(values: FloatArray) -> FloatArray:
    """Influence of each unit, from estimates as by :func:`leave_one_out_weights`.

    Parameters
    ----------
    values : ndarray, shape (n_units + 1, q)

    Returns
    -------
    ndarray, shape (n_units, q)
        (n - 1) (all - all but one), centred; NaN where an estimate does not exist without some
        unit.
    """
    influence = (len(values) - 2) * (values[:1] - values[1:])
    return np.asarray(influence - influence.mean(axis=0))


def jackknife_errors(influence: FloatArray) -> FloatArray:
    """Standard errors, shape (q,): sqrt((n - 1) / n sum of squares of the jackknife values)."""
    n = len(influence)
    return np.asarray(np.sqrt((influence**2).sum(axis=0) / (n * (n - 1))))


def t_quantile(confidence_level: float, n_units: int) -> float:
    """Two-sided quantile of Student's t with n_units - 1 degrees of freedom."""
    if not 0.0 < confidence_level < 1.0:
        raise EstimationError(
            f"confidence_level is {confidence_level!r}; rule: strictly between 0 and 1"
        )
    return float(stats.t.isf((1 - confidence_level) / 2, n_units - 1))


def band_quantile(
    influence: FloatArray, *, confidence_level: float, n_draws: int, seed: int
) -> float:
    """Quantile that covers all of several estimates at once, shape of influence (n, q).

    The bootstrap holds the errors fixed, so its quantile is that of a normal; Student's t is
    taken as far out, at the same tail probability.

    Source
    ------
    Callaway and Sant'Anna (2021), algorithm 1; Webb's six-point multipliers.
    """
    pointwise = t_quantile(confidence_level, len(influence))
    errors = jackknife_errors(influence)
    has_error = np.isfinite(errors) & (errors > 0)
    if not has_error.any():
        return pointwise
    draws = np.random.default_rng(seed).choice(WEBB, size=(n_draws, len(influence)))
    shaken = draws @ influence[:, has_error] / math.sqrt(len(influence) * (len(influence) - 1))
    largest = np.abs(shaken / errors[has_error]).max(axis=1)
    tail = float(stats.norm.sf(np.quantile(largest, confidence_level)))
    return max(pointwise, float(stats.t.isf(tail, len(influence) - 1)))


def describe_values(
    values: FloatArray, influence: FloatArray, confidence_level: float
) -> pd.DataFrame:
    """``effect``, ``standard_error``, ``ci_lower``, ``ci_upper``, ``p_value``; no error is NaN."""
    errors = jackknife_errors(influence)
    # An error of rounding size: 0 by definition, as of a single base month.
    errors = np.where(errors > 1e-12 * np.maximum(1.0, np.abs(values)), errors, np.nan)
    half = t_quantile(confidence_level, len(influence)) * errors
    return pd.DataFrame(
        {
            "effect": values,
            "standard_error": errors,
            "ci_lower": values - half,
            "ci_upper": values + half,
            "p_value": 2 * stats.t.sf(np.abs(values / errors), len(influence) - 1),
        }
    )


def as_estimate(
    values: FloatArray,
    *,
    confidence_level: float,
    n_events: int,
    unit: str,
    method: str,
    caveats: tuple[str, ...],
) -> Estimate:
    """One number with its jackknife error, from estimates with all units and all but each one.

    Raises
    ------
    EstimationError
        If the estimate does not exist without some unit, or depends on none.
    """
    influence = jackknife_influence(values[:, None])
    line = describe_values(values[:1], influence, confidence_level).iloc[0]
    n_units = len(influence)
    if not math.isfinite(line["standard_error"]):
        raise EstimationError(
            f"The effect of {values[0]:g} {unit} has no error: it does not exist once a unit is "
            "left out, or no unit differs; rule: at least two treated units and two for "
            "comparison; fix: more units, or a shorter horizon"
        )
    return Estimate(
        value=float(values[0]),
        standard_error=float(line["standard_error"]),
        ci_lower=float(line["ci_lower"]),
        ci_upper=float(line["ci_upper"]),
        confidence_level=confidence_level,
        n=n_units,
        n_events=n_events,
        unit=unit,
        method=f"{method}; errors by leaving out one unit, Student's t with {n_units - 1} df",
        p_value=float(line["p_value"]),
        caveats=(*caveats, *describe_few_units(n_units)),
    )
