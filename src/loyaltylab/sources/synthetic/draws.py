"""Uniform draws that depend only on the seed, the process, the day and the customer.

A customer's draw for a process on a day is the same in every world: a changed policy changes
what a draw leads to, never the draw itself, nor anybody else's draws (common random numbers).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
ONCE = -(2**20)  # the "day" of draws made once per customer, before any simulated day
_DAY_ORIGIN = 2**21  # counters are unsigned, days before the window are negative


class Draws:
    """A counter-based source of randomness: Philox keyed by (seed, stream), counter = day.

    Parameters
    ----------
    seed : int
        Seed of the world.
    n_customers : int
        Length of every block. Customer ``i`` always gets the ``i``-th draw, so a longer block
        leaves the earlier customers' draws as they were.

    Notes
    -----
    Source: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3.
    Only raw 64-bit words are taken from numpy: its bit streams are frozen, its
    distributions are not.
    """

    def __init__(self, seed: int, *, n_customers: int) -> None:
        self._seed = seed
        self._n_customers = n_customers
        self._keys: dict[str, NDArray[np.uint64]] = {}

    def uniform(self, stream: str, *, day: int = ONCE) -> Floats:
        """One number in (0, 1) per customer, shape (n_customers,)."""
        counter = np.array([0, 0, _DAY_ORIGIN + day, 0], dtype=np.uint64)
        words = np.random.Philox(key=self._key(stream), counter=counter)
        raw = np.asarray(words.random_raw(self._n_customers), dtype=np.uint64)
        return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, stream: str, *, day: int = ONCE) -> Floats:
        """One standard normal number per customer, by inversion."""
        return normal_quantile(self.uniform(stream, day=day))

    def _key(self, stream: str) -> NDArray[np.uint64]:
        if stream not in self._keys:
            digest = hashlib.sha256(f"{self._seed}/{stream}".encode()).digest()
            self._keys[stream] = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
        return self._keys[stream]


def normal_quantile(uniform: Floats) -> Floats:
    """Standard normal quantiles of numbers in (0, 1)."""
    return np.asarray(ndtri(uniform), dtype=np.float64)


def lognormal_quantile(uniform: Floats, *, median: float, sigma: float) -> Floats:
    """Lognormal quantiles with the given median and log standard deviation."""
    return np.asarray(median * np.exp(sigma * normal_quantile(uniform)), dtype=np.float64)


def pick(uniform: Floats, shares: tuple[float, ...]) -> NDArray[np.int64]:
    """Which of several options each number falls on; the last takes what the shares leave."""
    return np.searchsorted(np.cumsum(shares)[:-1], uniform, side="right").astype(np.int64)
