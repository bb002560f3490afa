"""The state of the provider's world on one day, and how feelings fade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import (
    BURN_IN_DAYS,
    DAYS_PER_MONTH,
    Calendar,
    Instants,
    daily_probability,
    make_calendar,
)
from loyaltylab.sources.synthetic.draws import Draws, Floats
from loyaltylab.sources.synthetic.journal import Journal
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers, Traits, draw_traits

NO_INTENT, SERVICE, PRICE = 0, 1, 2
POINTS_PER_EURO, POINTS_LIFE_MONTHS = 0.01, 24
AFFECTIVE_TARGET = 0.5  # affective commitment drifts towards half of satisfaction


@dataclass
class State:
    """What changes: arrays of shape (n_customers,), written in place day by day.

    Private to one simulation: nobody outside the package ever holds it.
    """

    is_active: Flags
    start_day: Integers
    contract_row: Integers
    end_day: Integers
    requested_us: Instants
    left_day: Integers
    left_by: Integers
    satisfaction: Floats
    affective: Floats
    grievance: Floats
    residual: Floats
    pressure: Floats
    intent: Integers
    severity: Floats
    recontact_day: Integers
    recontact_topic: Integers
    recontact_row: Integers
    ticket_handoffs: Integers
    ticket_reopens: Integers
    promise_day: Integers
    promise_row: Integers
    wakeup_until: Integers
    offer_until: Integers
    voucher_row: Integers
    voucher_expires_day: Integers


@dataclass
class Run:
    """A provider with its customers; ``day`` is today."""

    parameters: SyntheticParameters
    calendar: Calendar
    draws: Draws
    traits: Traits
    state: State
    journal: Journal
    day: int

    def uniform(self, stream: str) -> Floats:
        """Today's draw of a process, one per customer."""
        return self.draws.uniform(stream, day=self.day)

    def happens(self, stream: str, *, rate_pm: float) -> Flags:
        """Which customers a process with a constant monthly rate strikes today."""
        return self.uniform(stream) < daily_probability(rate_pm)

    def stamp(self, stream: str, customers: Integers, *, within: tuple[float, float]) -> Instants:
        """An instant today for each customer, in a stretch of the day given as fractions.

        Each process has its stretch, in causal order: service ends in the small hours, then
        failures, contacts and their handling, and attempts to leave late in the day.
        """
        earliest, latest = within
        fraction = earliest + (latest - earliest) * self.uniform(stream)[customers]
        return self.calendar.instant(self.day + fraction)

    def friction(self) -> Floats:
        """Cancellation friction each customer would meet today."""
        is_eased = self.traits.is_consumer & (self.day >= self.calendar.reform)
        return np.where(is_eased, self.parameters.friction_post, self.parameters.friction_pre)

    def term_days(self) -> int:
        """Length of the first term, and of a tacit renewal, in whole days."""
        return int(self.parameters.first_term_months * DAYS_PER_MONTH)


def found_run(parameters: SyntheticParameters, *, seed: int) -> Run:
    """A world on the first day of the unrecorded year before the window."""
    calendar = make_calendar(parameters)
    draws = Draws(seed, n_customers=parameters.n_customers)
    traits = draw_traits(parameters, calendar=calendar, draws=draws)
    return Run(parameters, calendar, draws, traits, _found_state(traits), Journal(), -BURN_IN_DAYS)


def _found_state(traits: Traits) -> State:
    n = len(traits.site)
    start_day = np.floor(traits.start).astype(np.int64)

    def integers(value: int) -> Integers:
        return np.full(n, value, dtype=np.int64)

    return State(
        is_active=np.zeros(n, dtype=bool),
        start_day=start_day,
        contract_row=integers(NOBODY),
        end_day=integers(NEVER),
        requested_us=integers(0),
        left_day=integers(NEVER),
        left_by=integers(NOBODY),
        satisfaction=traits.fit.copy(),
        affective=AFFECTIVE_TARGET * traits.fit,
        grievance=np.zeros(n),
        residual=np.zeros(n),
        pressure=np.zeros(n),
        intent=integers(NO_INTENT),
        severity=np.zeros(n),
        recontact_day=integers(NEVER),
        recontact_topic=integers(0),
        recontact_row=integers(NOBODY),
        ticket_handoffs=integers(0),
        ticket_reopens=integers(0),
        promise_day=integers(NEVER),
        promise_row=integers(NOBODY),
        wakeup_until=integers(NEVER),
        offer_until=integers(NEVER),
        voucher_row=integers(NOBODY),
        voucher_expires_day=integers(NEVER),
    )


def let_feelings_fade(run: Run) -> None:
    """Satisfaction returns to fit, affective commitment follows it, the rest fades to zero."""
    state, parameters = run.state, run.parameters

    def kept(half_life_d: float) -> float:
        return float(2.0 ** (-1.0 / half_life_d))

    fit = run.traits.fit
    lasting = kept(parameters.satisfaction_half_life_d)
    state.satisfaction = fit + (state.satisfaction - fit) * lasting
    target = AFFECTIVE_TARGET * state.satisfaction
    state.affective = target + (state.affective - target) * kept(parameters.affective_half_life_d)
    state.grievance *= kept(parameters.grievance_half_life_d)
    state.residual *= kept(parameters.residual_half_life_d)
    state.pressure *= np.exp(-1.0 / parameters.wom_decay_d)


def calculative_commitment(run: Run) -> Floats:
    """What leaving would cost: points saved, switching cost, months left in the first term."""
    tenure_months = (run.day - run.state.start_day) / DAYS_PER_MONTH
    points = POINTS_PER_EURO * np.clip(tenure_months, 0, POINTS_LIFE_MONTHS)
    term_left = np.clip(run.parameters.first_term_months - tenure_months, 0, None)
    return np.asarray(
        0.35 * np.log1p(points) + 0.25 * run.traits.switching_cost + 0.3 * term_left / 12
    )
