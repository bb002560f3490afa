"""Cox models in which the effect of one covariate changes with time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.covariate_checks import find_covariate_problems, read_offset
from loyaltylab.survival.cox import fit_cox
from loyaltylab.survival.cox_fit import CoxFit, name_error_unit
from loyaltylab.survival.intervals import chi_square_p_value, normal_quantile
from loyaltylab.survival.row_splitting import cut_intervals, read_cuts
from loyaltylab.survival.step_functions import check_times
from loyaltylab.survival.time_functions import KNOT_SHARES, place_knots, time_basis
from loyaltylab.survival.unit_caveats import find_unit_caveats

EFFECTS = ("linear", "log", "spline", "step")


@dataclass(frozen=True, eq=False)
class TimeEffectFit:
    """A Cox model with log hazard ratio b0 + b1 g1(t) + ... of one covariate.

    Attributes
    ----------
    covariate, effect : str
    knots : ndarray of float
        Knots of the spline or cuts of the steps; empty for a linear or log effect.
    fit : CoxFit
        On the rows cut for the effect: ``covariate`` carries b0, ``covariate:g1`` ... the rest.
    constancy_statistic : float
        Chi-square of the Wald test that the effect does not change.
    constancy_degrees_of_freedom : int
    constancy_p_value : float
    first_event, last_event : float
        Times between which the effect is known.
    """

    covariate: str
    effect: str
    knots: FloatArray
    fit: CoxFit = field(repr=False)
    constancy_statistic: float
    constancy_degrees_of_freedom: int
    constancy_p_value: float
    first_event: float
    last_event: float

    def hazard_ratio_at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Hazard ratio per unit of the covariate at given times, with pointwise intervals.

        Returns
        -------
        DataFrame
            Columns time, log_hazard_ratio, standard_error (of the log), hazard_ratio, ci_lower,
            ci_upper, at the level of the fit.

        Raises
        ------
        EstimationError
            If a time is before the first or after the last event.
        """
        asked = check_times(times)
        if np.any((asked < self.first_event) | (asked > self.last_event)):
            raise EstimationError(
                f"times run from {asked.min():g} to {asked.max():g}; rule: between the first event "
                f"({self.first_event:g}) and the last ({self.last_event:g}); fix: ask for those"
            )
        basis = np.column_stack([np.ones(len(asked)), time_basis(asked, self.effect, self.knots)])
        terms = _find_terms(self.fit, self.covariate)
        log_ratio = basis @ self.fit.coefficients[terms]
        covariance = self.fit.covariance[np.ix_(terms, terms)]
        error = np.sqrt(np.sum((basis @ covariance) * basis, axis=1))
        half_width = normal_quantile(self.fit.confidence_level) * error
        return pd.DataFrame(
            {
                "time": asked,
                "log_hazard_ratio": log_ratio,
                "standard_error": error,
                "hazard_ratio": np.exp(log_ratio),
                "ci_lower": np.exp(log_ratio - half_width),
                "ci_upper": np.exp(log_ratio + half_width),
            }
        )


def fit_cox_with_time_effect(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    covariate: str,
    effect: str = "log",
    knots: int = 4,
    cuts: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    max_rows: int = 5_000_000,
) -> TimeEffectFit:
    """Fit a Cox model in which one covariate's effect is a function of time.

    A smooth effect differs at every event time, so each row is cut at all event times it is at
    risk at; a step effect needs cuts at the steps alone.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop].
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
    covariate : str
        The one whose effect changes.
    effect : {"log", "linear", "spline", "step"}
        g(t): log t; t; a restricted cubic spline of t; an indicator of t past each cut.
    knots : {3, 4, 5}
        Of the spline, at quantiles of the event times.
    cuts : array-like of float, optional
        Of the steps.
    cluster, strata, weights, offset, confidence_level
        As in :func:`fit_cox`. With weights and no clusters the rows given are the units.
    max_rows : int
        Most rows the cut data may have.

    Returns
    -------
    TimeEffectFit

    Raises
    ------
    EstimationError
        As :func:`fit_cox`; also if the cut data would be too large.

    Source
    ------
    Cox (1972); ``coxph(... + tt(x))`` and ``survSplit`` of R survival; Harrell (2015), section
    2.4.5, for the spline.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1, 1, 0]})
    >>> rows = [0] * 8, [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 0, 1, 1, 1, 1, 0]
    >>> found = fit_cox_with_time_effect(*rows, x, covariate="calls", effect="step", cuts=[4])
    >>> found.fit.names
    ('calls', 'calls:g1')
    """
    problems = find_covariate_problems(covariates, len(pd.Series(stop)))
    known = read_offset(offset, len(pd.Series(stop)), problems)
    names = [str(name) for name in covariates.columns]
    edges = _check_effect(covariate, names, effect, knots, cuts, problems)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        strata=strata,
        requires_events=True,
        further_problems=problems,
    )
    event_times = np.unique(process.stop[process.event])
    if effect == "spline":
        edges = place_knots(process.stop[process.event], knots)
    row, piece_start, piece_stop = _cut(process, effect, edges, event_times, max_rows)
    kept = np.flatnonzero(process.kept)[row]
    values = covariates.iloc[kept].reset_index(drop=True).set_axis(names, axis="columns")
    basis = time_basis(piece_stop, effect, edges)
    for j in range(basis.shape[1]):
        values[f"{covariate}:g{j + 1}"] = values[covariate].to_numpy() * basis[:, j]
    fit = fit_cox(
        piece_start,
        piece_stop,
        process.event[row] & (piece_stop == process.stop[row]),
        values,
        cluster=process.cluster[row] if process.is_robust else None,
        strata=_label_strata(process, row),
        weights=process.weights[row] if process.is_weighted else None,
        offset=None if offset is None else known[kept],
        confidence_level=confidence_level,
    )
    return _summarise(_name_units(fit, process), covariate, effect, edges, event_times)


