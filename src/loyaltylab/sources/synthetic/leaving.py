"""Wanting to leave, and trying to."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.desks import ask_to_end
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.feelings import calculative_commitment, count_tenure_months
from loyaltylab.sources.synthetic.journey import start_walks
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import NO_INTENT, PRICE, SERVICE
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Integers

ABANDON_FLOOR = 0.03
LONGEST_MEMORY_YEARS = 5
HOLDING_BACK = 0.3  # attempts of those who wait for the reform, hazard ratio


def form_intents(run: Run) -> None:
    """Customers come to want to leave over service or price, or let the thought go."""
    state = run.state
    undecided = np.flatnonzero((state.intent != NO_INTENT) & (state.end_day == NEVER))
    fades = run.luck("intent.fades", undecided) < run.chance(run.parameters.intent_fade_pm)
    state.intent[undecided[fades]] = NO_INTENT
    is_free = state.is_active & (state.intent == NO_INTENT) & (state.end_day == NEVER)
    shared = _shared_log_ratio(run)
    over_service = run.uniform("intent.service") < run.chance(_service_rate(run, shared=shared))
    over_price = run.uniform("intent.price") < run.chance(_price_rate(run, shared=shared))
    state.intent[is_free & over_price] = PRICE
    state.intent[is_free & over_service] = SERVICE


def _service_rate(run: Run, *, shared: Floats) -> Floats:
    state, parameters = run.state, run.parameters
    beta_satisfaction: float | Floats = parameters.beta_satisfaction
    if parameters.satisfaction_tenure_log_hr:
        years = np.clip(count_tenure_months(run) / 12, 0, LONGEST_MEMORY_YEARS)
        beta_satisfaction = beta_satisfaction + parameters.satisfaction_tenure_log_hr * years
    log_ratio = (
        -beta_satisfaction * state.satisfaction
        - parameters.beta_affective * state.affective
        + parameters.beta_grievance * state.grievance
        + run.traits.frailty
        + shared
    )
    return np.asarray(parameters.exit_hazard_service_pm * np.exp(log_ratio))


def _price_rate(run: Run, *, shared: Floats) -> Floats:
    state, parameters = run.state, run.parameters
    has_offer = state.offer_until > run.day
    had_offer = (state.offer_until != NEVER) & ~has_offer
    log_ratio = (
        -parameters.beta_calculative * calculative_commitment(run)
        + parameters.affective_price_log_hr * state.affective
        + parameters.sensitivity_price_log_hr * run.traits.price_sensitivity
        + parameters.offer_log_hr * has_offer
        + np.log(parameters.offer_training_hr) * had_offer
        + parameters.rival_promotion_log_hr * run.calendar.in_rival_promotion(run.day)
        + shared
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


def friction_met(run: Run, *, customers: Integers, is_trying: bool) -> Floats:
    """Cancellation friction these customers meet today, once they try or before they do."""
    parameters, world = run.parameters, run.world
    is_eased = run.is_eased()[customers]
    usual = np.where(is_eased, parameters.friction_post, parameters.friction_pre)
    if world.friction is None or not run.is_forcing:
        return usual
    pair = world.friction if isinstance(world.friction, tuple) else (world.friction,) * 2
    forced = np.where(is_eased, pair[1], pair[0])
    if not world.is_friction_from_attempt or is_trying:
        return forced
    return np.where(run.milestones.has("first_attempt", customers), forced, usual)


def try_to_cancel(run: Run) -> None:
    """Some of those who want to leave try today; friction makes part of them give up."""
    state, parameters = run.state, run.parameters
    wanting = np.flatnonzero(
        state.is_active & (state.intent != NO_INTENT) & (state.end_day == NEVER)
    )
    run.dormant_shares.append(wanting.size / max(int(state.is_active.sum()), 1))
    daily = _daily_chance(run, customers=wanting)
    is_trying = run.luck("attempt", wanting) < 1 - (1 - daily) ** run.span
    who, daily = wanting[is_trying], daily[is_trying]
    if not who.size:
        return
    run.milestones.reach("first_attempt", who, day=run.last_day)
    friction = friction_met(run, customers=who, is_trying=True)
    gets_through = np.exp(-(ABANDON_FLOOR + parameters.friction_abandon_slope * friction))
    gets_through = _within_span(gets_through, daily=daily, days=run.span)
    gives_up = run.luck("attempt.abandoned", who) >= gets_through
    quitters, askers = who[gives_up], who[~gives_up]
    state.grievance[quitters] += parameters.friction_grievance * friction[gives_up]
    state.satisfaction[quitters] -= parameters.friction_loss * friction[gives_up]
    state.grievance[askers] += parameters.friction_request_grievance * friction[~gives_up]
    for walk in start_walks(run, customers=who, friction=friction):
        has_quit = gives_up[np.searchsorted(who, walk.customers)]
        walk.select(has_quit).take("abandoned", is_abandoned=True)
        ask_to_end(run, walk=walk.select(~has_quit))


def _daily_chance(run: Run, *, customers: Integers) -> Floats:
    """Probability of an attempt on one day, for customers who want to leave."""
    parameters = run.parameters
    slow, quick = parameters.attempts_per_day_inert, parameters.attempts_per_day
    chance = np.where(run.traits.is_inert[customers], slow, quick)
    friction = friction_met(run, customers=customers, is_trying=False)
    chance = chance * np.exp(-parameters.friction_attempt_slope * friction)
    is_awake = run.state.wakeup_until[customers] > run.day
    chance = chance * np.where(is_awake, parameters.wakeup_hr, 1.0)
    if parameters.anticipation_d:
        until = run.calendar.reform - run.day
        waits = run.traits.is_consumer[customers] & (0 < until <= parameters.anticipation_d)
        chance = chance * np.where(waits, HOLDING_BACK, 1.0)
    return np.minimum(chance, 1.0)


def _within_span(gets_through: Floats, *, daily: Floats, days: int) -> Floats:
    """Chance that one of several days' attempts gets through, given there is an attempt."""
    if days == 1:
        return gets_through
    asked = 1 - (1 - daily * gets_through) ** days
    return np.asarray(asked / (1 - (1 - daily) ** days))
