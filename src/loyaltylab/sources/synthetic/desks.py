"""The request to leave: who takes it, what is offered, and when service ends if it stands."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, Instants
from loyaltylab.sources.synthetic.draws import logistic
from loyaltylab.sources.synthetic.journey import Walk
from loyaltylab.sources.synthetic.outreach import undo_denials
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import NO_INTENT, PRICE
from loyaltylab.sources.synthetic.traits import NEVER, Flags, Integers

DESKS = ("none", "reactive", "integrated", "obstructive")
NO_DESK, REACTIVE, INTEGRATED, OBSTRUCTIVE = range(4)
AFFECTIVE_ON_STAYING, GRIEVANCE_ON_STAYING, PRICE_ON_STAYING = 0.5, -0.5, 0.9
SAVED_SATISFACTION, SOLVED_SATISFACTION, SOLVED_GRIEVANCE = 0.2, 0.4, 0.2
RESIDUAL, RESIDUAL_OBSTRUCTED = 1.0, 1.4
REMEMBERED_DAYS = 180  # a denial this recent can still be made good upon leaving


def ask_to_end(run: Run, *, walk: Walk) -> None:
    """The request reaches the provider, which routes it to a desk or straight through."""
    customers = walk.customers
    if not customers.size:
        return
    desk = _route(run, customers=customers)
    run.milestones.reach("first_cancellation", customers, day=run.last_day)
    requested_at = walk.take("requested", desk=np.array(DESKS)[desk])
    _make_good(run, customers=customers, asked_at=requested_at)
    meets = desk != NO_DESK
    is_saved = np.zeros(customers.size, dtype=bool)
    is_saved[meets] = _meet_desk(run, walk=walk.select(meets), desk=desk[meets])
    set_end(run, customers=customers[~is_saved], requested_at=requested_at[~is_saved])


def _route(run: Run, *, customers: Integers) -> Integers:
    """The team takes its sites' requests; elsewhere the lot decides, or the world does."""
    parameters, world = run.parameters, run.world
    luck = run.luck("desk.routed", customers)
    odds = np.full(customers.size, parameters.desk_share)
    if parameters.k_save_route and 0 < parameters.desk_share < 1:
        dear = np.log(run.traits.price_eur[customers] / run.traits.price_eur.mean())
        friendly = dear - 2 * run.state.grievance[customers] - run.traits.frailty[customers]
        base = np.log(parameters.desk_share / (1 - parameters.desk_share))
        odds = logistic(base + parameters.k_save_route * friendly)
    desk = np.where(luck < odds, DESKS.index(parameters.desk_kind), NO_DESK)
    desk = np.where(luck < parameters.desk_obstructive_share * odds, OBSTRUCTIVE, desk)
    desk = np.where(run.has_team("desk")[customers], INTEGRATED, desk)
    if world.desk is None or not run.is_forcing:
        return desk
    is_first = ~run.milestones.has("first_cancellation", customers)
    is_forced = is_first | world.is_lasting
    if world.team in ("day_one", "staggered"):
        is_forced &= ~run.has_team("desk")[customers]
    return np.where(is_forced, DESKS.index(world.desk), desk)


def _make_good(run: Run, *, customers: Integers, asked_at: Instants) -> None:
    """Some get the remedy for a recent denial only now that they want to leave."""
    state, timing = run.state, run.world.remedy if run.is_forcing else None
    share = run.parameters.remedy_cancellation_share
    share = share if timing is None else float(timing == "at_cancellation")
    is_recent = state.denied_day[customers] > run.day - REMEMBERED_DAYS
    is_recent &= state.denied_weight[customers] > 0
    gets_it = is_recent & (run.luck("remedy.late", customers) < share)
    undo_denials(
        run, customers=customers[gets_it], share=run.parameters.remedy_restore_cancellation
    )
    if gets_it.any() and run.journal.is_kept:
        run.journal.record(
            "outreach",
            customer_id=customers[gets_it],
            sent_at=asked_at[gets_it],
            kind="remedy",
            is_accepted=np.nan,
        )


