"""Interval on the log scale, for quantities above 0 without an upper limit."""

from __future__ import annotations

import numpy as np

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import normal_quantile


def log_interval(
    value: FloatArray, standard_error: FloatArray, confidence_level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval from log(value), which stays above 0; NaN where the value is 0.

    Source: ``conf.type = "log"`` of R survival.
    """
    inside = np.where(value > 0, value, np.nan)
    factor = np.exp(normal_quantile(confidence_level) * standard_error / inside)
    return inside / factor, inside * factor
