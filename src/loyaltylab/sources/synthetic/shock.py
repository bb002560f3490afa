"""The shock: services the provider cancels, and what it offers for them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from loyaltylab.sources.synthetic.draws import pick
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import Flags, Integers
from loyaltylab.sources.synthetic.vouchers import issue_vouchers

REFUND, VOUCHER, CHOICE, NONE = range(4)
OFFERS: tuple[Literal["refund", "voucher", "choice", "none"], ...] = (
    "refund",
    "voucher",
    "choice",
    "none",
)
NOTICES_WITHIN, OFFERS_WITHIN = (0.10, 0.30), (0.50, 0.75)
WORTH_MONTHS = 2  # a compensation is worth two monthly prices
TENURE_SCALE_DAYS = 730


def cancel_services(run: Run) -> Integers:
    """The provider cancels a service, and offers a compensation drawn by lot per customer."""
    hit = np.flatnonzero(run.is_due(run.traits.shock_day) & run.state.is_active)
    if hit.size:
        run.state.satisfaction[hit] -= run.parameters.shock_loss
        run.milestones.reach("notice", hit, day=run.day)
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
    offer = _choose_offers(run, customers=customers)
    wants_money = run.traits.prefers_money[customers]
    received = np.where(offer == CHOICE, np.where(wants_money, REFUND, VOUCHER), offer)
    _feel_compensation(run, customers=customers, offer=offer, received=received)
    worth = np.round(WORTH_MONTHS * run.traits.price_eur[customers], 2)
    offered_at = run.stamp("compensation.at", customers, within=OFFERS_WITHIN)
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
    issue_vouchers(
        run, customers=customers[held], rows=rows[held], at=offered_at[held], worth=worth[held]
    )


def _choose_offers(run: Run, *, customers: Integers) -> Integers:
    """By lot, unless the world says what everybody gets; a knob gives the loyal vouchers."""
    parameters, forced = run.parameters, run.world.compensation
    if forced is not None and run.is_forcing:
        name = "voucher" if forced.startswith("voucher") else forced
        return np.full(customers.size, [str(offer) for offer in OFFERS].index(name))
    lot = run.draws.uniform_for("compensation.offer", customers)
    shares = tuple(parameters.compensation_shares.get(name, 0.0) for name in OFFERS)
    offer = pick(lot, shares)
    if not parameters.k_comp_assign:
        return offer
    tenure = (run.day - run.state.start_day[customers]) / TENURE_SCALE_DAYS - 1
    loyal = tenure + (run.state.satisfaction[customers] - run.traits.fit.mean())
    is_moved = run.luck("compensation.moved", customers) < abs(
        np.tanh(parameters.k_comp_assign * loyal)
    )
    towards = np.where(parameters.k_comp_assign * loyal > 0, VOUCHER, REFUND)
    return np.where(is_moved & np.isin(offer, (REFUND, VOUCHER)), towards, offer)


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
        [is_empty, is_forced],
        [parameters.uncompensated_grievance, parameters.mismatch_grievance],
        0.0,
    )
