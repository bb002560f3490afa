"""Vouchers: issued for a cancelled service, used, paid out, or forfeited."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Integers

REDEMPTIONS_WITHIN, PAYMENTS_WITHIN = (0.10, 0.95), (0.75, 0.95)


def issue_vouchers(
    run: Run, *, customers: Integers, rows: Integers, at: Instants, worth: Floats
) -> None:
    """Each of these customers holds one voucher from now on."""
    if not customers.size:
        return
    valid_days = run.parameters.voucher_valid_d
    run.state.voucher_expires_day[customers] = run.last_day + valid_days
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
    holders = np.flatnonzero(state.voucher_row != NOBODY)
    if not holders.size:
        return
    is_over = run.is_due(state.voucher_expires_day[holders])
    _let_lapse(run, customers=holders[is_over])
    holders = holders[~is_over]
    # Issued later in the day than it could be used: a voucher serves from the next day on.
    is_usable = state.voucher_expires_day[holders] < run.last_day + run.parameters.voucher_valid_d
    chance = run.chance(run.parameters.voucher_redeem_pm)
    used = holders[is_usable & (run.luck("voucher.used", holders) < chance)]
    if used.size:
        at = run.stamp("voucher.at", used, within=REDEMPTIONS_WITHIN)
        run.journal.amend("vouchers", state.voucher_row[used], redeemed_at=at)
        drop_vouchers(run, customers=used)


def _let_lapse(run: Run, *, customers: Integers) -> None:
    state, parameters = run.state, run.parameters
    if not customers.size:
        return
    forced = run.world.compensation if run.is_forcing else None
    is_refunded = parameters.voucher_is_refunded
    if forced is not None and forced != "choice":
        is_refunded = forced == "voucher_refunded"
    if is_refunded:
        at = run.stamp("voucher.refunded", customers, within=PAYMENTS_WITHIN)
        run.journal.amend("vouchers", state.voucher_row[customers], refunded_at=at)
    else:
        state.satisfaction[customers] -= parameters.forfeit_loss
        state.grievance[customers] += parameters.forfeit_grievance
    drop_vouchers(run, customers=customers)


def drop_vouchers(run: Run, *, customers: Integers) -> None:
    """The customers no longer hold a voucher."""
    run.state.voucher_row[customers] = NOBODY
    run.state.voucher_expires_day[customers] = NEVER
