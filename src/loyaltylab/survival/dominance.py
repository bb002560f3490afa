"""Weighted counts of earlier positions with smaller values, for many questions at once."""

from __future__ import annotations

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray


def sum_weights_below(
    rank: IntArray, weights: FloatArray, first: IntArray, end: IntArray, threshold: IntArray
) -> FloatArray:
    """Sum the weights at positions first ... end - 1 whose rank is below a threshold.

    Bit by bit from the highest, the sequence is parted in two and every question follows its
    half (a wavelet matrix): time grows with (n + q) log n, memory with n + q.

    Parameters
    ----------
    rank : ndarray of int, shape (n,)
        Not negative.
    weights : ndarray of float, shape (n,)
    first, end, threshold : ndarray of int, shape (q,)
        Positions from 0; nothing where ``end <= first``.

    Returns
    -------
    ndarray of float, shape (q,)

    Source
    ------
    Claude and Navarro (2012), The wavelet matrix.
    """
    total = np.zeros(len(first))
    low, high = first, np.maximum(end, first)
    top = max(int(rank.max(initial=0)), int(threshold.max(initial=0)))
    for bit in range(top.bit_length() - 1, -1, -1):
        is_one = (rank >> bit) & 1 == 1
        n_zeros = np.concatenate([[0], np.cumsum(~is_one)])
        mass = np.concatenate([[0.0], np.cumsum(np.where(is_one, 0.0, weights))])
        asks_one = (threshold >> bit) & 1 == 1
        total += np.where(asks_one, mass[high] - mass[low], 0.0)
        zeros_low, zeros_high = n_zeros[low], n_zeros[high]
        low = np.where(asks_one, n_zeros[-1] + low - zeros_low, zeros_low)
        high = np.where(asks_one, n_zeros[-1] + high - zeros_high, zeros_high)
        order = np.concatenate([np.flatnonzero(~is_one), np.flatnonzero(is_one)])
        rank, weights = rank[order], weights[order]
    return total
