"""Cox proportional hazards on (start, stop] rows: Efron ties, strata, weights, clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.covariate_checks import (
    find_covariate_problems,
    may_repeat_each_other,
    refuse_collinear,
)
from loyaltylab.survival.cox_kernels import weighted_gram
from loyaltylab.survival.cox_likelihood import (
    CoxDesign,
    RiskMoments,
    build_scaled_design,
    sum_row_scores,
)
from loyaltylab.survival.cox_newton import Maximum, maximise, solve_information
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

EVENTS_PER_COVARIATE = 10
FEW_CLUSTERS = 30


@dataclass(frozen=True, eq=False)
class CoxState:
    """What later checks of a fit need: the rows, the scaling and the fitted risk sums."""

    process: CountingProcess = field(repr=False)
    design: CoxDesign = field(repr=False)
    moments: RiskMoments = field(repr=False)
    information: FloatArray = field(repr=False)
    centre: FloatArray
    scale: FloatArray


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
        Log partial likelihood at the estimate and at 0.
    n_rows, n_events, n_clusters : int
    iterations : int
        Newton steps.
    method : str
    caveats : tuple of str
    state : CoxState
        For :func:`check_proportional_hazards`.
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
    n_rows: int
    n_events: int
    n_clusters: int
    iterations: int
    method: str
    caveats: tuple[str, ...]
    state: CoxState = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the fit, one line per covariate (the index)."""
        columns = ["coefficients", "standard_error", "naive_standard_error", "hazard_ratio"]
        columns += ["ci_lower", "ci_upper", "z", "p_value"]
        frame = pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})
        frame = frame.rename(columns={"coefficients": "coefficient"})
        return frame.set_axis(pd.Index(self.names, name="covariate"), axis="index")

    def cumulative_hazard(self, reference: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Cumulative hazard and retention of a customer with given, constant covariates.

        Parameters
        ----------
        reference : mapping of str to float, optional
            Value of every covariate; default all 0.

        Returns
        -------
        DataFrame
            Columns stratum, time, cumulative_hazard, retention = exp(-cumulative_hazard), one
            line per event time. The increments are Efron's, to match the coefficients.

        Raises
        ------
        EstimationError
            If ``reference`` does not name exactly the covariates of the fit.

        Source
        ------
        ``basehaz(fit, centered = FALSE)`` and ``survfit(coxph)`` of R survival.
        """
        given = dict.fromkeys(self.names, 0.0) if reference is None else dict(reference)
        if set(given) != set(self.names):
            raise EstimationError(
                f"reference names {sorted(given)}; rule: exactly the covariates "
                f"{sorted(self.names)}; fix: give each a value"
            )
        state = self.state
        distance = np.array([given[name] for name in self.names]) - state.centre
        increments = state.moments.inverse[0] * np.exp(distance @ self.coefficients)
        frame = pd.DataFrame(
            {
                "stratum": np.array(state.process.strata)[state.design.stratum],
                "time": state.design.time,
                "cumulative_hazard": increments,
            }
        )
        hazard = frame["cumulative_hazard"].groupby(state.design.stratum).cumsum()
        return frame.assign(cumulative_hazard=hazard, retention=np.exp(-hazard))


def fit_cox(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model by Efron's partial likelihood.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]: at risk at t if and only if start < t <= stop.
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
        Numbers or booleans, matched to the rows by position.
    cluster : array-like, shape (n,), optional
        Independent unit of each row, usually the customer.
    strata : array-like, shape (n,), optional
        Each stratum has a baseline hazard of its own.
    weights : array-like of float, shape (n,), optional
        Not negative. With weights the error is robust.
    confidence_level : float

    Returns
    -------
    CoxFit

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows and covariates; if columns are collinear or
        carry no information; if the likelihood has no maximum.

    Source
    ------
    Efron (1977); Lin and Wei (1989); ``coxph(..., ties = "efron", cluster=)`` of R survival.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1], x)
    >>> fit.hazard_ratio.shape
    (1,)
    """
    quantile = normal_quantile(confidence_level)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        strata=strata,
        requires_events=True,
        further_problems=find_covariate_problems(covariates, len(pd.Series(stop))),
    )
    kept = covariates.loc[process.kept] if not process.kept.all() else covariates
    design, centre, scale = build_scaled_design(process, kept.to_numpy(dtype=np.float64))
    if may_repeat_each_other(design.x, centre, scale):
        refuse_collinear(kept)
    names = tuple(str(name) for name in covariates.columns)
    maximum = maximise(design, names)
    state = CoxState(process, design, maximum.moments, maximum.information, centre, scale)
    return _summarise(names, state, maximum, confidence_level, quantile)


