"""Pointwise intervals of a retention curve on three scales."""

from __future__ import annotations

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import NEARLY_ONE, log_log_interval, normal_quantile

INTERVAL_KINDS = ("log-log", "log", "plain")


def check_interval_kind(interval: str) -> None:
    """Refuse a scale that does not exist."""
    if interval not in INTERVAL_KINDS:
        raise EstimationError(
            f"unknown interval {interval!r}; rule: one of {list(INTERVAL_KINDS)}; fix: leave it "
            "out for the log-log interval, which stays between 0 and 1"
        )


def compute_retention_interval(
    retention: FloatArray, standard_error: FloatArray, confidence_level: float, interval: str
) -> tuple[FloatArray, FloatArray]:
    """Interval of each share retained, on the scale asked for.

    NaN where retention is 0 or 1, as on every scale there is no error there. The log interval
    is cut at 1 and the plain one at 0 and 1.

    Source: ``conf.type`` of R ``survfit``.
    """
    check_interval_kind(interval)
    if interval == "log-log":
        return log_log_interval(retention, standard_error, confidence_level)
    is_inside = (retention > 0) & (retention < 1 - NEARLY_ONE)
    inside = np.where(is_inside, retention, np.nan)
    half_width = normal_quantile(confidence_level) * standard_error
    if interval == "plain":
        return np.maximum(inside - half_width, 0.0), np.minimum(inside + half_width, 1.0)
    factor = np.exp(half_width / inside)
    return inside / factor, np.minimum(inside * factor, 1.0)
