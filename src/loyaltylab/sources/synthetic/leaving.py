"""Wanting to leave, trying to, and being asked to stay."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import Instants, daily_probability
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.journey import Walk, start_walks
from loyaltylab.sources.synthetic.run import (
    NO_INTENT,
    PRICE,
    SERVICE,
    Run,
    calculative_commitment,
)
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers

AFFECTIVE_ON_PRICE, SENSITIVITY_ON_PRICE = -0.2, 0.3
ATTEMPTS_PER_DAY, ATTEMPTS_PER_DAY_INERT = 0.15, 0.012
ABANDON_FLOOR, ABANDON_SATISFACTION, REQUEST_GRIEVANCE = 0.03, 0.1, 0.15
DESK_AFFECTIVE, DESK_GRIEVANCE, DESK_PRICE = 0.5, -0.5, 0.9
SAVED_SATISFACTION, SOLVED_SATISFACTION, SOLVED_GRIEVANCE = 0.2, 0.4, 0.2


def form_intents(run: Run) -> None:
    """Customers come to want to leave over service or price, or let the thought go."""
    state = run.state
    fades = run.happens("intent.fades", rate_pm=run.parameters.intent_fade_pm)
    has_asked = state.end_day != NEVER
    state.intent[fades & ~has_asked] = NO_INTENT
    is_free = state.is_active & (state.intent == NO_INTENT) & ~has_asked
    over_service = run.uniform("intent.service") < daily_probability(_service_rate(run))
    over_price = run.uniform("intent.price") < daily_probability(_price_rate(run))
    state.intent[is_free & over_price] = PRICE
    state.intent[is_free & over_service] = SERVICE


def _service_rate(run: Run) -> Floats:
    state, parameters = run.state, run.parameters
    log_ratio = (
        -parameters.beta_satisfaction * state.satisfaction
        - parameters.beta_affective * state.affective
        + parameters.beta_grievance * state.grievance
        + run.traits.frailty
        + _shared_log_ratio(run)
    )
    return np.asarray(parameters.exit_hazard_service_pm * np.exp(log_ratio))


def _price_rate(run: Run) -> Floats:
    state, parameters = run.state, run.parameters
    log_ratio = (
        -parameters.beta_calculative * calculative_commitment(run)
        + AFFECTIVE_ON_PRICE * state.affective
        + SENSITIVITY_ON_PRICE * run.traits.price_sensitivity
        + parameters.offer_log_hr * (state.offer_until > run.day)
        + _shared_log_ratio(run)
    )
    return np.asarray(parameters.exit_hazard_competitor_pm * np.exp(log_ratio))


def _shared_log_ratio(run: Run) -> Floats:
    """What moves both: intent left after a save, neighbours who left, a voucher in hand."""
    state, parameters = run.state, run.parameters
    return np.asarray(
        np.log(parameters.residual_intent_hr) * state.residual
        + np.log(parameters.wom_hr) * state.pressure
        + parameters.voucher_lock_log_hr * (state.voucher_row != NOBODY)
    )


def try_to_cancel(run: Run) -> None:
    """Some of those who want to leave try today; friction makes part of them give up."""
    who = np.flatnonzero(_attempts(run))
    if not who.size:
        return
    state, parameters = run.state, run.parameters
    friction = run.friction()
    keep_on = np.exp(-(ABANDON_FLOOR + parameters.friction_abandon_slope * friction[who]))
    gives_up = run.uniform("attempt.abandoned")[who] >= keep_on
    quitters, askers = who[gives_up], who[~gives_up]
    state.grievance[quitters] += parameters.friction_grievance * friction[quitters]
    state.satisfaction[quitters] -= ABANDON_SATISFACTION * friction[quitters]
    state.grievance[askers] += REQUEST_GRIEVANCE * friction[askers]
    for walk in start_walks(run, customers=who, friction=friction[who]):
        has_quit = np.isin(walk.customers, quitters)
        walk.select(has_quit).take("abandoned", is_abandoned=True)
        _ask_to_end(run, walk=walk.select(~has_quit))


def _attempts(run: Run) -> Flags:
    state, parameters = run.state, run.parameters
    rate = np.where(run.traits.is_inert, ATTEMPTS_PER_DAY_INERT, ATTEMPTS_PER_DAY)
    rate = rate * np.exp(-parameters.friction_attempt_slope * run.friction())
    rate = rate * np.where(state.wakeup_until > run.day, parameters.wakeup_hr, 1.0)
    wants_out = state.is_active & (state.intent != NO_INTENT) & (state.end_day == NEVER)
    return np.asarray(wants_out & (run.uniform("attempt") < rate))


def _ask_to_end(run: Run, *, walk: Walk) -> None:
    """The request reaches the provider, which routes it by lot to its desk or straight through."""
    customers = walk.customers
    if not customers.size:
        return
    is_routed = run.uniform("desk.routed")[customers] < run.parameters.desk_share
    requested_at = walk.take("requested", desk=np.where(is_routed, "reactive", "none"))
    is_saved = np.zeros(customers.size, dtype=bool)
    is_saved[is_routed] = _meet_desk(run, walk=walk.select(is_routed))
    _set_end(run, customers=customers[~is_saved], requested_at=requested_at[~is_saved])


def _meet_desk(run: Run, *, walk: Walk) -> Flags:
    """The desk makes an offer; those who accept stay, most with the wish to leave half alive."""
    state, customers = run.state, walk.customers
    if not customers.size:
        return np.zeros(0, dtype=bool)
    walk.take("desk", desk="reactive")
    logit = (
        run.parameters.save_accept_intercept
        + DESK_AFFECTIVE * state.affective[customers]
        + DESK_GRIEVANCE * state.grievance[customers]
        + DESK_PRICE * (state.intent[customers] == PRICE)
    )
    accepts = run.uniform("desk.accepts")[customers] < 1 / (1 + np.exp(-logit))
    run.journal.record(
        "outreach",
        customer_id=customers,
        sent_at=walk.at,
        kind="save_offer",
        is_accepted=accepts.astype(np.float64),
    )
    _keep(run, customers=customers[accepts])
    return np.asarray(accepts)


def _keep(run: Run, *, customers: Integers) -> None:
    state, parameters = run.state, run.parameters
    is_solved = run.uniform("desk.solves")[customers] < parameters.save_solved_prob
    state.satisfaction[customers] += SAVED_SATISFACTION + SOLVED_SATISFACTION * is_solved
    state.grievance[customers] *= np.where(is_solved, SOLVED_GRIEVANCE, 1.0)
    state.residual[customers] = np.where(is_solved, state.residual[customers], 1.0)
    state.offer_until[customers] = run.day + parameters.offer_days
    state.intent[customers] = NO_INTENT


def _set_end(run: Run, *, customers: Integers, requested_at: Instants) -> None:
    """Service ends after notice, and not before the term or its tacit renewal is over."""
    state = run.state
    noticed = run.day + run.parameters.notice_days
    started, term = state.start_day[customers], run.term_days()
    terms = np.ceil((noticed - started) / term) if term else np.zeros(customers.size)
    may_leave_monthly = run.traits.is_consumer[customers] & (run.day >= run.calendar.reform)
    terms = np.where(may_leave_monthly, np.minimum(terms, 1), terms)
    term_over = started + (np.maximum(terms, 1) * term).astype(np.int64)
    state.end_day[customers] = np.maximum(noticed, term_over) + 1  # the day after, at night
    state.requested_us[customers] = requested_at