def _summarise(
    names: tuple[str, ...],
    state: CoxState,
    maximum: Maximum,
    confidence_level: float,
    quantile: float,
) -> CoxFit:
    process, unscale = state.process, np.outer(state.scale, state.scale)
    coefficients = maximum.beta / state.scale
    naive = solve_information(maximum.information, np.eye(len(names))) / unscale
    is_robust = process.is_clustered or process.is_weighted
    covariance = _robust_covariance(state) / unscale if is_robust else naive
    error = np.sqrt(np.diag(covariance))
    z = coefficients / error
    with np.errstate(over="ignore"):  # An upper limit past the largest double is infinite.
        ci_lower = np.exp(coefficients - quantile * error)
        ci_upper = np.exp(coefficients + quantile * error)
    return CoxFit(
        names=names,
        coefficients=as_read_only(coefficients),
        standard_error=as_read_only(error),
        naive_standard_error=as_read_only(np.sqrt(np.diag(naive))),
        hazard_ratio=as_read_only(np.exp(coefficients)),
        ci_lower=as_read_only(ci_lower),
        ci_upper=as_read_only(ci_upper),
        confidence_level=confidence_level,
        z=as_read_only(z),
        p_value=as_read_only(two_sided_p_value(z)),
        covariance=as_read_only(covariance),
        log_likelihood=maximum.moments.log_likelihood,
        log_likelihood_null=maximum.log_likelihood_null,
        n_rows=process.n_rows,
        n_events=process.n_events,
        n_clusters=process.n_clusters,
        iterations=maximum.iterations,
        method=_describe_method(process),
        caveats=_find_caveats(process, len(names)),
        state=state,
    )


def _robust_covariance(state: CoxState) -> FloatArray:
    """Lin and Wei's sandwich on the scaled covariates, scores summed within clusters."""
    design = state.design
    cluster = state.process.cluster[design.row]
    scores = sum_row_scores(design, state.moments, cluster, state.process.n_clusters)
    spread = weighted_gram(scores, np.ones(len(scores)))
    half = solve_information(state.information, spread)
    return solve_information(state.information, half.T)


def _describe_method(process: CountingProcess) -> str:
    if process.is_clustered:
        return "Cox, Efron ties, robust error by cluster"
    if process.is_weighted:
        return "Cox, Efron ties, robust error by row"
    return "Cox, Efron ties, error from the information"


def _find_caveats(process: CountingProcess, p: int) -> tuple[str, ...]:
    caveats = []
    if process.n_events < EVENTS_PER_COVARIATE * p:
        caveats.append(
            f"{process.n_events} events for {p} covariates: below {EVENTS_PER_COVARIATE} events "
            "per covariate hazard ratios are biased away from 1 and intervals too short."
        )
    if process.is_clustered and process.n_clusters < FEW_CLUSTERS:
        caveats.append(
            f"{process.n_clusters} clusters: below {FEW_CLUSTERS} robust errors are too small."
        )
    if process.is_weighted and not process.is_clustered:
        caveats.append(
            "Weights without clusters: every row counts as an independent unit; pass cluster= "
            "if a customer has several rows."
        )
    return tuple(caveats)
