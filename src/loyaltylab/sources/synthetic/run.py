"""One run of a provider through time: its state today, and what a world forces on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import (
    BURN_IN_DAYS,
    DAYS_PER_MONTH,
    Calendar,
    Instants,
    make_calendar,
    probability,
)
from loyaltylab.sources.synthetic.draws import Draws, Floats
from loyaltylab.sources.synthetic.journal import Journal
from loyaltylab.sources.synthetic.queueing import Queue, plan_queue
from loyaltylab.sources.synthetic.state import Milestones, State, found_state
from loyaltylab.sources.synthetic.traits import (
    Flags,
    Integers,
    Staff,
    Traits,
    draw_staff,
    draw_traits,
)
from loyaltylab.sources.synthetic.words import Words
from loyaltylab.sources.synthetic.worlds import World

FAR = 2**30  # a day after every window
Task = Literal["desk", "contacts", "rescues", "promotions", "messages"]
# What a team does, by what the parameters say it is for.
TASKS: MappingProxyType[str, tuple[Task, ...]] = MappingProxyType(
    {
        "all": ("desk", "contacts", "rescues", "promotions", "messages"),
        "promotions": ("promotions",),
        "incidents": ("messages",),
    }
)


@dataclass
class Run:
    """A provider with its customers; ``day`` is today and ``span`` how many days it stands for.

    ``dormant_shares`` grows by the day: who wants to leave and has not asked, of all customers.

    Written in place, private to one simulation: nobody outside the package ever holds it.
    """

    parameters: SyntheticParameters
    world: World
    calendar: Calendar
    draws: Draws
    traits: Traits
    staff: Staff
    state: State
    milestones: Milestones
    queue: Queue
    words: Words
    journal: Journal
    team_start: Integers
    step_days: int
    day: int
    span: int
    dormant_shares: list[float] = field(default_factory=list)

    def uniform(self, stream: str) -> Floats:
        """Today's draw of a process, one per customer."""
        return self.draws.uniform(stream, day=self.day)

    def luck(self, stream: str, customers: Integers) -> Floats:
        """Today's draw of a process for a few customers, shape (n_few,)."""
        return self.draws.uniform_for(stream, customers, day=self.day)

    def chance(self, rate_pm: float | Floats) -> Floats:
        """Probability that a process with a monthly rate strikes within today's span."""
        return probability(rate_pm, days=self.span)

    def strikes(self, stream: str, *, rate_pm: float | Floats) -> Flags:
        """Which customers a process with a monthly rate strikes today."""
        if not np.any(rate_pm):
            return np.zeros(len(self.traits.site), dtype=bool)
        return self.uniform(stream) < self.chance(rate_pm)

    def kept(self, half_life_d: float) -> float:
        """What is left of a feeling after today, given its half-life."""
        return float(2.0 ** (-self.span / half_life_d))

    @property
    def last_day(self) -> int:
        """The last day of today's span: deadlines set today are counted from it."""
        return self.day + self.span - 1

    def is_due(self, day: Integers) -> Flags:
        """Which of these days fall into today's span."""
        return (day >= self.day) & (day <= self.last_day)

    @property
    def is_forcing(self) -> bool:
        """Whether the world forces anything yet; before, it is the parameters' own."""
        return self.day >= self.world.from_day

    def stamp(self, stream: str, customers: Integers, *, within: tuple[float, float]) -> Instants:
        """An instant today for each customer, in a stretch of the day given as fractions.

        Each process has its stretch, in causal order: service ends in the small hours, then
        failures, contacts and their handling, and attempts to leave late in the day.
        """
        earliest, latest = within
        fraction = earliest + (latest - earliest) * self.luck(stream, customers)
        return self.calendar.instant(self.day + self.span * fraction)

    def has_team(self, task: Task) -> Flags:
        """Whose site has a team for this task by today."""
        if task not in TASKS[self.parameters.team_tasks]:
            return np.zeros(len(self.traits.site), dtype=bool)
        return np.asarray((self.team_start <= self.day)[self.traits.site])

    def is_eased(self) -> Flags:
        """Whom the reform covers today."""
        return self.traits.is_consumer & (self.day >= self.calendar.reform)

    def term_days(self) -> int:
        """Length of the first term, and of a tacit renewal, in whole days."""
        return int(self.parameters.first_term_months * DAYS_PER_MONTH)


def found_run(
    parameters: SyntheticParameters,
    *,
    seed: int,
    world: World | None = None,
    step_days: int = 1,
    is_recording: bool = True,
    first_customer: int = 0,
) -> Run:
    """A run on the first day of the unrecorded year before the window."""
    world = world or World()
    calendar = make_calendar(parameters)
    draws = Draws(seed, n_customers=parameters.n_customers, first=first_customer)
    traits = draw_traits(parameters, calendar=calendar, draws=draws)
    staff = draw_staff(parameters, seed=seed)
    first_day = -step_days * -(-BURN_IN_DAYS // step_days)
    n_steps = -(-(calendar.n_days - first_day) // step_days)
    if world.environment is not None and world.environment.load.size != n_steps:
        raise ParameterError(
            f"the recorded environment has {world.environment.load.size} steps, this run "
            f"{n_steps}; record it with the same dates and step_days."
        )
    return Run(
        parameters=parameters,
        world=world,
        calendar=calendar,
        draws=draws,
        traits=traits,
        staff=staff,
        state=found_state(traits),
        milestones=Milestones(len(traits.site)),
        queue=plan_queue(parameters, world=world, n_steps=n_steps),
        words=Words(len(traits.site), n_steps=n_steps, world=world),
        journal=Journal(is_kept=is_recording),
        team_start=plan_teams(parameters, world=world, staff=staff),
        step_days=step_days,
        day=first_day,
        span=step_days,
    )


def plan_teams(parameters: SyntheticParameters, *, world: World, staff: Staff) -> Integers:
    """Day from which each site has its team, shape (n_sites,)."""
    rollout = world.team or parameters.team_rollout
    earliest = 0 if world.team is None else world.from_day
    if rollout == "none":
        return np.full(staff.launch_rank.shape, FAR)
    if rollout == "day_one":
        return np.full(staff.launch_rank.shape, earliest)
    return earliest + parameters.team_first_day + parameters.team_step_days * staff.launch_rank
