"""Contracts end, for reasons the provider chose or not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import DAY_US, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.desks import lapse_with_cards
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import (
    LIFE_EVENT,
    NO_INTENT,
    PAYMENT,
    PRICE,
    SERVICE,
    UNKNOWN,
)
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers
from loyaltylab.sources.synthetic.vouchers import drop_vouchers

CAUSES = ("unknown", "service", "price_competitor", "life_event", "payment_failure")
# Where a wrong reason goes. Rows: service, price, life event, payment (billing knows); columns:
# as in CAUSES.
WRONG_REASONS = (
    (0.50, 0.00, 0.46, 0.04, 0.00),
    (0.50, 0.46, 0.00, 0.04, 0.00),
    (0.60, 0.20, 0.20, 0.00, 0.00),
    (0.00, 0.00, 0.00, 0.00, 0.00),
)
ENDS_WITHIN = (0.02, 0.09)
VERIFIED_AFTER_DAYS = 3
MIGRATED = 5  # gone from this provider's records, still a customer of another brand
MIGRATION_RATE_PM = 0.02
WOM_FLOOR, WOM_GRIEVANCE, WOM_CEILING, WOM_PRICE = 0.6, 0.2, 0.95, 0.25


def end_contracts(run: Run) -> None:
    """Requested ends fall due; cards lapse; life events and failed payments end at once.

    Nobody leaves before the window: stock are those who were still there when it opened, so
    a wish to leave that would have been granted earlier is forgotten instead.
    """
    state, parameters = run.state, run.parameters
    is_due = run.is_due(state.end_day)
    lapsed = lapse_with_cards(run)
    if run.day < 0:
        state.end_day[is_due], state.intent[is_due] = NEVER, NO_INTENT
        return
    cause = np.where(is_due, state.intent, UNKNOWN)
    cause[lapsed] = state.intent[lapsed]
    moves_on = run.strikes("life_event", rate_pm=parameters.exit_hazard_life_event_pm)
    cannot_pay = run.strikes("payment", rate_pm=parameters.exit_hazard_payment_pm)
    cause = np.where((cause == UNKNOWN) & cannot_pay, PAYMENT, cause)
    cause = np.where((cause == UNKNOWN) & moves_on, LIFE_EVENT, cause)
    leavers = np.flatnonzero((cause != UNKNOWN) & state.is_active)
    if leavers.size:
        is_lapsed = np.isin(leavers, lapsed)
        _record_exits(run, leavers=leavers, cause=cause[leavers], is_lapsed=is_lapsed)
        _spread_word(run, leavers=leavers, cause=cause[leavers])
        _reach_exit(run, leavers=leavers, cause=cause[leavers])
        close_contracts(run, leavers=leavers, left_by=cause[leavers])
    _migrate(run)


def _record_exits(run: Run, *, leavers: Integers, cause: Integers, is_lapsed: Flags) -> None:
    if not run.journal.is_kept:
        return
    state = run.state
    ended_at = run.stamp("end.at", leavers, within=ENDS_WITHIN)
    has_asked = state.end_day[leavers] != NEVER
    verified_at = ended_at + VERIFIED_AFTER_DAYS * DAY_US
    is_checked = run.luck("exit.checked", leavers) < run.parameters.verified_share
    is_checked &= verified_at < run.calendar.window_end_us
    names = np.array(CAUSES)
    stated = _stated(run, leavers=leavers, cause=cause, is_lapsed=is_lapsed)
    run.journal.amend("contracts", state.contract_row[leavers], ended_at=ended_at)
    run.journal.record(
        "exits",
        contract_id=state.contract_row[leavers],
        customer_id=leavers,
        requested_at=np.where(has_asked, state.requested_us[leavers], NOT_A_TIME),
        service_end_at=ended_at,
        cause_stated=names[stated],
        cause_verified=np.where(is_checked, names[cause], ""),
        verified_at=np.where(is_checked, verified_at, NOT_A_TIME),
    )
    _record_failures(run, leavers=leavers[(cause == PAYMENT)], at=ended_at[cause == PAYMENT])


def _record_failures(run: Run, *, leavers: Integers, at: Instants) -> None:
    """The payment that failed in the end, noted at the instant service stops."""
    if leavers.size:
        run.journal.record(
            "payment_events", customer_id=leavers, occurred_at=at, kind="payment_failed"
        )


def _stated(run: Run, *, leavers: Integers, cause: Integers, is_lapsed: Flags) -> Integers:
    """The reason given, by the row of the matrix that the true cause names.

    Who lapsed with a card never gave a reason: billing files a failed payment.
    """
    matrix = misclassification_matrix(run.parameters).to_numpy()
    below = np.cumsum(matrix, axis=1)[cause - 1, :-1]
    stated = (run.luck("exit.stated", leavers)[:, None] >= below).sum(axis=1)
    return np.where(is_lapsed, PAYMENT, stated).astype(np.int64)


def misclassification_matrix(parameters: SyntheticParameters) -> pd.DataFrame:
    """Probability of each stated reason, given why the customer left.

    Returns
    -------
    DataFrame
        Rows: the true cause; columns: the stated one, ``unknown`` for none. Rows sum to 1.
        Leavers who lapsed with a card are not in it: they never stated anything.

    Examples
    --------
    >>> matrix = misclassification_matrix(SyntheticParameters())
    >>> matrix.loc["service"].round(3).to_dict()["price_competitor"]
    0.035
    """
    wrong, fake = parameters.reason_misclass, parameters.fake_life_event
    matrix = np.array(WRONG_REASONS) * wrong
    for cause in (SERVICE, PRICE, LIFE_EVENT, PAYMENT):
        matrix[cause - 1, cause] += 1 - matrix[cause - 1].sum()
    claims = np.eye(len(CAUSES))[LIFE_EVENT]  # those who leave over service and say they move
    matrix[SERVICE - 1] = (1 - fake) * matrix[SERVICE - 1] + fake * claims
    return pd.DataFrame(matrix, index=list(CAUSES[1:]), columns=list(CAUSES))


def _spread_word(run: Run, *, leavers: Integers, cause: Integers) -> None:
    """Voluntary leavers may talk; each neighbour they have feels it for some weeks."""
    over_service = np.minimum(WOM_CEILING, WOM_FLOOR + WOM_GRIEVANCE * run.state.grievance[leavers])
    talks_with = np.select([cause == SERVICE, cause == PRICE], [over_service, WOM_PRICE], 0.0)
    talkers = leavers[run.luck("word.spread", leavers) < talks_with]
    heard_by = run.traits.neighbours[talkers].ravel()
    run.words.say(heard_by[heard_by != NOBODY])


def _reach_exit(run: Run, *, leavers: Integers, cause: Integers) -> None:
    milestones, state = run.milestones, run.state
    has_asked = state.end_day[leavers] != NEVER
    day = np.where(has_asked & run.is_due(state.end_day[leavers]), state.end_day[leavers], run.day)
    is_second = milestones.has("won_back", leavers)
    milestones.reach("second_exit", leavers[is_second], day=day[is_second])
    firsts = leavers[~is_second]
    milestones.reach("exit", firsts, day=day[~is_second])
    milestones.exit_cause[firsts] = cause[~is_second]
    milestones.exit_grievance[firsts] = state.grievance[firsts]


def close_contracts(run: Run, *, leavers: Integers, left_by: Integers | int) -> None:
    """These customers are gone; nothing of theirs is pending any more."""
    state = run.state
    state.is_active[leavers] = False
    state.left_day[leavers], state.left_by[leavers] = run.last_day, left_by
    state.intent[leavers] = NO_INTENT
    state.mailings[leavers] = 0
    for pending in (
        state.end_day, state.recontact_day, state.promise_day, state.remedy_day,
        state.denied_day, state.winback_until,
    ):  # fmt: skip
        pending[leavers] = NEVER
    drop_vouchers(run, customers=leavers)


def _migrate(run: Run) -> None:
    """A knob: the satisfied move to another brand of the house and drop out of the records."""
    k = run.parameters.k_censor
    if not k:
        return
    rate = MIGRATION_RATE_PM * np.exp(k * run.state.satisfaction)
    gone = np.flatnonzero(run.strikes("migration", rate_pm=rate) & run.state.is_active)
    run.milestones.reach("migrated", gone, day=run.day)
    close_contracts(run, leavers=gone, left_by=MIGRATED)
