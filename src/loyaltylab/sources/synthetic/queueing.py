"""The queue for a person: work that arrives, work that waits, and what a customer meets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.worlds import World

REFERENCE_LOAD, MOST_LOAD = 0.85, 2.0
LOAD_KEPT_PER_DAY = 0.7
LONGEST_TYPICAL_WAIT = 90.0
USUAL_REPEATS = 1.20  # contacts with a person per matter, recontacts and bad days included


@dataclass
class Queue:
    """Load is smoothed use of capacity; customers meet the load of the day before.

    Staff is planned for the customers there are and an ordinary day, shock not foreseen.
    ``history`` is the load met at each step; a replay reads it instead of living it.
    """

    contacts_per_customer_day: float
    history: Floats
    replayed: Floats | None
    backlog: float = 0.0
    load: float = REFERENCE_LOAD
    step: int = 0

    def meet(self) -> float:
        """The load customers meet today."""
        if self.replayed is not None:
            self.load = float(self.replayed[self.step])
        self.history[self.step] = self.load
        return self.load

    def close_day(
        self, *, arrivals: float, n_active: int, capacity_ratio: float, span: int
    ) -> None:
        """Work off what capacity allows, and let the load follow."""
        capacity = max(capacity_ratio * self.contacts_per_customer_day * n_active * span, 1.0)
        use = min(MOST_LOAD, (arrivals + self.backlog) / capacity)
        self.backlog = max(0.0, self.backlog + arrivals - capacity)
        kept = LOAD_KEPT_PER_DAY**span
        self.load = kept * self.load + (1 - kept) * use
        self.step += 1


def plan_queue(parameters: SyntheticParameters, *, world: World, n_steps: int) -> Queue:
    """A queue staffed for the contacts the parameters let expect."""
    queries = parameters.query_rate_pm * (
        1 - parameters.self_service_share * parameters.self_service_contains
    )
    failures = parameters.incident_rate_pm * parameters.incident_contact_prob
    rate_pm = USUAL_REPEATS * (queries + failures + parameters.request_rate_pm)
    replayed = world.environment.load if world.environment else None
    return Queue(rate_pm / DAYS_PER_MONTH, np.zeros(n_steps), replayed)


def typical_wait(parameters: SyntheticParameters, *, load: float) -> float:
    """Median wait for a person at a load, minutes."""
    growth = np.exp(parameters.wait_load_slope * (load - REFERENCE_LOAD))
    return float(min(LONGEST_TYPICAL_WAIT, parameters.wait_median * growth))
