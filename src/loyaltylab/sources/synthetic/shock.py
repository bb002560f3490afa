"""The shock: services the provider cancels, what it offers for them, and what vouchers do."""

from __future__ import annotations

from typing import Literal

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.draws import Floats, pick
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers

REFUND, VOUCHER, CHOICE, NONE = range(4)
OFFERS: tuple[Literal["refund", "voucher", "choice", "none"], ...] = (
    "refund",
    "voucher",
    "choice",
    "none",
)
NOTICES_WITHIN, OFFERS_WITHIN, REDEMPTIONS_WITHIN = (0.10, 0.30), (0.50, 0.75), (0.10, 0.95)
CANCELLED_LOSS = 0.30
WORTH_MONTHS = 2  # a compensation is worth two monthly prices
MISMATCH_GRIEVANCE, NO_REMEDY_GRIEVANCE, FORFEIT_GRIEVANCE = 0.20, 0.40, 0.60


def cancel_services(run: Run) -> Integers:
    """The provider cancels a service, and offers a compensation drawn by lot per customer."""
    hit = np.flatnonzero((run.traits.shock_day == run.day) & run.state.is_active)
    if hit.size:
        run.state.satisfaction[hit] -= CANCELLED_LOSS
        incident_rows = run.journal.record(
            "incidents",
            customer_id=hit,
            occurred_at=run.stamp("shock.at", hit, within=NOTICES_WITHIN),
            kind="provider_cancelled",
            severity=1.0,
        )
        _compensate(run, customers=hit, incident_rows=incident_rows)
    return hit


def _compensate(run: Run, *, customers: Integers, incident_rows: Integers) -> None:
    shares = run.parameters.compensation_shares
    lot = run.draws.uniform("compensation.offer")[customers]
    offer = pick(lot, tuple(shares.get(name, 0.0) for name in OFFERS))
    wants_money = run.traits.prefers_money[customers]
    received = np.where(offer == CHOICE, np.where(wants_money, REFUND, VOUCHER), offer)
    _feel_compensation(run, customers=customers, offer=offer, received=received)
    offered_at = run.stamp("compensation.at", customers, within=OFFERS_WITHIN)
    worth = np.round(WORTH_MONTHS * run.traits.price_eur[customers], 2)
    rows = run.journal.record(
        "compensations",
        customer_id=customers,
        incident_id=incident_rows,
        offered_at=offered_at,
        offered=np.array(OFFERS)[offer],
        received=np.array(OFFERS)[received],
        amount_eur=np.where(received == NONE, 0.0, worth),
    )
    held = received == VOUCHER
    _issue_vouchers(
        run, customers=customers[held], rows=rows[held], at=offered_at[held], worth=worth[held]
    )


def _feel_compensation(
    run: Run, *, customers: Integers, offer: Integers, received: Integers
) -> None:
    """A remedy that fits helps a little; an unwanted voucher hurts, and nothing hurts most."""
    state, parameters = run.state, run.parameters
    is_forced: Flags = (offer == VOUCHER) & run.traits.prefers_money[customers]
    is_empty = received == NONE
    state.satisfaction[customers] += np.select(
        [is_empty, is_forced],
        [-parameters.uncompensated_loss, -parameters.mismatch_loss],
        parameters.compensated_gain,
    )
    state.grievance[customers] += np.select(
        [is_empty, is_forced], [NO_REMEDY_GRIEVANCE, MISMATCH_GRIEVANCE], 0.0
    )


def _issue_vouchers(
    run: Run, *, customers: Integers, rows: Integers, at: Instants, worth: Floats
) -> None:
    if not customers.size:
        return
    valid_days = run.parameters.voucher_valid_d
    run.state.voucher_expires_day[customers] = run.day + valid_days
    run.state.voucher_row[customers] = run.journal.record(
        "vouchers",
        customer_id=customers,
        compensation_id=rows,
        issued_at=at,
        expires_at=at + valid_days * DAY_US,
        redeemed_at=NOT_A_TIME,
        refunded_at=NOT_A_TIME,
        amount_eur=worth,
    )


def live_with_vouchers(run: Run) -> None:
    """Vouchers are used, or lapse at the end of their life; leaving forfeits them."""
    state = run.state
    held = state.voucher_row != NOBODY
    if not held.any():
        return
    expired = np.flatnonzero(held & (state.voucher_expires_day == run.day))
    _let_lapse(run, customers=expired)
    is_used = run.happens("voucher.used", rate_pm=run.parameters.voucher_redeem_pm)
    # Issued later in the day than it could be used: a voucher serves from the next day on.
    is_usable = held & (state.voucher_expires_day < run.day + run.parameters.voucher_valid_d)
    used = np.flatnonzero(is_used & is_usable & (state.voucher_row != NOBODY))
    at = run.stamp("voucher.at", used, within=REDEMPTIONS_WITHIN)
    run.journal.amend("vouchers", state.voucher_row[used], redeemed_at=at)
    drop_vouchers(run, customers=used)


def _let_lapse(run: Run, *, customers: Integers) -> None:
    state, parameters = run.state, run.parameters
    if parameters.voucher_is_refunded:
        at = run.stamp("voucher.refunded", customers, within=(0.75, 0.95))
        run.journal.amend("vouchers", state.voucher_row[customers], refunded_at=at)
    else:
        state.satisfaction[customers] -= parameters.forfeit_loss
        state.grievance[customers] += FORFEIT_GRIEVANCE
    drop_vouchers(run, customers=customers)


def drop_vouchers(run: Run, *, customers: Integers) -> None:
    """The customers no longer hold a voucher."""
    run.state.voucher_row[customers] = NOBODY
    run.state.voucher_expires_day[customers] = NEVER
