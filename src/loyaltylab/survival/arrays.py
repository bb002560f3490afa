"""Array types shared by the estimators, and the lock that keeps results from being edited."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def as_read_only(values: npt.ArrayLike) -> FloatArray:
    """Copy to a float array that refuses to be written to."""
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def as_read_only_counts(values: npt.ArrayLike) -> IntArray:
    """Copy to an integer array that refuses to be written to."""
    copy = np.array(values, dtype=np.int64)
    copy.flags.writeable = False
    return copy
