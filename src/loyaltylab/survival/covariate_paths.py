"""Covariates of customers over time, as a fitted Cox model is asked to follow them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.covariate_checks import find_covariate_problems, read_offset
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.row_checks import describe_rows, read_labels, read_times

LENGTHS_DIFFER = "start, stop and covariates differ in length; rule: one value per row"


def read_paths(
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


def _raise_if_any(problems: list[str]) -> None:
    if problems:
        raise EstimationError("These paths have no predicted retention.", problems)
