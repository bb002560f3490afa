"""A provider with its customers, simulated day by day, as a source with known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import BURN_IN_DAYS
from loyaltylab.sources.synthetic.endings import end_contracts, open_contracts, start_contracts
from loyaltylab.sources.synthetic.frames import deliver_frames, hash_frames
from loyaltylab.sources.synthetic.leaving import form_intents, try_to_cancel
from loyaltylab.sources.synthetic.outreach import send_promotions
from loyaltylab.sources.synthetic.run import Run, found_run, let_feelings_fade
from loyaltylab.sources.synthetic.service import suffer_incidents, take_contacts
from loyaltylab.sources.synthetic.shock import cancel_services, live_with_vouchers
from loyaltylab.sources.synthetic.tickets import settle_promises
from loyaltylab.tables.delivery import Delivery, SourceDescription
from loyaltylab.tables.schemas import TABLES

NOTES = (
    "No customer in these data is real: a simulation with known effects wrote every row.",
    "Stock customers are drawn as they stand at the window's start, with up to 48 months behind "
    "them; earlier leavers were never drawn, and stock is no hardier than newcomers.",
    "A request to cancel is dated at the step 'requested'; the desk, if any, meets it after "
    "that, and service ends after notice, at the end of a term if the rules say so. Some of the "
    "stock had asked before the window: their exits carry that earlier date.",
    "Who meets the retention desk, what compensation is offered and who is cancelled on are "
    "drawn by lot, so their contrasts are free of confounding by construction.",
    "Vouchers can be used only by customers, before they expire; leaving forfeits them.",
    "Neighbours resemble each other and also influence each other's wish to leave.",
)


def simulate_provider(parameters: SyntheticParameters, *, seed: int) -> Delivery:
    """Simulate a subscription provider and deliver its tables.

    Parameters
    ----------
    parameters : SyntheticParameters
        What the provider is built from.
    seed : int
        Seed of the world. The same seed and parameters give the same bytes anywhere; the same
        seed under another policy gives the same customers and the same luck.

    Returns
    -------
    Delivery
        Every table of ``tables.schemas``, rows in order of time, index from 1.

    Notes
    -----
    Time moves in days; rates are per month of 30.4375 days. Within a day the order is: ends,
    failures, contacts, promises, vouchers, promotions, intents, attempts, new contracts. An
    unrecorded year before the window brings the stock's feelings, wishes to leave and
    notices given to a steady state; in it nobody's contract ends.

    Examples
    --------
    >>> from loyaltylab.params import SyntheticParameters
    >>> delivery = simulate_provider(SyntheticParameters(n_customers=50), seed=1)
    >>> len(delivery.frames["customers"])
    50
    """
    run = found_run(parameters, seed=seed)
    _admit_stock(run)
    for day in range(-BURN_IN_DAYS, run.calendar.n_days):
        run.day = day
        _live_one_day(run)
    frames = deliver_frames(run)
    return Delivery(
        description=_describe(parameters, data_hash=hash_frames(frames)),
        frames=frames,
        files={table: f"synthetic:{table}" for table in TABLES},
    )


def _live_one_day(run: Run) -> None:
    end_contracts(run)
    let_feelings_fade(run)
    failed = suffer_incidents(run)
    cancelled = cancel_services(run)
    take_contacts(run, failed=failed, cancelled=cancelled)
    settle_promises(run)
    live_with_vouchers(run)
    send_promotions(run)
    form_intents(run)
    try_to_cancel(run)
    open_contracts(run)


def _admit_stock(run: Run) -> None:
    """Contracts of those who joined before the unrecorded year."""
    early = np.flatnonzero(run.traits.start < -BURN_IN_DAYS)
    start_contracts(run, customers=early, start=run.traits.start[early])


def _describe(parameters: SyntheticParameters, *, data_hash: str) -> SourceDescription:
    return SourceDescription(
        kind="synthetic",
        label="synthetic subscription provider",
        is_synthetic=True,
        window_start_at=pd.Timestamp(parameters.window_start, tz="UTC"),
        window_end_at=pd.Timestamp(parameters.window_end, tz="UTC"),
        data_hash=data_hash,
        notes=NOTES,
    )
