"""Share of customers with given covariates that leaves by a cause, from cause-specific models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.cause_specific import CauseSpecificCox
from loyaltylab.survival.cox_likelihood import compute_row_scores
from loyaltylab.survival.hazard_influence import (
    HazardChange,
    compute_hazard_influence,
    read_hazard,
)
from loyaltylab.survival.intervals import log_log_interval
from loyaltylab.survival.step_functions import check_times

# Below this total hazard (1 - exp(-h)) / h and its slope are read from their series, which then
# err by less than rounding does in the quotient.
SMALL_HAZARD = 1e-5


def absolute_risk(
    model: CauseSpecificCox,
    reference: Mapping[str, float],
    *,
    cause: str,
    times: npt.ArrayLike,
    stratum: str | None = None,
) -> pd.DataFrame:
    """Share of customers with given covariates that leaves by a cause before given times.

    The hazards of all causes are cumulated together: at each time of an exit the retention falls
    by the factor exp(-h) of the total hazard h, and the causes share the fall as they share h.
    The incidences and the retention then sum to one, whatever the covariates.

    Parameters
    ----------
    model : CauseSpecificCox
    reference : mapping of str to float
        Value of every covariate; constant over time.
    cause : str
    times : array-like of float, shape (q,)
        Not past the last follow-up.
    stratum : str, optional
        Which baseline hazards; needed if the model has strata.

    Returns
    -------
    DataFrame
        Columns time, cause, incidence, standard_error, ci_lower, ci_upper, retention, caveats
        (one text: those of the fits). The errors are the infinitesimal jackknife of coefficients
        and baselines together, summed within clusters (rows when none were given); the interval
        is log-log, NaN where the incidence is 0.

    Raises
    ------
    EstimationError
        If the cause, a covariate or the stratum is unknown, or a time is past the follow-up.

    Source
    ------
    Benichou and Gail (1990); ``survfit(coxph(Surv(start, stop, factor) ~ x, id=), newdata=)`` of
    R survival, whose curves have no errors.

    Examples
    --------
    >>> from loyaltylab.survival.cause_specific import cause_specific_cox
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> exits = ["price", "price", "moved", "moved", "", "price"]
    >>> model = cause_specific_cox([0] * 6, [1, 2, 3, 4, 5, 6], exits, x)
    >>> risk = absolute_risk(model, {"calls": 0.0}, cause="price", times=[2, 5])
    >>> list(risk.columns[:3])
    ['time', 'cause', 'incidence']
    """
    asked = check_times(times)
    number = _check_request(model, reference, cause, asked, stratum)
    parts = [read_hazard(model.fits[name], reference, number) for name in model.causes]
    time = np.unique(np.concatenate([part.time for part in parts]))
    hazards = np.zeros((len(time), len(parts)))
    for column, part in enumerate(parts):
        hazards[np.searchsorted(time, part.time), column] = part.increments
    target = model.causes.index(cause)
    curve = _accumulate(hazards, target)
    done = np.searchsorted(time, asked, side="right")
    slopes = np.stack([_find_slopes(curve, hazards, target, int(n)) for n in done], axis=2)
    influence = _sum_influence(model, parts, time, slopes)
    errors = np.sqrt(np.sum(influence**2, axis=0))
    incidence = np.concatenate([[0.0], curve.incidence])[done]
    lower, upper = log_log_interval(incidence, errors, model.confidence_level)
    return pd.DataFrame(
        {
            "time": asked,
            "cause": cause,
            "incidence": incidence,
            "standard_error": errors,
            "ci_lower": lower,
            "ci_upper": upper,
            "retention": np.concatenate([[1.0], curve.retention])[done],
            "caveats": " ".join(model.caveats),
        }
    )


@dataclass(frozen=True, eq=False)
class _Curve:
    """Retention and the incidence of one cause at the times of exits, shape (m,)."""

    retention: FloatArray
    retention_before: FloatArray
    incidence: FloatArray
    fall: FloatArray  # (1 - exp(-h)) / h of the total hazard h at each time
    fall_slope: FloatArray


def _accumulate(hazards: FloatArray, target: int) -> _Curve:
    total = hazards.sum(axis=1)
    retention = np.exp(-np.cumsum(total))
    before = np.concatenate([[1.0], retention[:-1]])
    is_small = total < SMALL_HAZARD
    safe = np.where(is_small, 1.0, total)
    fall = np.where(is_small, 1.0 - total / 2.0, -np.expm1(-safe) / safe)
    slope = ((safe + 1.0) * np.exp(-safe) - 1.0) / safe**2
    incidence = np.cumsum(before * fall * hazards[:, target])
    return _Curve(retention, before, incidence, fall, np.where(is_small, total / 3.0 - 0.5, slope))


def _find_slopes(curve: _Curve, hazards: FloatArray, target: int, n_done: int) -> FloatArray:
    """Derivative of the incidence after n_done times by each hazard increment, shape (m, k)."""
    slopes = np.zeros_like(hazards)
    if n_done == 0:
        return slopes
    now = slice(0, n_done)
    before, own = curve.retention_before[now], hazards[now, target]
    later = curve.incidence[n_done - 1] - curve.incidence[now]
    slopes[now] = (before * curve.fall_slope[now] * own - later)[:, None]
    slopes[now, target] += before * curve.fall[now]
    return slopes


def _sum_influence(
    model: CauseSpecificCox, parts: list[HazardChange], time: FloatArray, slopes: FloatArray
) -> FloatArray:
    """Derivative of the incidence at each time asked for, by cluster, over all causes."""
    total = []
    for column, (name, part) in enumerate(zip(model.causes, parts, strict=True)):
        state = model.fits[name].state
        own = slopes[np.searchsorted(time, part.time), column]
        scores = compute_row_scores(state.design, state.moments)
        total.append(compute_hazard_influence(state, part, own, scores))
    return np.asarray(np.sum(total, axis=0))


def _check_request(
    model: CauseSpecificCox,
    reference: Mapping[str, float],
    cause: str,
    asked: FloatArray,
    stratum: str | None,
) -> int:
    """Position of the stratum; raises with everything that is wrong with the request."""
    problems = []
    process = model.fits[model.causes[0]].state.process
    if cause not in model.causes:
        problems.append(f"unknown cause {cause!r}; the causes are {list(model.causes)}")
    if set(reference) != set(model.names):
        problems.append(
            f"reference names {sorted(reference)}; rule: exactly the covariates "
            f"{sorted(model.names)}; fix: give each a value"
        )
    chosen = "" if stratum is None else stratum
    if chosen not in process.strata:
        problems.append(f"stratum is {stratum!r}; choose one of {list(process.strata)}")
    position = process.strata.index(chosen) if chosen in process.strata else 0
    here = process.stop[process.stratum == position]
    last = float(here.max())
    if np.any(asked > last):
        problems.append(
            f"time {float(asked.max()):g} is past the last follow-up {last:g}; rule: no "
            "extrapolation; fix: ask for earlier times"
        )
    if problems:
        raise EstimationError("This risk cannot be given.", problems)
    return position
