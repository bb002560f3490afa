"""How a person handles contacts: wait, handoffs, denials, solving, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.sources.synthetic.draws import (
    Floats,
    logistic,
    lognormal_quantile,
    normal_quantile,
    poisson_quantile,
)
from loyaltylab.sources.synthetic.queueing import typical_wait
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import NO_INTENT
from loyaltylab.sources.synthetic.topics import INCIDENT, REQUEST
from loyaltylab.sources.synthetic.traits import AGENTS_PER_SITE, Flags, Integers

WAIT_LOG_SD, LONGEST_WAIT, MOST_HANDOFFS = 0.6, 90.0, 3
WAIT_SCALE = 5.0  # minutes; waits act through log(1 + wait / 5)
WAIT_ON_SOLVING = -0.15
ALTERNATIVE_RELIEF = 0.5  # a denial with an alternative hurts half as much
WORSENED_DENIED = 0.95  # requests prompted by worse terms are denied at least this often
LOW_RATIO, TOLD_RELIEF = 0.5, 0.8  # told half the wait; a told wait weighs less
COMPLEXITY_ON_SOLVING, COMPLEXITY_LOSS = -0.6, 0.10


@dataclass(frozen=True)
class Handled:
    """Today's contacts with a person; arrays of shape (n_contacts,). Told wait: nan if silent."""

    customers: Integers
    topic: Integers
    agent: Integers
    wait_minutes: Floats
    told_minutes: Floats
    has_hung_up: Flags
    complexity: Floats
    handoffs: Integers
    is_denied: Flags
    has_alternative: Flags
    is_resolved: Flags

    @property
    def is_asking(self) -> Flags:
        """Whether the contact is an ordinary request."""
        return np.asarray(self.topic == REQUEST)

    @property
    def is_unresolved(self) -> Flags:
        """Neither solved nor turned down."""
        return ~self.is_resolved & ~self.is_denied


def handle(run: Run, *, customers: Integers, topic: Integers, load: float) -> Handled:
    """Wait, hanging up, handoffs, denial of requests, and first-contact resolution."""
    site = run.traits.site[customers]
    desk_mate = np.floor(run.luck("contact.agent", customers) * AGENTS_PER_SITE)
    agent = (site * AGENTS_PER_SITE + desk_mate).astype(np.int64)
    has_team = run.has_team("contacts")[customers]
    wait, told = _wait(run, customers=customers, load=load)
    hung_up = _hang_up(run, customers=customers, wait=wait, told=told)
    complexity = normal_quantile(run.luck("contact.complexity", customers))
    handoffs = _hand_over(run, customers=customers, has_team=has_team, complexity=complexity)
    handoffs[hung_up] = 0
    denied = _deny(run, customers=customers, topic=topic, agent=agent, has_team=has_team)
    denied &= ~hung_up
    logit = _solving_logit(run, agent=agent, wait=wait, handoffs=handoffs, complexity=complexity)
    logit = logit + run.parameters.team_resolution_logit * has_team
    is_solved = run.luck("contact.resolved", customers) < logistic(logit)
    return Handled(
        customers=customers,
        topic=topic,
        agent=agent,
        wait_minutes=wait,
        told_minutes=told,
        has_hung_up=hung_up,
        complexity=complexity,
        handoffs=handoffs,
        is_denied=denied,
        has_alternative=denied & _has_alternative(run, customers=customers),
        is_resolved=is_solved & ~denied & ~hung_up,
    )


