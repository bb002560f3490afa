"""Regression of the hazard itself on covariates, with a baseline by cell of time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import (
    FloatArray,
    IntArray,
    as_read_only,
    as_read_only_counts,
)
from loyaltylab.survival.cell_regression import CellRows, compute_errors, fit_cells
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.covariate_checks import find_sample_caveats
from loyaltylab.survival.hazard_families import HazardFamily
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.wald import (
    describe_zero_errors,
    name_error,
    summarise_coefficients,
    tabulate_coefficients,
)


@dataclass(frozen=True, eq=False)
class HazardRegression:
    """A fitted hazard regression; p covariates, k cells of time.

    Attributes
    ----------
    names : tuple of str, length p
    coefficients, standard_error : ndarray of float, shape (p,)
        Robust error by cluster (by row when only weights are given), else from the information.
    naive_standard_error : ndarray of float, shape (p,)
    ratio, ci_lower, ci_upper : ndarray of float, shape (p,)
        Exponential of the coefficients: odds ratios (logit) or hazard ratios.
    ratio_kind : str
    z, p_value : ndarray of float, shape (p,)
        Wald test that the ratio is 1.
    covariance : ndarray of float, shape (p, p)
    confidence_level : float
    cell : tuple of str, length k
        Period, stretch of time, or "all".
    baseline, baseline_error, baseline_ci_lower, baseline_ci_upper : ndarray of float, shape (k,)
        Hazard where every covariate and the offset are 0: a share per period, or a rate per
        time unit; the interval is made on the scale of the link.
    n_events_by_cell : ndarray of int, shape (k,)
    log_likelihood : float
        For rates: of the survival times, without the constant of the Poisson form.
    n_rows, n_events, n_clusters : int
    iterations : int
    method : str
    caveats : tuple of str
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    standard_error: FloatArray
    naive_standard_error: FloatArray
    ratio: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    ratio_kind: str
    z: FloatArray
    p_value: FloatArray
    covariance: FloatArray
    confidence_level: float
    cell: tuple[str, ...]
    baseline: FloatArray
    baseline_error: FloatArray
    baseline_ci_lower: FloatArray
    baseline_ci_upper: FloatArray
    n_events_by_cell: IntArray
    log_likelihood: float
    n_rows: int
    n_events: int
    n_clusters: int
    iterations: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the coefficients, one line per covariate (the index)."""
        return tabulate_coefficients(self, self.names, ratio="ratio")

    def baseline_frame(self) -> pd.DataFrame:
        """Tabulate the baseline, one line per cell of time (the index)."""
        frame = pd.DataFrame(
            {
                "n_events": np.array(self.n_events_by_cell),
                "hazard": np.array(self.baseline),
                "standard_error": np.array(self.baseline_error),
                "ci_lower": np.array(self.baseline_ci_lower),
                "ci_upper": np.array(self.baseline_ci_upper),
            }
        )
        return frame.set_axis(pd.Index(self.cell, name="cell"), axis="index")


def fit_hazard_regression(
    process: CountingProcess,
    rows: CellRows,
    family: HazardFamily,
    names: tuple[str, ...],
    labels: tuple[str, ...],
    confidence_level: float,
) -> HazardRegression:
    """Fit on centred and scaled covariates and offsets, and put everything back."""
    normal_quantile(confidence_level)  # Refuses what is no share.
    _refuse_empty_cells(rows, labels, family)
    centre, scale = rows.x.mean(axis=0), rows.x.std(axis=0)
    known = float(rows.offset.mean())
    scaled = replace(
        rows, x=np.asfortranarray((rows.x - centre) / scale), offset=rows.offset - known
    )
    found = fit_cells(scaled, family, names)
    errors = compute_errors(scaled, found, shift=centre / scale)
    covariance = errors.robust if process.is_robust else errors.naive
    error = np.sqrt(np.diag(covariance)) / scale
    naive_error = np.sqrt(np.diag(errors.naive)) / scale
    coefficients = found.beta / scale
    alpha = found.alpha - coefficients @ centre - known
    alpha_error = errors.robust_baseline if process.is_robust else errors.naive_baseline
    return HazardRegression(
        names=names,
        ratio_kind=family.ratio,
        covariance=as_read_only(covariance / np.outer(scale, scale)),
        confidence_level=confidence_level,
        cell=labels,
        n_events_by_cell=as_read_only_counts(rows.sum_by_cell(rows.event.astype(np.float64))),
        log_likelihood=found.log_likelihood,
        n_rows=process.n_rows,
        n_events=process.n_events,
        n_clusters=process.n_clusters,
        iterations=found.iterations,
        method=f"{family.name}, {name_error(process.error_unit)}",
        caveats=(
            *find_sample_caveats(process, len(names)),
            *describe_zero_errors(names, error, naive_error),
        ),
        **_summarise_baseline(family, alpha, alpha_error, confidence_level),
        **summarise_coefficients(
            coefficients, error, naive_error, ratio="ratio", confidence_level=confidence_level
        ),
    )


def _summarise_baseline(
    family: HazardFamily, alpha: FloatArray, alpha_error: FloatArray, confidence_level: float
) -> dict[str, FloatArray]:
    """Baseline hazard of each cell with its error and limits, which come from the link's scale."""
    quantile = normal_quantile(confidence_level)
    reach = np.outer([-quantile, quantile], alpha_error)
    slope = (family.baseline(alpha + 1e-6) - family.baseline(alpha - 1e-6)) / 2e-6
    with np.errstate(over="ignore"):  # An upper limit past the largest double is infinite.
        lower, upper = family.baseline(alpha + reach)
    columns = {
        "baseline": family.baseline(alpha),
        "baseline_error": slope * alpha_error,
        "baseline_ci_lower": lower,
        "baseline_ci_upper": upper,
    }
    return {name: as_read_only(values) for name, values in columns.items()}


def _refuse_empty_cells(rows: CellRows, labels: tuple[str, ...], family: HazardFamily) -> None:
    """Refuse cells whose intercept would be infinite."""
    n = rows.sum_by_cell(np.ones(len(rows.cell)))
    n_events = rows.sum_by_cell(rows.event.astype(np.float64))
    problems = []
    for what, is_bad in (
        ("nobody leaves", n_events == 0),
        ("everybody leaves", (n_events == n) & (n > 0) & (family.is_probability)),
    ):
        if is_bad.any():
            listed = ", ".join(np.array(labels)[is_bad][:5])
            problems.append(
                f"{what} in {int(is_bad.sum())} of {len(labels)} cells of time ({listed}); rule: "
                "each has an intercept of its own; fix: merge cells, or use a constant baseline"
            )
    if problems:
        raise EstimationError("Some baseline hazards cannot be estimated.", problems)
