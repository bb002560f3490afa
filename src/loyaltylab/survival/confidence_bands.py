"""Simultaneous bands: limits that hold the whole retention curve, not one point of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.band_critical_values import BAND_KINDS, band_critical_value
from loyaltylab.survival.curves import RetentionCurve

BAND_SCALES = ("log-log", "plain")
SMALL_RISK_SET = 10


@dataclass(frozen=True, eq=False)
class ConfidenceBand:
    """Limits between which the whole curve lies, from one time to another.

    Attributes
    ----------
    time : ndarray of float, shape (q,)
        ``start_time``, and the curve's times up to ``end_time``.
    retention, ci_lower, ci_upper : ndarray of float, shape (q,)
        From each time until the next.
    kind : {"equal-precision", "hall-wellner"}
    interval : {"log-log", "plain"}
        Scale of the limits.
    confidence_level : float
        Of the band as a whole.
    critical_value : float
    a_lower, a_upper : float
        The limits in time on the scale of the Brownian bridge.
    start_time, end_time : float
    n : int
        Customers, or other independent units.
    method : str
    caveats : tuple of str
    """

    time: FloatArray
    retention: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    kind: str
    interval: str
    confidence_level: float
    critical_value: float
    a_lower: float
    a_upper: float
    start_time: float
    end_time: float
    n: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the band: time, retention, ci_lower, ci_upper."""
        columns = ["time", "retention", "ci_lower", "ci_upper"]
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})


def confidence_band(
    curve: RetentionCurve,
    *,
    kind: str = "equal-precision",
    interval: str = "log-log",
    start_time: float | None = None,
    end_time: float | None = None,
    confidence_level: float = 0.95,
) -> ConfidenceBand:
    """Widen the limits of a curve until they hold all of it at once.

    Parameters
    ----------
    curve : RetentionCurve
        Of independent customers: without weights or clusters, one row per customer.
    kind : {"equal-precision", "hall-wellner"}
        Equal precision is as many standard errors wide everywhere; Hall and Wellner's is
        narrower in the middle and wider at early times.
    interval : {"log-log", "plain"}
        Scale of the limits; log-log stays between 0 and 1.
    start_time, end_time : float, optional
        Times between which the band holds, of the first event or later and while some are
        retained. Default from the first event to the last one that leaves somebody.
    confidence_level : float

    Returns
    -------
    ConfidenceBand

    Raises
    ------
    EstimationError
        If the curve has weights or clusters, whose error is no Brownian bridge (see
        :func:`multiplier_band`); if the limits hold fewer than two event times or go past the
        curve.

    Source
    ------
    Nair (1984), Hall and Wellner (1980); Klein and Moeschberger (2003), section 4.4;
    ``km.ci`` of R.

    Examples
    --------
    >>> from loyaltylab.survival.curves import kaplan_meier
    >>> band = confidence_band(kaplan_meier([0] * 5, [1, 2, 3, 4, 5], [1, 1, 1, 1, 0]))
    >>> (band.start_time, band.end_time)
    (1.0, 4.0)
    """
    _check_request(curve, kind, interval)
    lower, upper = find_limits(curve, start_time, end_time)
    held = np.flatnonzero((curve.time > lower) & (curve.time <= upper))
    held = np.concatenate([[np.searchsorted(curve.time, lower, side="right") - 1], held])
    spread = curve.n_rows * _sum_greenwood(curve)[held]
    bridge = spread / (1.0 + spread)
    critical = band_critical_value(
        kind, float(bridge[0]), float(bridge[-1]), confidence_level=confidence_level
    )
    width = np.sqrt(spread) if kind == "equal-precision" else 1.0 + spread
    relative = critical * width / math.sqrt(curve.n_rows)
    ci_lower, ci_upper = place_limits(curve.retention[held], relative, interval)
    return ConfidenceBand(
        time=as_read_only(np.concatenate([[lower], curve.time[held[1:]]])),
        retention=as_read_only(curve.retention[held]),
        ci_lower=as_read_only(ci_lower),
        ci_upper=as_read_only(ci_upper),
        kind=kind,
        interval=interval,
        confidence_level=confidence_level,
        critical_value=critical,
        a_lower=float(bridge[0]),
        a_upper=float(bridge[-1]),
        start_time=lower,
        end_time=upper,
        n=curve.n_rows,
        method=f"{kind} band from {lower:g} to {upper:g}, {interval} scale",
        caveats=curve.caveats + describe_thin_end(curve, held[-1]),
    )


