"""Times counted anew from each customer's last change, with their ties kept."""

from __future__ import annotations

import numpy as np

from loyaltylab.survival.arrays import FloatArray

# Differences of equal lengths taken at different times differ by rounding, a few parts in 1e16
# of the times; R survival takes times this close, relative to their size, as tied too.
TIE_TOLERANCE = 1e-9


def reset_clock(
    start: FloatArray, stop: FloatArray, since: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Measure start and stop from ``since``; lengths that differ by rounding alone become equal.

    Parameters
    ----------
    start, stop, since : ndarray of float, shape (n,)

    Returns
    -------
    start, stop : ndarray of float, shape (n,)

    Examples
    --------
    >>> since = np.array([0.2, 0.7])
    >>> length = reset_clock(since, np.array([0.3, 0.8]), since)[1]
    >>> bool(length[0] == length[1])
    True
    """
    both = np.concatenate([start - since, stop - since])
    distinct, position = np.unique(both, return_inverse=True)
    size = float(np.max(np.abs(stop), initial=0.0))
    is_new = np.concatenate([[True], np.diff(distinct) > TIE_TOLERANCE * size])
    snapped = distinct[is_new][np.cumsum(is_new) - 1][position]
    return snapped[: len(start)], snapped[len(start) :]
