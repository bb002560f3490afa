"""Contracts begin and end, for reasons the provider chose or not, and some begin again."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import (
    DAY_US,
    DAYS_PER_MONTH,
    NOT_A_TIME,
    daily_probability,
)
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.run import NO_INTENT, PRICE, SERVICE, Run
from loyaltylab.sources.synthetic.shock import drop_vouchers
from loyaltylab.sources.synthetic.traits import (
    NEVER,
    NOBODY,
    SIGNUP_CHANNELS,
    Flags,
    Integers,
)

LIFE_EVENT, PAYMENT = 3, 4
CAUSES = ("unknown", "service", "price_competitor", "life_event", "payment_failure")
UNKNOWN = 0
ENDS_WITHIN = (0.0, 0.09)
STARTS_WITHIN = (0.30, 0.90)
WOM_FLOOR, WOM_GRIEVANCE, WOM_CEILING, WOM_PRICE = 0.6, 0.2, 0.95, 0.25
WINBACK_AFFECTIVE, WINBACK_GRIEVANCE = 0.4, -0.5
WINBACK_SERVICE, WINBACK_PRICE, WINBACK_FADE_MONTHS = -0.5, 0.3, 12.0


def end_contracts(run: Run) -> None:
    """Requested ends fall due; life events and failed payments end contracts at once.

    Nobody leaves before the window: stock are those who were still there when it opened, so
    a wish to leave that would have been granted earlier is forgotten instead.
    """
    state, parameters = run.state, run.parameters
    if run.day < 0:
        is_due = state.end_day == run.day
        state.end_day[is_due], state.intent[is_due] = NEVER, NO_INTENT
        return
    cause = np.where(state.end_day == run.day, state.intent, UNKNOWN)
    moves_on = run.happens("life_event", rate_pm=parameters.exit_hazard_life_event_pm)
    cannot_pay = run.happens("payment", rate_pm=parameters.exit_hazard_payment_pm)
    cause = np.where((cause == UNKNOWN) & cannot_pay, PAYMENT, cause)
    cause = np.where((cause == UNKNOWN) & moves_on, LIFE_EVENT, cause)
    leavers = np.flatnonzero((cause != UNKNOWN) & state.is_active)
    if leavers.size:
        _record_exits(run, leavers=leavers, cause=cause[leavers])
        _spread_word(run, leavers=leavers, cause=cause[leavers])
        _close(run, leavers=leavers, cause=cause[leavers])


def _record_exits(run: Run, *, leavers: Integers, cause: Integers) -> None:
    state = run.state
    ended_at = run.stamp("end.at", leavers, within=ENDS_WITHIN)
    has_asked = state.end_day[leavers] != NEVER
    is_checked = run.uniform("exit.checked")[leavers] < run.parameters.verified_share
    names = np.array(CAUSES)
    run.journal.amend("contracts", state.contract_row[leavers], ended_at=ended_at)
    run.journal.record(
        "exits",
        contract_id=state.contract_row[leavers],
        customer_id=leavers,
        requested_at=np.where(has_asked, state.requested_us[leavers], NOT_A_TIME),
        service_end_at=ended_at,
        cause_stated=names[_stated(run, leavers=leavers, cause=cause)],
        cause_verified=np.where(is_checked, names[cause], ""),
    )


def _stated(run: Run, *, leavers: Integers, cause: Integers) -> Integers:
    """The reason given: some leave over service and say they move; some are miscoded."""
    parameters = run.parameters
    error = run.uniform("exit.misclassified")[leavers]
    is_blank = run.uniform("exit.blank")[leavers] < 0.5
    is_fake = run.uniform("exit.fake")[leavers] < parameters.fake_life_event
    other = np.select([cause == SERVICE, cause == PRICE], [PRICE, SERVICE], UNKNOWN)
    wrong = np.where(is_blank, UNKNOWN, other)
    is_wrong = (error < parameters.reason_misclass) & (cause != PAYMENT)  # billing knows
    stated = np.where(is_wrong, wrong, cause)
    return np.where((cause == SERVICE) & is_fake, LIFE_EVENT, stated).astype(np.int64)


def _spread_word(run: Run, *, leavers: Integers, cause: Integers) -> None:
    """Voluntary leavers may talk; each neighbour they have feels it for some weeks."""
    state = run.state
    over_service = np.minimum(WOM_CEILING, WOM_FLOOR + WOM_GRIEVANCE * state.grievance[leavers])
    talks_with = np.select([cause == SERVICE, cause == PRICE], [over_service, WOM_PRICE], 0.0)
    talkers = leavers[run.uniform("word.spread")[leavers] < talks_with]
    heard_by = run.traits.neighbours[talkers].ravel()
    np.add.at(state.pressure, heard_by[heard_by != NOBODY], 1.0)


def _close(run: Run, *, leavers: Integers, cause: Integers) -> None:
    state = run.state
    state.is_active[leavers] = False
    state.left_day[leavers], state.left_by[leavers] = run.day, cause
    state.end_day[leavers] = NEVER
    state.intent[leavers] = NO_INTENT
    state.recontact_day[leavers], state.promise_day[leavers] = NEVER, NEVER
    drop_vouchers(run, customers=leavers)


def open_contracts(run: Run) -> None:
    """Newcomers join and some former customers return; they are served from tomorrow on."""
    newcomers = np.flatnonzero(run.state.start_day == run.day)
    newcomers = newcomers[run.state.contract_row[newcomers] == NOBODY]
    start_contracts(run, customers=newcomers, start=run.traits.start[newcomers])
    returning = np.flatnonzero(_returns(run))
    earliest, latest = STARTS_WITHIN
    hour = earliest + (latest - earliest) * run.uniform("winback.at")[returning]
    start_contracts(run, customers=returning, start=run.day + hour)


def _returns(run: Run) -> Flags:
    """Former customers come back, the sooner the likelier; the bereaved and the moved do not."""
    state, parameters = run.state, run.parameters
    may_return = (state.left_by != NOBODY) & (state.left_by != LIFE_EVENT) & ~state.is_active
    may_return &= state.left_day < run.day
    log_ratio = (
        WINBACK_AFFECTIVE * state.affective
        + WINBACK_GRIEVANCE * state.grievance
        + WINBACK_SERVICE * (state.left_by == SERVICE)
        + WINBACK_PRICE * (state.left_by == PRICE)
        - np.where(may_return, run.day - state.left_day, 0) / DAYS_PER_MONTH / WINBACK_FADE_MONTHS
    )
    rate = parameters.winback_rate_pm * np.exp(log_ratio)
    return np.asarray(may_return & (run.uniform("winback") < daily_probability(rate)))


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
    state.is_active[customers] = True
    state.start_day[customers] = np.floor(start).astype(np.int64)
    state.residual[customers] = 0.0
    state.offer_until[customers] = NEVER