def _name_units(fit: CoxFit, process: CountingProcess) -> CoxFit:
    """Count and name the units of the rows given, not of the pieces they were cut into."""
    in_pieces = find_unit_caveats(fit.state.process)
    caveats = (text for text in fit.caveats if text not in in_pieces)
    return replace(
        name_error_unit(fit, process.error_unit),
        n_clusters=process.n_clusters,
        caveats=(*find_unit_caveats(process), *caveats),
    )


def _label_strata(process: CountingProcess, row: IntArray) -> npt.ArrayLike | None:
    if len(process.strata) == 1:
        return None
    return np.array(process.strata, dtype=object)[process.stratum[row]]


def _summarise(
    fit: CoxFit, covariate: str, effect: str, edges: FloatArray, event_times: FloatArray
) -> TimeEffectFit:
    changes = _find_terms(fit, covariate)[1:]
    gamma = fit.coefficients[changes]
    covariance = fit.covariance[np.ix_(changes, changes)]
    size = np.sqrt(np.diag(covariance))
    scaled = gamma / size
    statistic = float(scaled @ np.linalg.solve(covariance / np.outer(size, size), scaled))
    return TimeEffectFit(
        covariate=covariate,
        effect=effect,
        knots=as_read_only(edges),
        fit=fit,
        constancy_statistic=statistic,
        constancy_degrees_of_freedom=len(changes),
        constancy_p_value=float(chi_square_p_value(statistic, len(changes))),
        first_event=float(event_times[0]),
        last_event=float(event_times[-1]),
    )


def _check_effect(
    covariate: str,
    names: list[str],
    effect: str,
    knots: int,
    cuts: npt.ArrayLike | None,
    problems: list[str],
) -> FloatArray:
    if covariate not in names:
        problems.append(f"covariate {covariate!r} is not among {names}; fix: name one of them")
    if effect not in EFFECTS:
        problems.append(f"effect is {effect!r}; rule: one of {list(EFFECTS)}")
    if effect == "spline" and knots not in KNOT_SHARES:
        problems.append(f"knots is {knots!r}; rule: one of {list(KNOT_SHARES)}")
    if (effect == "step") != (cuts is not None):
        problems.append("cuts belong to effect='step', and that to cuts; fix: give both or neither")
    return np.empty(0) if cuts is None else read_cuts(cuts, problems)


def _cut(
    process: CountingProcess,
    effect: str,
    edges: FloatArray,
    event_times: FloatArray,
    max_rows: int,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Row, start and stop of each piece; pieces without an event time carry nothing."""
    cuts = edges if effect == "step" else event_times
    first = np.searchsorted(cuts, process.start, side="right")
    last = np.searchsorted(cuts, process.stop, side="left")
    n_pieces = int(np.sum(last - first + 1))
    if n_pieces > max_rows:
        raise EstimationError(
            f"Cutting {process.n_rows} rows at {len(cuts)} times makes {n_pieces} rows, more than "
            f"max_rows = {max_rows}; rule: the cut data must fit in memory; fix: use "
            "effect='step', round times to weeks or months, or raise max_rows"
        )
    row, start, stop, _ = cut_intervals(process.start, process.stop, cuts)
    if effect != "step":
        meets = event_times[np.minimum(np.searchsorted(event_times, stop), len(event_times) - 1)]
        row, start, stop = (part[meets == stop] for part in (row, start, stop))
    return row, start, stop


def _find_terms(fit: CoxFit, covariate: str) -> list[int]:
    """Positions of the covariate and of its products with time."""
    own = [fit.names.index(covariate)]
    return own + [j for j, name in enumerate(fit.names) if name.startswith(f"{covariate}:g")]
