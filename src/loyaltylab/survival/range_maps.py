"""Products of many small matrices over ranges of time, without inverses.

A step t of a multi-state process takes what a customer has done to the occupation so far, u,
and what it weighs in each state, y, to u B(t) - y D(t). The map over a range of steps is a pair
of the same form. B(t) is singular whenever a state empties, so a range cannot be had from two
prefixes; instead each range is cut once, at the largest power of two it straddles, into a
suffix and a prefix of neighbouring blocks. One doubling pass makes those of every block size:
time of the order of m log m, memory of the order of m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps u -> u B - y D, stacked.

    Attributes
    ----------
    carry : ndarray of float, shape (m, k, k)
        B.
    drift : ndarray of float, shape (m, k, k)
        D.
    """

    carry: FloatArray
    drift: FloatArray

    def __getitem__(self, index: IntArray | BoolArray | slice) -> Maps:
        """Select some of the maps."""
        return Maps(self.carry[index], self.drift[index])

    def then(self, later: Maps) -> Maps:
        """Follow each map by another."""
        return Maps(self.carry @ later.carry, self.drift @ later.carry + later.drift)

    def reshape(self, *shape: int) -> Maps:
        """Stack the maps along other leading axes."""
        k = self.carry.shape[-1]
        return Maps(self.carry.reshape(*shape, k, k), self.drift.reshape(*shape, k, k))


def compose_ranges(steps: Maps, first: IntArray, last: IntArray) -> Maps:
    """Compose the steps first ... last of each range; the identity where last < first.

    Parameters
    ----------
    steps : Maps, m of them
    first, last : ndarray of int, shape (r,)

    Returns
    -------
    Maps, r of them
    """
    m, k = steps.carry.shape[0], steps.carry.shape[-1]
    found = Maps(np.tile(np.eye(k), (len(first), 1, 1)), np.zeros((len(first), k, k)))
    single = first == last
    found.carry[single], found.drift[single] = (
        steps.carry[first[single]],
        steps.drift[first[single]],
    )
    size = 1 << max(m - 1, 1).bit_length()
    padding = Maps(np.tile(np.eye(k), (size - m, 1, 1)), np.zeros((size - m, k, k)))
    prefix = Maps(*map(np.concatenate, _pair(steps, padding)))
    suffix = prefix
    # The highest bit in which first and last differ is the block size that parts them.
    level = np.where(last > first, np.bitwise_xor(first, np.maximum(last, 0)), 0)
    level = np.frexp(level.astype(np.float64))[1] - 1
    for bit in range(int(level.max(initial=-1)) + 1):
        here = (level == bit) & ~single & (last > first)
        joined = suffix[first[here]].then(prefix[last[here]])
        found.carry[here], found.drift[here] = joined.carry, joined.drift
        prefix, suffix = _double(prefix, suffix, 1 << bit)
    return found


def _pair(one: Maps, other: Maps) -> tuple[tuple[FloatArray, FloatArray], ...]:
    return (one.carry, other.carry), (one.drift, other.drift)


def _double(prefix: Maps, suffix: Maps, width: int) -> tuple[Maps, Maps]:
    """Prefixes and suffixes within blocks of twice the width."""
    size = prefix.carry.shape[0]
    before, after = prefix.reshape(-1, 2, width), suffix.reshape(-1, 2, width)
    left = Maps(before.carry[:, 0, -1:], before.drift[:, 0, -1:])  # whole left blocks
    right = Maps(after.carry[:, 1, :1], after.drift[:, 1, :1])  # whole right blocks
    late = left.then(Maps(before.carry[:, 1], before.drift[:, 1]))
    early = Maps(after.carry[:, 0], after.drift[:, 0]).then(right)
    prefixes = [np.stack(p, axis=1) for p in zip(_halves(before, 0), _parts(late), strict=True)]
    suffixes = [np.stack(p, axis=1) for p in zip(_parts(early), _halves(after, 1), strict=True)]
    return Maps(*prefixes).reshape(size), Maps(*suffixes).reshape(size)


def _halves(maps: Maps, half: int) -> tuple[FloatArray, FloatArray]:
    return maps.carry[:, half], maps.drift[:, half]


def _parts(maps: Maps) -> tuple[FloatArray, FloatArray]:
    return maps.carry, maps.drift
