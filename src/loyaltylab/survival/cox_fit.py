"""A fitted Cox model: its numbers, and the hazard and retention it implies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.covariate_checks import read_reference
from loyaltylab.survival.cox_curves import HazardPath, trace_hazards
from loyaltylab.survival.cox_state import CoxState
from loyaltylab.survival.intervals import log_log_interval
from loyaltylab.survival.wald import name_error, tabulate_coefficients


@dataclass(frozen=True, eq=False)
class CoxFit:
    """A fitted Cox model.

    Attributes
    ----------
    names : tuple of str, length p
    coefficients : ndarray of float, shape (p,)
        Log hazard ratios per unit of each covariate.
    standard_error : ndarray of float, shape (p,)
        Of the coefficients: robust, summed within clusters when they are given and within rows
        when only weights are; else from the information.
    naive_standard_error : ndarray of float, shape (p,)
        From the information, as if all rows were independent.
    hazard_ratio, ci_lower, ci_upper : ndarray of float, shape (p,)
        Hazard ratios and their interval.
    confidence_level : float
    z, p_value : ndarray of float, shape (p,)
        Wald test that the hazard ratio is 1.
    covariance : ndarray of float, shape (p, p)
        The one ``standard_error`` comes from.
    log_likelihood, log_likelihood_null : float
        Log partial likelihood at the estimate and at 0, without the penalty.
    ridge : ndarray of float, shape (p,)
        Penalty on each coefficient, 0 for none.
    log_likelihood_penalised : float
        ``log_likelihood`` minus half the sum of ridge times squared coefficients.
    effective_df : float
        Trace of the information times the inverse of the penalised one; p without a penalty.
    n_rows, n_events, n_clusters : int
    iterations : int
        Newton steps.
    error_unit : str
        Whose contributions a robust error sums: "cluster", "customer" or "row"; empty for errors
        from the information.
    method : str
    caveats : tuple of str
    state : CoxState
        For residuals, curves and :func:`check_proportional_hazards`.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    standard_error: FloatArray
    naive_standard_error: FloatArray
    hazard_ratio: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    confidence_level: float
    z: FloatArray
    p_value: FloatArray
    covariance: FloatArray
    log_likelihood: float
    log_likelihood_null: float
    ridge: FloatArray
    log_likelihood_penalised: float
    effective_df: float
    n_rows: int
    n_events: int
    n_clusters: int
    iterations: int
    error_unit: str
    method: str
    caveats: tuple[str, ...]
    state: CoxState = field(repr=False)

    @property
    def is_clustered(self) -> bool:
        """Whether errors are summed within customers or other clusters of rows."""
        return self.error_unit in ("cluster", "customer")

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the fit, one line per covariate (the index)."""
        return tabulate_coefficients(self, self.names, ratio="hazard_ratio")

    def cumulative_hazard(
        self, reference: Mapping[str, float] | None = None, *, offset: float = 0.0
    ) -> pd.DataFrame:
        """Cumulative hazard and retention of a customer with given, constant covariates.

        Parameters
        ----------
        reference : mapping of str to float, optional
            Value of every covariate; default all 0.
        offset : float
            Known part of the log risk of that customer.

        Returns
        -------
        DataFrame
            One line per event time: stratum, time, cumulative_hazard with its
            cumulative_hazard_error, and retention = exp(-cumulative_hazard) with its
            standard_error, ci_lower and ci_upper (log-log, at the level of the fit). The
            increments are Efron's, to match the coefficients; the errors hold the
            uncertainty of the coefficients, and are robust where those of the fit are.

        Raises
        ------
        EstimationError
            If ``reference`` does not name exactly the covariates of the fit.

        Source
        ------
        ``basehaz(fit, centered = FALSE)`` and ``survfit(coxph)`` of R survival.
        """
        given = read_reference(self.names, reference)
        state = self.state
        x = (np.array(list(given.values())) - state.centre) / state.scale
        paths = []
        for stratum in np.unique(state.design.stratum):
            index = np.flatnonzero(state.design.stratum == stratum)
            known = np.full(len(index), offset - state.offset_centre)
            paths.append(HazardPath(index, np.broadcast_to(x, (len(index), len(x))), known))
        traced = trace_hazards(state, paths)
        hazard = np.concatenate([pair[0] for pair in traced])
        error = np.sqrt(np.concatenate([pair[1] for pair in traced]))
        frame = pd.DataFrame(
            {
                "stratum": np.array(state.process.strata)[state.design.stratum],
                "time": state.design.time,
            }
        )
        return frame.assign(**tabulate_hazard(hazard, error, self.confidence_level))


def describe_method(error_unit: str, *, is_penalised: bool) -> str:
    """Name the model and its standard error."""
    method = "Cox, Efron ties, ridge penalty" if is_penalised else "Cox, Efron ties"
    return f"{method}, {name_error(error_unit)}"


def name_error_unit(fit: CoxFit, error_unit: str) -> CoxFit:
    """Say of a fit whose clusters are customers, or rows cut in pieces, what they are."""
    method = describe_method(error_unit, is_penalised=bool(np.any(fit.ridge > 0)))
    return replace(fit, error_unit=error_unit, method=method)


def tabulate_hazard(
    hazard: FloatArray, error: FloatArray, confidence_level: float
) -> dict[str, FloatArray]:
    """Columns of a curve: hazard and retention with their errors, and the log-log interval."""
    retention = np.exp(-hazard)
    lower, upper = log_log_interval(retention, retention * error, confidence_level)
    return {
        "cumulative_hazard": hazard,
        "cumulative_hazard_error": error,
        "retention": retention,
        "standard_error": retention * error,
        "ci_lower": lower,
        "ci_upper": upper,
    }