def _meet_desk(run: Run, *, walk: Walk, desk: Integers) -> Flags:
    """The desk makes an offer; those who accept stay, most with the wish to leave half alive."""
    state, parameters, customers = run.state, run.parameters, walk.customers
    if not customers.size:
        return np.zeros(0, dtype=bool)
    walk.take("desk", desk=np.array(DESKS)[desk])
    logit = (
        parameters.save_accept_intercept
        + AFFECTIVE_ON_STAYING * state.affective[customers]
        + GRIEVANCE_ON_STAYING * state.grievance[customers]
        + PRICE_ON_STAYING * (state.intent[customers] == PRICE)
        + parameters.save_accept_integrated * (desk == INTEGRATED)
        + parameters.save_accept_obstructive * (desk == OBSTRUCTIVE)
    )
    accepts = run.luck("desk.accepts", customers) < logistic(logit)
    _record_offers(run, walk=walk, accepts=accepts)
    _keep(run, customers=customers[accepts], desk=desk[accepts])
    return np.asarray(accepts)


def _record_offers(run: Run, *, walk: Walk, accepts: Flags) -> None:
    if not run.journal.is_kept:
        return
    parameters, customers = run.parameters, walk.customers
    run.journal.record(
        "outreach",
        customer_id=customers,
        sent_at=walk.at,
        kind="save_offer",
        is_accepted=accepts.astype(np.float64),
    )
    run.journal.record(
        "offers",
        customer_id=customers,
        offered_at=walk.at,
        kind="save",
        discount_share=parameters.offer_discount,
        ends_at=walk.at + parameters.offer_days * DAY_US,
        is_accepted=accepts.astype(np.float64),
    )


def _keep(run: Run, *, customers: Integers, desk: Integers) -> None:
    """Those who stay: solved cases are over, the others keep part of the wish to leave."""
    state, parameters = run.state, run.parameters
    solves = np.array([0.0, parameters.save_solved_prob, parameters.save_solved_integrated, 0.0])
    is_solved = run.luck("desk.solves", customers) < solves[desk]
    is_pressed = desk == OBSTRUCTIVE
    state.satisfaction[customers] += SAVED_SATISFACTION + SOLVED_SATISFACTION * is_solved
    state.grievance[customers] *= np.where(is_solved, SOLVED_GRIEVANCE, 1.0)
    state.grievance[customers] += parameters.obstructive_grievance * is_pressed
    left = np.where(is_pressed, RESIDUAL_OBSTRUCTED, RESIDUAL)
    state.residual[customers] = np.where(is_solved, state.residual[customers], left)
    state.offer_until[customers] = run.day + parameters.offer_days
    state.intent[customers] = NO_INTENT


def set_end(run: Run, *, customers: Integers, requested_at: Instants) -> None:
    """Service ends after notice, and not before the term or its tacit renewal is over."""
    state, world = run.state, run.world
    noticed = run.last_day + run.parameters.notice_days
    started, term = state.start_day[customers], run.term_days()
    terms = np.ceil((noticed - started) / term) if term else np.zeros(customers.size)
    is_monthly = run.is_eased()[customers] | run.parameters.monthly_notice
    if world.monthly_notice is not None and run.is_forcing:
        is_monthly = np.full(customers.size, world.monthly_notice)
    terms = np.where(is_monthly, np.minimum(terms, 1), terms)
    term_over = started + (np.maximum(terms, 1) * term).astype(np.int64)
    state.end_day[customers] = np.maximum(noticed, term_over) + 1  # the day after, at night
    state.requested_us[customers] = requested_at


def lapse_with_cards(run: Run) -> Integers:
    """Cards are replaced; dormant leavers do not enter the new one, and so are gone."""
    state, parameters = run.state, run.parameters
    rate = 1 / parameters.card_renewal_months
    renewed = np.flatnonzero(run.strikes("card", rate_pm=rate) & state.is_active)
    is_dormant = (state.intent[renewed] != NO_INTENT) & (state.end_day[renewed] == NEVER)
    lapses = is_dormant & (run.luck("card.lapses", renewed) < parameters.card_lapse_prob)
    if renewed.size and run.journal.is_kept:
        run.journal.record(
            "payment_events",
            customer_id=renewed,
            occurred_at=run.stamp("card.at", renewed, within=(0.0, 0.02)),
            kind="card_replaced",
        )
    return renewed[lapses] if run.day >= 0 else renewed[:0]
