"""Errors, tests and intervals of coefficients whose exponentials are ratios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyaltylab.survival.arrays import BoolArray, FloatArray, as_read_only
from loyaltylab.survival.cluster_sums import sum_by_cluster
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

# A robust error this small beside the one from the information is 0 but for rounding.
ZERO_ERROR = 1e-9


def summarise_coefficients(
    coefficients: FloatArray,
    error: FloatArray,
    naive_error: FloatArray,
    *,
    ratio: str,
    confidence_level: float,
) -> dict[str, FloatArray]:
    """Fields of a fit that follow from its coefficients and errors, read-only, shape (p,) each.

    ``ratio`` names the exponentials. Where an error is 0 its test and limits are NaN.
    """
    has_error = find_errors(error, naive_error)
    known_error = np.where(has_error, error, np.nan)
    half_width = normal_quantile(confidence_level) * known_error
    z = coefficients / known_error
    with np.errstate(over="ignore"):  # An upper limit past the largest double is infinite.
        columns = {
            "coefficients": coefficients,
            "standard_error": np.where(has_error, error, 0.0),
            "naive_standard_error": naive_error,
            ratio: np.exp(coefficients),
            "ci_lower": np.exp(coefficients - half_width),
            "ci_upper": np.exp(coefficients + half_width),
            "z": z,
            "p_value": two_sided_p_value(z),
        }
    return {name: as_read_only(values) for name, values in columns.items()}


def name_error(error_unit: str) -> str:
    """Words for the standard error of a model; the unit is empty where it is not robust."""
    return f"robust error by {error_unit}" if error_unit else "error from the information"


def compute_sandwich(
    process: CountingProcess, scores: FloatArray, information: FloatArray, back: FloatArray
) -> FloatArray:
    """Covariance of ``back`` times the q parameters from row scores (n, q), by cluster."""
    by_cluster = sum_by_cluster(process.cluster, scores, process.n_clusters)
    influence = back @ np.linalg.solve(information, by_cluster.T)
    return np.asarray(influence @ influence.T)


def tabulate_coefficients(fit: object, names: Sequence[str], *, ratio: str) -> pd.DataFrame:
    """Tabulate the fields of :func:`summarise_coefficients`, one line per covariate."""
    columns = ["coefficients", "standard_error", "naive_standard_error", ratio]
    columns += ["ci_lower", "ci_upper", "z", "p_value"]
    frame = pd.DataFrame({name: np.array(getattr(fit, name)) for name in columns})
    frame = frame.rename(columns={"coefficients": "coefficient"})
    return frame.set_axis(pd.Index(names, name="covariate"), axis="index")


def find_errors(error: FloatArray, naive_error: FloatArray) -> BoolArray:
    """Whether each error is more than rounding."""
    return np.asarray(error > ZERO_ERROR * naive_error)


def describe_zero_errors(
    names: Sequence[str], error: FloatArray, naive_error: FloatArray
) -> tuple[str, ...]:
    """Say which coefficients have a robust error of 0."""
    has_error = find_errors(error, naive_error)
    if has_error.all():
        return ()
    listed = ", ".join(repr(name) for name, has in zip(names, has_error, strict=True) if not has)
    return (
        f"The robust error of {listed} is 0, since within every cluster the contributions "
        "cancel: there is no interval and no test.",
    )
