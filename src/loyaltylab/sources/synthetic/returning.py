"""Contracts begin: newcomers sign up, and some who left are asked back, and come back."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, DAYS_PER_MONTH, NOT_A_TIME
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import NO_INTENT, PAYMENT, PRICE, SERVICE
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, SIGNUP_CHANNELS, Integers

STARTS_WITHIN, LETTERS_WITHIN = (0.30, 0.90), (0.10, 0.25)
WINBACK_AFFECTIVE, WINBACK_GRIEVANCE = 0.4, -0.5
WINBACK_SERVICE, WINBACK_PRICE, WINBACK_FADE_MONTHS = -0.5, 0.3, 12.0
OFFER_AFTER_DAYS, OFFER_LASTS_DAYS = 30, 60
MAILED_FOR_DAYS, MAILINGS_PM = 730, 1.0


def open_contracts(run: Run) -> None:
    """Newcomers join and some former customers return; they are served from tomorrow on."""
    state = run.state
    newcomers = np.flatnonzero(run.is_due(state.start_day) & ~state.has_joined)
    shuns = run.parameters.post_signup_loss * run.words.lasting_outrage
    if shuns:
        newcomers = newcomers[run.luck("signup", newcomers) < np.exp(-shuns)]
    start_contracts(run, customers=newcomers, start=run.traits.start[newcomers])
    former = _may_return(run)
    _send_winback_offers(run, former=former)
    _send_mailings(run, former=former)
    returning = former[run.luck("winback", former) < run.chance(_return_rate(run, former=former))]
    earliest, latest = STARTS_WITHIN
    hour = earliest + (latest - earliest) * run.luck("winback.at", returning)
    run.milestones.reach("won_back", returning, day=run.last_day)
    _mark_accepted(run, customers=returning)
    start_contracts(run, customers=returning, start=run.day + run.span * hour)


def _may_return(run: Run) -> Integers:
    """Former customers, but for the bereaved and the moved, from the day after they left."""
    state = run.state
    gone = (state.left_by > NO_INTENT) & ~state.is_active & (state.left_day < run.day)
    return np.flatnonzero(gone & np.isin(state.left_by, (SERVICE, PRICE, PAYMENT)))


def _return_rate(run: Run, *, former: Integers) -> Floats:
    """The sooner the likelier; letters help a little and annoy in the long run."""
    state, parameters = run.state, run.parameters
    left_by, letters = state.left_by[former], state.mailings[former]
    log_ratio = (
        WINBACK_AFFECTIVE * state.affective[former]
        + WINBACK_GRIEVANCE * state.grievance[former]
        + WINBACK_SERVICE * (left_by == SERVICE)
        + WINBACK_PRICE * (left_by == PRICE)
        - (run.day - state.left_day[former]) / DAYS_PER_MONTH / WINBACK_FADE_MONTHS
        + parameters.winback_offer_log_hr * (state.winback_until[former] > run.day)
        + parameters.mailing_log_hr * (letters > 0)
        - parameters.mailing_annoyance * letters
    )
    return np.asarray(parameters.winback_rate_pm * np.exp(log_ratio))


def _send_winback_offers(run: Run, *, former: Integers) -> None:
    """A month after leaving some get an offer, by lot."""
    state, parameters = run.state, run.parameters
    due = former[run.is_due(state.left_day[former] + OFFER_AFTER_DAYS)]
    forced = run.world.win_back_offers if run.is_forcing else None
    share = parameters.winback_offer_share if forced is None else float(forced)
    to = due[run.luck("winback.offer", due) < share]
    state.winback_until[to] = run.last_day + OFFER_LASTS_DAYS
    if to.size and run.journal.is_kept:
        at = run.stamp("winback.offered", to, within=LETTERS_WITHIN)
        run.journal.record(
            "outreach", customer_id=to, sent_at=at, kind="win_back_offer", is_accepted=np.nan
        )
        state.offered_at[to] = run.journal.record(
            "offers",
            customer_id=to,
            offered_at=at,
            kind="win_back",
            discount_share=parameters.offer_discount,
            ends_at=at + OFFER_LASTS_DAYS * DAY_US,
            is_accepted=0.0,
        )


def _mark_accepted(run: Run, *, customers: Integers) -> None:
    """Who comes back while an offer runs has taken it."""
    takers = customers[run.state.winback_until[customers] > run.day]
    run.journal.amend("offers", run.state.offered_at[takers], is_accepted=1.0)
    run.state.winback_until[customers] = NEVER


def _send_mailings(run: Run, *, former: Integers) -> None:
    """Those who consent get a letter about once a month for two years."""
    forced = run.world.mailings if run.is_forcing else None
    to = former[run.state.left_day[former] > run.day - MAILED_FOR_DAYS]
    if forced is None:
        to = to[run.traits.consents_to_mail[to]]
    elif not forced:
        to = to[:0]
    to = to[run.luck("mailing", to) < run.chance(MAILINGS_PM)]
    run.state.mailings[to] += 1
    if to.size and run.journal.is_kept:
        run.journal.record(
            "outreach",
            customer_id=to,
            sent_at=run.stamp("mailing.at", to, within=LETTERS_WITHIN),
            kind="mailing",
            is_accepted=np.nan,
        )


def start_contracts(run: Run, *, customers: Integers, start: Floats) -> None:
    """A contract with a first term begins for each customer at a fractional day."""
    if not customers.size:
        return
    state, traits = run.state, run.traits
    started_at = run.calendar.instant(start)
    state.contract_row[customers] = run.journal.record(
        "contracts",
        customer_id=customers,
        started_at=started_at,
        ended_at=NOT_A_TIME,
        term_ends_at=started_at + run.term_days() * DAY_US,
        notice_days=float(run.parameters.notice_days),
        price_eur=traits.price_eur[customers],
        signup_channel=np.array(SIGNUP_CHANNELS)[traits.signup_channel[customers]],
    )
    first = customers[~state.has_joined[customers]]
    state.is_active[customers] = True
    state.has_joined[customers] = True
    state.start_day[customers] = np.floor(start).astype(np.int64)
    state.residual[customers] = 0.0
    state.offer_until[customers] = NEVER
    run.milestones.reach("entry", first, day=np.maximum(state.start_day[first], 0))
    assert (state.contract_row[customers] != NOBODY).all()
