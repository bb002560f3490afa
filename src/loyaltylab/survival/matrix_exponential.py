"""Exponentials of many small matrices at once."""

from __future__ import annotations

import numpy as np

from loyaltylab.survival.arrays import FloatArray

# With matrices halved until their row sums are below 1/2, the terms left out of the series are
# below (1/2)^16 / 16! = 1e-18.
LARGEST_NORM = 0.5
N_TERMS = 15


def exponentiate(matrices: FloatArray) -> FloatArray:
    """Exponentiate a stack of matrices, by halving, Taylor's series and squaring.

    Parameters
    ----------
    matrices : ndarray of float, shape (m, k, k)

    Returns
    -------
    ndarray of float, shape (m, k, k)

    Examples
    --------
    >>> exponentiate(np.zeros((1, 2, 2)))[0].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    norm = float(np.abs(matrices).sum(axis=2).max(initial=0.0))
    n_halvings = max(0, int(np.ceil(np.log2(max(norm, LARGEST_NORM) / LARGEST_NORM))))
    small = matrices / 2.0**n_halvings
    one = np.broadcast_to(np.eye(matrices.shape[1]), matrices.shape)
    result = one.copy()
    for term in range(N_TERMS, 0, -1):  # Horner, from the smallest term
        result = one + small @ result / term
    for _ in range(n_halvings):
        result = result @ result
    return np.asarray(result)
