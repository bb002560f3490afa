"""What customers do to each other: words about leavers, and public complaints."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.traits import Integers
from loyaltylab.sources.synthetic.worlds import Recorded, World


class Words:
    """Words said today are heard tomorrow; a replay hears another world's words instead.

    Attributes
    ----------
    outrage : float
        Views of public complaints per customer that act today.
    lasting_outrage : float
        The same of the last month, fading: what those who might sign up have seen.
    """

    def __init__(self, n_customers: int, *, n_steps: int, world: World) -> None:
        self._n_customers = n_customers
        self._replayed = world.environment
        self._heard: list[Integers] = []
        self._history: list[Integers] = [np.zeros(0, dtype=np.int64) for _ in range(n_steps)]
        self._views = np.zeros(n_steps + 1)
        self._step = 0
        self.outrage = 0.0
        self.lasting_outrage = 0.0

    def say(self, hearers: Integers) -> None:
        """Words about a leaver reach these customers, one entry per word."""
        self._heard.append(hearers)

    def post(self, *, views: float, n_active: int) -> None:
        """Public complaints are seen so many times."""
        self._views[self._step + 1] += views / max(n_active, 1)

    def hear(self, *, is_silent: bool, span: int) -> Floats | None:
        """Words heard today, per customer; None when it is quiet."""
        step, said = self._step, [] if is_silent else self._heard
        heard = np.concatenate(said) if said else np.zeros(0, dtype=np.int64)
        self.outrage = float(self._views[step])
        if self._replayed is not None:
            heard = heard[:0] if is_silent else self._replay_words(step)
            self.outrage = float(self._replayed.outrage[step])
            self._views[step] = self.outrage
        self._history[step], self._heard = heard, []
        self.lasting_outrage *= float(np.exp(-span / DAYS_PER_MONTH))
        self.lasting_outrage += self.outrage
        if not heard.size:
            return None
        return np.bincount(heard, minlength=self._n_customers).astype(np.float64)

    def close_day(self) -> None:
        """The next step begins."""
        self._step += 1

    def _replay_words(self, step: int) -> Integers:
        assert self._replayed is not None
        first, last = np.searchsorted(self._replayed.heard_step, [step, step + 1])
        return self._replayed.heard_by[first:last]

    def recorded(self, *, load: Floats) -> Recorded:
        """All that was heard and seen, with the load of the queue, for replays."""
        counts = [heard.size for heard in self._history]
        return Recorded(
            load=load,
            outrage=self._views[: len(counts)],
            heard_step=np.repeat(np.arange(len(counts)), counts),
            heard_by=np.concatenate([*self._history, np.zeros(0, dtype=np.int64)]),
        )