def _check_request(curve: RetentionCurve, kind: str, interval: str) -> None:
    problems = []
    if kind not in BAND_KINDS:
        problems.append(f"unknown band {kind!r}; rule: one of {list(BAND_KINDS)}")
    if interval not in BAND_SCALES:
        problems.append(f"unknown interval {interval!r}; rule: one of {list(BAND_SCALES)}")
    if curve.has_robust_error:
        problems.append(
            f"the curve's error is {curve.method.split(', ')[-1]!r}; rule: a band follows from "
            "Greenwood's error of independent customers only; fix: multiplier_band, which takes "
            "the rows with their weights and clusters"
        )
    if problems:
        raise EstimationError("This curve has no such band.", problems)


def find_limits(
    curve: RetentionCurve, start_time: float | None, end_time: float | None
) -> tuple[float, float]:
    """Times between which the band holds; refuses those that the curve does not reach."""
    usable = curve.time[(curve.n_events > 0) & (curve.retention > 0)]
    if len(usable) < 2:
        raise EstimationError(
            f"{len(usable)} event times leave somebody retained; rule: a band spans at least two; "
            "fix: read the pointwise interval"
        )
    end_of_curve = float(curve.time[curve.retention > 0][-1])
    lower = float(usable[0]) if start_time is None else float(start_time)
    upper = float(usable[-1]) if end_time is None else float(end_time)
    problems = []
    if not lower >= usable[0]:
        problems.append(
            f"start_time {lower:g} is before the first event {usable[0]:g}; rule: there is no "
            "error to widen before it; fix: start there or later"
        )
    if not upper <= end_of_curve:
        problems.append(
            f"end_time {upper:g} is past {end_of_curve:g}, the last time with somebody retained "
            "and followed; rule: nothing is extrapolated; fix: end there or earlier"
        )
    if not problems and np.count_nonzero((usable > lower) & (usable <= upper)) == 0:
        problems.append(
            f"no event after start_time {lower:g} up to end_time {upper:g}; rule: a band spans "
            "at least two event times; fix: widen the limits"
        )
    if problems:
        raise EstimationError("The limits of the band do not suit the curve.", problems)
    return lower, upper


def _sum_greenwood(curve: RetentionCurve) -> FloatArray:
    staying = curve.n_at_risk - curve.n_events
    terms = np.divide(
        curve.n_events,
        curve.n_at_risk * staying.astype(np.float64),
        out=np.zeros(len(staying)),
        where=staying > 0,
    )
    return np.asarray(np.cumsum(terms))


def place_limits(
    retention: FloatArray, relative: FloatArray, interval: str
) -> tuple[FloatArray, FloatArray]:
    """Limits as many relative errors from retention, on the scale of the interval."""
    if interval == "plain":
        half_width = retention * relative
        return np.maximum(retention - half_width, 0.0), np.minimum(retention + half_width, 1.0)
    power = np.exp(relative / np.abs(np.log(retention)))
    return retention**power, retention ** (1 / power)


def describe_thin_end(curve: RetentionCurve, last: int) -> tuple[str, ...]:
    """Say that few are at risk where the band ends."""
    if curve.n_at_risk[last] >= SMALL_RISK_SET:
        return ()
    return (
        f"Only {curve.n_at_risk[last]} are at risk where the band ends: below {SMALL_RISK_SET} "
        "its level is rough; end it earlier.",
    )
