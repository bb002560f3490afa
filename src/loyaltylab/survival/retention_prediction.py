"""Retention a Cox model predicts for customers whose covariates may change on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.covariate_checks import find_covariate_problems, read_offset
from loyaltylab.survival.cox_curves import HazardPath, trace_hazards
from loyaltylab.survival.cox_fit import CoxFit, tabulate_hazard
from loyaltylab.survival.row_checks import describe_rows, read_labels, read_times
from loyaltylab.survival.step_functions import check_times, read_step

LENGTHS_DIFFER = "start, stop and covariates differ in length; rule: one value per row"
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
    rows = _read_paths(fit, covariates, start, stop, customer, stratum, offset)
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


def _read_paths(
    fit: CoxFit,
    covariates: pd.DataFrame,
    start: npt.ArrayLike | None,
    stop: npt.ArrayLike | None,
    customer: npt.ArrayLike | None,
    stratum: npt.ArrayLike | None,
    offset: npt.ArrayLike | None,
) -> pd.DataFrame:
    """Check the paths and put them in order: customer code, start, stop, stratum, values."""
    n = len(covariates)
    problems = find_covariate_problems(covariates, n)
    if n == 0:
        problems.append("no rows; rule: at least one customer")
    if set(map(str, covariates.columns)) != set(fit.names):
        problems.append(
            f"covariates are {sorted(map(str, covariates.columns))}; rule: exactly those of the "
            f"fit, {sorted(fit.names)}; fix: give each a column"
        )
    if (start is None) != (stop is None):
        problems.append("only one of start and stop is given; fix: give both or neither")
    known = read_offset(offset, n, problems)
    is_one_path = start is not None and customer is None
    own_code = np.zeros(n, dtype=np.int64) if is_one_path else np.arange(n)
    code, names = read_labels("customer", customer, own_code, problems)
    codes_of_strata = _read_stratum(fit, stratum, n, problems)
    _raise_if_any(problems)
    last = _last_follow_up(fit)[codes_of_strata]
    starts, stops = np.zeros(n), last
    if start is not None and stop is not None:
        starts, stops = read_times(start, stop, problems)
    _raise_if_any(problems if len(starts) == len(stops) == n else [*problems, LENGTHS_DIFFER])
    labels = np.array(names) if customer is not None else np.arange(n).astype(str)
    frame = covariates.reset_index(drop=True).set_axis(list(map(str, covariates.columns)), axis=1)
    rows = pd.DataFrame({name: frame[name].astype(np.float64) for name in fit.names})
    rows = rows.assign(customer=code, start=starts, stop=stops, offset=known)
    rows = rows.assign(stratum=codes_of_strata, last=last, label=labels[code])
    _raise_if_any(_find_path_problems(rows))
    return rows.sort_values(["customer", "start"], kind="stable").reset_index(drop=True)


def _read_stratum(
    fit: CoxFit, stratum: npt.ArrayLike | None, n: int, problems: list[str]
) -> npt.NDArray[np.int64]:
    strata = fit.state.process.strata
    default = np.zeros(n, dtype=np.int64)
    if stratum is None:
        if len(strata) > 1:
            problems.append(
                f"the fit has strata {list(strata)}; rule: a curve belongs to one; fix: pass "
                "stratum=, one for each customer"
            )
        return default
    given = pd.Series(np.asarray(stratum, dtype=object).ravel()).map(str)
    if len(given) not in (1, n):
        problems.append(f"stratum has {len(given)} values for {n} rows; rule: one each, or one")
        return default
    unknown = sorted(set(given) - set(strata))
    if unknown:
        problems.append(f"strata {unknown} are not in the fit, which has {list(strata)}")
        return default
    number = {label: code for code, label in enumerate(strata)}
    codes = given.map(number).to_numpy(dtype=np.int64)
    return np.broadcast_to(codes, n).copy() if len(codes) == 1 else codes


def _last_follow_up(fit: CoxFit) -> FloatArray:
    """Latest stop in each stratum."""
    process = fit.state.process
    last = np.full(len(process.strata), -np.inf)
    np.maximum.at(last, process.stratum, process.stop)
    return last


def _find_path_problems(rows: pd.DataFrame) -> list[str]:
    ordered = rows.sort_values(["customer", "start"], kind="stable")
    by_customer = ordered.groupby("customer", sort=False)
    previous = by_customer["stop"].shift()
    is_broken = (previous.notna() & (previous != ordered["start"])).sort_index().to_numpy()
    changes = (by_customer["stratum"].transform("nunique") > 1).sort_index().to_numpy()
    is_past = (rows["stop"] > rows["last"]).to_numpy()
    problems = []
    if is_broken.any():
        problems.append(
            f"a path has a gap or overlap before {describe_rows(is_broken)}; rule: each row of a "
            "customer starts where the one before stops; fix: give values for the whole path"
        )
    if changes.any():
        problems.append(f"a customer changes stratum in {describe_rows(changes)}; rule: one each")
    if is_past.any():
        problems.append(
            f"a path runs past the last follow-up of its stratum ({rows['last'].min():g}) in "
            f"{describe_rows(is_past)}; rule: nothing is extrapolated; fix: end it there"
        )
    return problems


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


def _raise_if_any(problems: list[str]) -> None:
    if problems:
        raise EstimationError("These paths have no predicted retention.", problems)
