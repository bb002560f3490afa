"""Retention a Cox model predicts for customers whose covariates may change on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.covariate_paths import read_paths
from loyaltylab.survival.cox_curves import HazardPath, trace_hazards
from loyaltylab.survival.cox_fit import CoxFit, tabulate_hazard
from loyaltylab.survival.step_functions import check_times, read_step

CURVE_COLUMNS = (
    "cumulative_hazard",
    "cumulative_hazard_error",
    "retention",
    "standard_error",
    "ci_lower",
    "ci_upper",
)


@dataclass(frozen=True, eq=False)
class RetentionPrediction:
    """Predicted retention of c customers, each a step function over its own path.

    Attributes
    ----------
    customers : tuple of str, length c
        In the order of their labels; positions from 0 when none were given.
    entry, end : ndarray of float, shape (c,)
        Where each path starts and stops: retention is among those there at ``entry``.
    customer : tuple of str, length m
        Whose line it is; lines are by customer, then time.
    time : ndarray of float, shape (m,)
        Event times of the stratum that the path covers.
    cumulative_hazard, cumulative_hazard_error : ndarray of float, shape (m,)
        Since ``entry``.
    retention, standard_error, ci_lower, ci_upper : ndarray of float, shape (m,)
        exp(-cumulative_hazard) with its log-log interval.
    confidence_level : float
        That of the fit.
    method : str
    caveats : tuple of str
    """

    customers: tuple[str, ...]
    entry: FloatArray
    end: FloatArray
    customer: tuple[str, ...]
    time: FloatArray
    cumulative_hazard: FloatArray
    cumulative_hazard_error: FloatArray
    retention: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    confidence_level: float
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the curves, one line per customer and event time."""
        frame = pd.DataFrame({"customer": self.customer, "time": np.array(self.time)})
        return frame.assign(**{name: np.array(getattr(self, name)) for name in CURVE_COLUMNS})

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Read every curve at given times; NaN outside the customer's path.

        Returns
        -------
        DataFrame
            Columns customer, time, retention, standard_error, ci_lower, ci_upper.
        """
        asked = check_times(times)
        owner = np.array(self.customer)
        parts = []
        for code, label in enumerate(self.customers):
            own = owner == label
            outside = (asked < self.entry[code]) | (asked > self.end[code])
            columns = {
                name: read_step(getattr(self, name)[own], self.time[own], asked, initial, outside)
                for name, initial in zip(CURVE_COLUMNS[2:], (1.0, 0.0, np.nan, np.nan), strict=True)
            }
            parts.append(pd.DataFrame({"customer": label, "time": asked, **columns}))
        return pd.concat(parts, ignore_index=True)


def predict_retention(
    fit: CoxFit,
    covariates: pd.DataFrame,
    *,
    start: npt.ArrayLike | None = None,
    stop: npt.ArrayLike | None = None,
    customer: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
) -> RetentionPrediction:
    """Predict the retention curve of customers with given covariate paths.

    A path must be known beforehand: a covariate that only those who stay can have (a later
    contact, say) predicts nobody's retention.

    Parameters
    ----------
    fit : CoxFit
    covariates : DataFrame, shape (r, p)
        The covariates of the fit, in any column order.
    start, stop : array-like of float, shape (r,), optional
        Row (start, stop] over which the values hold. Without them every row is a customer with
        constant values, followed from 0 to the last follow-up of the stratum.
    customer : array-like, shape (r,), optional
        Whose row it is; with times and without labels all rows are one customer.
    stratum : label or array-like, shape (r,), optional
        Needed when the fit has strata; one per customer.
    offset : array-like of float, shape (r,), optional
        Known part of the log risk; default 0.

    Returns
    -------
    RetentionPrediction
        Errors hold the uncertainty of baseline and coefficients, and are robust where those
        of the fit are.

    Raises
    ------
    EstimationError
        With everything wrong: names, missing values, gaps or overlaps within a path, a path
        past the last follow-up, an unknown stratum.

    Source
    ------
    Tsiatis (1981); ``survfit(coxph, newdata =, id =, conf.type = "log-log")`` of R survival. Once
    a covariate has changed, R 3.5 computes the part of the error due to the coefficients as if
    the last value had always held; here it follows the path.

    Examples
    --------
    >>> from loyaltylab.survival.cox import fit_cox
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1], x)
    >>> path = pd.DataFrame({"calls": [0, 1]})
    >>> predict_retention(fit, path, start=[0, 3], stop=[3, 6]).time.tolist()
    [1.0, 2.0, 4.0, 6.0]
    """
    rows = read_paths(fit, covariates, start, stop, customer, stratum, offset)
    state = fit.state
    traced = trace_hazards(state, _walk(fit, rows))
    grouped = rows.groupby("customer", sort=False)
    labels = rows["label"].groupby(rows["customer"], sort=False).first()
    n_times = [len(hazard) for hazard, _ in traced]
    index = np.concatenate([path.index for path in _walk(fit, rows)])
    hazard = np.concatenate([pair[0] for pair in traced])
    error = np.sqrt(np.concatenate([pair[1] for pair in traced]))
    columns = tabulate_hazard(hazard, error, fit.confidence_level)
    return RetentionPrediction(
        customers=tuple(labels),
        entry=as_read_only(grouped["start"].first()),
        end=as_read_only(grouped["stop"].last()),
        customer=tuple(np.repeat(labels.to_numpy(dtype=object), n_times)),
        time=as_read_only(state.design.time[index]),
        confidence_level=fit.confidence_level,
        method=f"predicted by {fit.method}",
        caveats=(*fit.caveats, *_find_caveats(fit, rows)),
        **{name: as_read_only(values) for name, values in columns.items()},
    )


def _walk(fit: CoxFit, rows: pd.DataFrame) -> Iterator[HazardPath]:
    """Each customer's path over the event times of its stratum."""
    state = fit.state
    x = (rows[list(fit.names)].to_numpy(dtype=np.float64) - state.centre) / state.scale
    for _, part in rows.groupby("customer", sort=False):
        own = np.flatnonzero(state.design.stratum == part["stratum"].iloc[0])
        time = state.design.time[own]
        covered = (time > part["start"].iloc[0]) & (time <= part["stop"].iloc[-1])
        row = part.index.to_numpy()[np.searchsorted(part["stop"].to_numpy(), time[covered])]
        known = rows["offset"].to_numpy()[row] - state.offset_centre
        yield HazardPath(own[covered], x[row], known)


def _find_caveats(fit: CoxFit, rows: pd.DataFrame) -> list[str]:
    process = fit.state.process
    first = np.full(len(process.strata), np.inf)
    np.minimum.at(first, process.stratum, process.start)
    early = rows["start"].to_numpy() < first[rows["stratum"]]
    if not early.any():
        return []
    return [
        f"{int(early.sum())} paths start before anybody of their stratum is under observation "
        f"(from {first.min():g} on): no exit is counted until then."
    ]