def _solving_logit(
    run: Run, *, agent: Integers, wait: Floats, handoffs: Integers, complexity: Floats
) -> Floats:
    """Solving at once: handoffs, waits and hard cases against it, skilled people for it."""
    parameters, staff = run.parameters, run.staff
    return np.asarray(
        parameters.resolution_logit
        + parameters.handoff_resolution_logit * handoffs
        + WAIT_ON_SOLVING * np.log1p(wait / WAIT_SCALE)
        + staff.site_skill[agent // AGENTS_PER_SITE]
        + staff.agent_skill[agent]
        + COMPLEXITY_ON_SOLVING * parameters.k_handoff_complexity * complexity
    )


def _wait(run: Run, *, customers: Integers, load: float) -> tuple[Floats, Floats]:
    """Minutes waited, and minutes told beforehand: nan where nothing is told."""
    parameters, policy = run.parameters, run.world.announced_waits if run.is_forcing else None
    usual = typical_wait(parameters, load=load)
    drawn = lognormal_quantile(run.luck("contact.wait", customers), median=usual, sigma=WAIT_LOG_SD)
    wait = np.asarray(np.round(np.minimum(drawn, LONGEST_WAIT), 1), dtype=np.float64)
    is_told = run.luck("contact.told", customers) < parameters.announced_share
    accuracy, ratio = parameters.announced_accuracy, parameters.announced_ratio
    if policy is not None:
        is_told = np.full(customers.size, policy != "silent")
        accuracy, ratio = (1.0, 1.0) if policy == "accurate" else (accuracy, LOW_RATIO)
    error = (1 - accuracy) * normal_quantile(run.luck("contact.told_error", customers))
    return wait, np.where(is_told, np.round(ratio * wait * np.exp(error), 1), np.nan)


def _hang_up(run: Run, *, customers: Integers, wait: Floats, told: Floats) -> Flags:
    """Waiting wears out; a told wait less so, until it is overrun."""
    hazard = run.parameters.hang_up_per_minute
    if not hazard:
        return np.zeros(customers.size, dtype=bool)
    as_told = np.minimum(wait, told)
    over = run.parameters.hang_up_overrun_hr * (wait - as_told)
    weighed = np.where(np.isnan(told), wait, TOLD_RELIEF * (as_told + over))
    hung_up = run.luck("contact.hung_up", customers) < -np.expm1(-hazard * weighed)
    run.milestones.reach("first_hang_up", customers[hung_up], day=run.day)
    return np.asarray(hung_up)


def _hand_over(run: Run, *, customers: Integers, has_team: Flags, complexity: Floats) -> Integers:
    parameters = run.parameters
    luck = run.luck("contact.handoffs", customers)
    if run.world.many_handoffs is not None and run.is_forcing:
        return np.where(luck < run.world.many_handoffs, MOST_HANDOFFS, 0)
    mean = np.where(has_team, parameters.team_handoff_mean, parameters.handoff_mean)
    k = parameters.k_handoff_complexity
    mean = mean * np.exp(k * complexity - k**2 / 2)
    handoffs = poisson_quantile(luck, mean=mean, most=MOST_HANDOFFS)
    if run.world.first_handoffs is None or not run.is_forcing:
        return handoffs
    is_first = run.milestones.days["first_contact"][customers] == run.day
    forced = np.where(luck < run.world.first_handoffs, MOST_HANDOFFS, 0)
    return np.where(is_first, forced, handoffs)


def _deny(
    run: Run, *, customers: Integers, topic: Integers, agent: Integers, has_team: Flags
) -> Flags:
    """Requests are denied by strict agents more; a knob denies those who would leave anyway."""
    parameters, state = run.parameters, run.state
    luck = run.luck("contact.denied", customers)
    if run.world.denial is not None and run.is_forcing:
        return np.asarray((topic == REQUEST) & (luck < run.world.denial))
    usual = np.where(has_team, parameters.team_denial_prob, parameters.denial_prob)
    would_leave = run.traits.frailty[customers] + state.grievance[customers]
    would_leave = would_leave + (state.intent[customers] != NO_INTENT)
    with np.errstate(divide="ignore"):
        logit = np.log(usual) - np.log1p(-usual)
    logit = logit + run.staff.agent_strictness[agent] + parameters.k_denial_severity * would_leave
    denied = logistic(logit)
    denied = np.where(
        state.worsened_day[customers] == run.day, np.maximum(denied, WORSENED_DENIED), denied
    )
    if run.world.first_denial is not None and run.is_forcing and run.day >= 0:
        is_first = ~run.milestones.has("first_request", customers)
        denied = np.where(is_first, run.world.first_denial, denied)
    return np.asarray((topic == REQUEST) & (luck < denied))


def _has_alternative(run: Run, *, customers: Integers) -> Flags:
    """Whether a denial, if it is one, comes with something else instead."""
    forced = run.world.alternative if run.is_forcing else None
    share = run.parameters.alternative_share if forced is None else forced
    return np.asarray(run.luck("contact.alternative", customers) < share)


def feel(run: Run, *, contacts: Handled) -> None:
    """Satisfaction and grievance after a contact: partial repair, so no recovery paradox."""
    state, parameters, who = run.state, run.parameters, contacts.customers
    about_failure = contacts.is_resolved & (contacts.topic == INCIDENT)
    damage = parameters.incident_loss * state.severity[who]
    weight = np.where(contacts.has_alternative, ALTERNATIVE_RELIEF, 1.0)
    denial = np.where(contacts.is_denied, weight, 0.0)
    state.satisfaction[who] += (
        parameters.restore_share * damage * about_failure
        - parameters.unresolved_loss * contacts.is_unresolved
        - parameters.denial_loss * denial
        - parameters.handoff_loss * contacts.handoffs
        - _weariness(run, contacts=contacts)
        - COMPLEXITY_LOSS * parameters.k_handoff_complexity * contacts.complexity
    )
    state.grievance[who] += (
        parameters.denial_grievance * denial
        + parameters.unresolved_grievance * contacts.is_unresolved
        + parameters.handoff_grievance * np.maximum(contacts.handoffs - 1, 0)
    )
    _remember_denials(run, contacts=contacts, weight=denial)


def _weariness(run: Run, *, contacts: Handled) -> Floats:
    """Satisfaction lost by waiting; a told wait costs less, its overrun more."""
    parameters, told = run.parameters, contacts.told_minutes
    is_told = ~np.isnan(told)
    over = np.where(is_told, np.maximum(contacts.wait_minutes - told, 0), 0)
    wait = np.log1p(contacts.wait_minutes / WAIT_SCALE)
    return np.asarray(
        parameters.wait_loss * np.where(is_told, TOLD_RELIEF, 1.0) * wait
        + parameters.overrun_loss * np.log1p(over / WAIT_SCALE)
    )


def _remember_denials(run: Run, *, contacts: Handled, weight: Floats) -> None:
    state, milestones = run.state, run.milestones
    milestones.reach("first_request", contacts.customers[contacts.is_asking], day=run.day)
    denied = contacts.customers[contacts.is_denied]
    state.denied_day[denied] = run.day
    state.denied_weight[denied] = weight[contacts.is_denied]
    milestones.reach("first_denial", denied, day=run.day)
    if run.day >= 0:
        milestones.n_denials[denied] += 1
