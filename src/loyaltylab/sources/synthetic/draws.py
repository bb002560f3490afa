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
Words = NDArray[np.uint64]
ONCE = -(2**20)  # the "day" of draws made once per customer, before any simulated day
_DAY_ORIGIN = 2**21  # counters are unsigned, days before the window are negative
_LANES = 4  # words a Philox counter yields
_DICE = "dice"  # the stream whose words are mixed for draws that few customers need


class Draws:
    """A counter-based source of randomness: Philox keyed by (seed, stream), counter = day.

    Parameters
    ----------
    seed : int
        Seed of the world.
    n_customers : int
        Length of every block. Customer ``i`` always gets the ``i``-th draw, so a longer block
        leaves the earlier customers' draws as they were.
    first : int
        Number of the block's first customer, a multiple of 4: a block of a larger population
        draws what it would draw in the whole.

    Notes
    -----
    Source: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3.
    Only raw 64-bit words are taken from numpy: its bit streams are frozen, its
    distributions are not. Processes that strike few customers a day take one word per customer
    and day and mix the process's key into it (Steele, Lea and Flood 2014, SplitMix64), which
    costs nothing for those who are not struck.
    """

    def __init__(self, seed: int, *, n_customers: int, first: int = 0) -> None:
        if first % _LANES:
            raise ValueError(f"first must be a multiple of {_LANES}, got {first}")
        self._seed = seed
        self._n_customers = n_customers
        self._first = first
        self._keys: dict[str, Words] = {}
        self._dice: tuple[int, Words] | None = None

    def uniform(self, stream: str, *, day: int = ONCE) -> Floats:
        """One number in (0, 1) per customer, shape (n_customers,)."""
        return _to_unit(self._words(stream, day=day))

    def uniform_for(self, stream: str, customers: NDArray[np.int64], *, day: int = ONCE) -> Floats:
        """One number in (0, 1) for each of a few customers, shape (n_few,)."""
        if self._dice is None or self._dice[0] != day:
            self._dice = (day, self._words(_DICE, day=day))
        return _to_unit(_mix(self._dice[1][customers] ^ self._key(stream)[0]))

    def normal(self, stream: str, *, day: int = ONCE) -> Floats:
        """One standard normal number per customer, by inversion."""
        return normal_quantile(self.uniform(stream, day=day))

    def _words(self, stream: str, *, day: int) -> Words:
        counter = np.array([self._first // _LANES, 0, _DAY_ORIGIN + day, 0], dtype=np.uint64)
        source = np.random.Philox(key=self._key(stream), counter=counter)
        return np.asarray(source.random_raw(self._n_customers), dtype=np.uint64)

    def _key(self, stream: str) -> Words:
        if stream not in self._keys:
            digest = hashlib.sha256(f"{self._seed}/{stream}".encode()).digest()
            self._keys[stream] = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
        return self._keys[stream]


def _to_unit(words: Words) -> Floats:
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _mix(words: Words) -> Words:
    """SplitMix64's finaliser: every bit of the result depends on every bit of the word."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def normal_quantile(uniform: Floats) -> Floats:
    """Standard normal quantiles of numbers in (0, 1)."""
    return np.asarray(ndtri(uniform), dtype=np.float64)


def lognormal_quantile(uniform: Floats, *, median: float | Floats, sigma: float) -> Floats:
    """Lognormal quantiles with the given median and log standard deviation."""
    return np.asarray(median * np.exp(sigma * normal_quantile(uniform)), dtype=np.float64)


def poisson_quantile(uniform: Floats, *, mean: float | Floats, most: int) -> NDArray[np.int64]:
    """Poisson quantiles, capped at ``most``; ``mean`` may differ by element."""
    below = np.exp(-np.asarray(mean, dtype=np.float64) * np.ones_like(uniform))
    term, count = below.copy(), np.zeros(uniform.shape, dtype=np.int64)
    for number in range(1, most + 1):
        count += uniform >= below
        term = term * mean / number
        below = below + term
    return count


def pick(uniform: Floats, shares: tuple[float, ...]) -> NDArray[np.int64]:
    """Which of several options each number falls on; the last takes what the shares leave."""
    return np.searchsorted(np.cumsum(shares)[:-1], uniform, side="right").astype(np.int64)


def logistic(logit: float | Floats) -> Floats:
    """The probability of a logit."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(logit, dtype=np.float64))))
