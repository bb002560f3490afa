"""The way out, step by step, as the provider's logs show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from loyaltylab.sources.synthetic.calendar import MINUTE_US, Instants
from loyaltylab.sources.synthetic.draws import Floats, lognormal_quantile
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import Flags, Integers

PHONE_ONLY_FRICTION = 0.5  # from here on, leaving is only possible by telephone
ATTEMPTS_WITHIN = (0.80, 0.85)
WAIT_MINUTES_AT_FULL_FRICTION, WAIT_LOG_SD, LONGEST_WAIT = 30.0, 0.6, 90.0


@dataclass
class Walk:
    """Customers walking the same way out: where each is, and at what instant."""

    run: Run
    customers: Integers
    attempts: Integers
    channel: str
    at: Instants
    steps_taken: int = 0

    def select(self, which: Flags) -> Walk:
        """The part of the walkers a mask names; the others are no longer in this walk."""
        return Walk(
            self.run,
            self.customers[which],
            self.attempts[which],
            self.channel,
            self.at[which],
            self.steps_taken,
        )

    def take(
        self,
        step: str,
        *,
        channel: str | None = None,
        wait_minutes: Floats | None = None,
        is_abandoned: bool = False,
        desk: ArrayLike = "",
    ) -> Instants:
        """Write one step down and return when it began; the next begins minutes later."""
        began = self.at
        if not self.run.journal.is_kept:
            return began
        self.steps_taken += 1
        self.run.journal.record(
            "cancellation_journey",
            attempt_id=self.attempts,
            customer_id=self.customers,
            step_number=self.steps_taken,
            stepped_at=began,
            step=step,
            channel=channel or self.channel,
            wait_minutes=np.nan if wait_minutes is None else wait_minutes,
            is_abandoned=float(is_abandoned),
            desk=desk,
        )
        minutes = self.run.luck(f"journey.{step}", self.customers) * 5 + 1
        if wait_minutes is not None:
            minutes = minutes + wait_minutes
        self.at = began + np.round(minutes * MINUTE_US).astype(np.int64)
        return began


def start_walks(run: Run, *, customers: Integers, friction: Floats) -> list[Walk]:
    """Every attempt up to the point where it is abandoned or becomes a request.

    High friction: look up how, call, wait. Low friction: look up how and be there.
    """
    attempts = run.journal.record("attempts", customer_id=customers)
    at = run.stamp("attempt.at", customers, within=ATTEMPTS_WITHIN)
    by_phone = friction >= PHONE_ONLY_FRICTION
    walks = []
    for channel, which in (("web", ~by_phone), ("phone", by_phone)):
        if not which.any():
            continue
        walk = Walk(run, customers[which], attempts[which], channel, at[which])
        walk.take("looked_up", channel="web")
        if channel == "phone":
            walk.take("contacted")
            walk.take("waited", wait_minutes=_wait(run, walk=walk, friction=friction[which]))
        walks.append(walk)
    return walks


def _wait(run: Run, *, walk: Walk, friction: Floats) -> Floats:
    drawn = lognormal_quantile(
        run.luck("journey.wait", walk.customers),
        median=WAIT_MINUTES_AT_FULL_FRICTION,
        sigma=WAIT_LOG_SD,
    )
    return np.asarray(np.round(np.minimum(drawn * friction, LONGEST_WAIT), 1))
