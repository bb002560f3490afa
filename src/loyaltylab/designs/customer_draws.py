"""Draws of customers for a bootstrap, each from its own stream, computed once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

Analysis = Callable[[FloatArray], Mapping[str, float]]
# What a replicate gave: its numbers, or why it has none.
Outcome = dict[str, float] | str


@dataclass(frozen=True)
class Draw:
    """What decides one replicate.

    Attributes
    ----------
    seed, number, n_customers : int
    scheme : str
        "multinomial", "poisson", or "leave out".
    n_groups : int
    """

    seed: int
    number: int
    n_customers: int
    scheme: str
    n_groups: int

    def weights(self) -> FloatArray:
        """Weights of the customers, shape (n_customers,)."""
        stream = 0 if self.scheme == "leave out" else self.number + 1
        bits = np.random.Philox(np.random.SeedSequence([self.seed, stream]))
        random = np.random.Generator(bits)
        if self.scheme == "poisson":
            return random.poisson(1.0, self.n_customers).astype(np.float64)
        if self.scheme == "multinomial":
            chosen = random.integers(self.n_customers, size=self.n_customers)
            return np.bincount(chosen, minlength=self.n_customers).astype(np.float64)
        group = random.permutation(self.n_customers) % self.n_groups
        return (group != self.number).astype(np.float64)

    def key(self, analysis_name: str) -> str:
        """Name under which the outcome is kept."""
        text = f"{analysis_name}\n{self!r}"
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


def compute_outcome(analyse: Analysis, draw: Draw) -> Outcome:
    """Numbers of one replicate, or why there are none."""
    try:
        return {str(name): float(value) for name, value in analyse(draw.weights()).items()}
    except EstimationError as error:
        return str(error)


def carry_out(
    analyse: Analysis,
    draws: Sequence[Draw],
    n_processes: int,
    kept: MutableMapping[str, Outcome] | None,
    analysis_name: str,
    progress: Callable[[int, int], None] | None,
) -> dict[Draw, Outcome]:
    """Compute what is not kept yet, keep it, and return the outcome of every draw."""
    store: MutableMapping[str, Outcome] = {} if kept is None else kept
    keys = {draw: draw.key(analysis_name) for draw in draws}
    found = {draw: store[key] for draw, key in keys.items() if key in store}
    missing = [draw for draw in draws if draw not in found]
    for draw, outcome in _each_once_done(analyse, missing, n_processes):
        found[draw] = store[keys[draw]] = outcome
        if progress is not None:
            progress(len(found), len(draws))
    return found


def _each_once_done(
    analyse: Analysis, draws: Sequence[Draw], n_processes: int
) -> Iterator[tuple[Draw, Outcome]]:
    if n_processes == 1 or len(draws) < 2:
        yield from ((draw, compute_outcome(analyse, draw)) for draw in draws)
        return
    with ProcessPoolExecutor(min(n_processes, len(draws)), get_context("spawn")) as pool:
        waiting = {pool.submit(compute_outcome, analyse, draw): draw for draw in draws}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
