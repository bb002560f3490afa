"""A day of the provider, in the order things happen."""

from __future__ import annotations

import numpy as np

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.endings import end_contracts
from loyaltylab.sources.synthetic.feelings import let_feelings_fade
from loyaltylab.sources.synthetic.leaving import form_intents, try_to_cancel
from loyaltylab.sources.synthetic.outreach import (
    deliver_remedies,
    promise_remedies,
    rescue_the_aggrieved,
    send_promotions,
)
from loyaltylab.sources.synthetic.posts import post_complaints
from loyaltylab.sources.synthetic.promises import settle_promises
from loyaltylab.sources.synthetic.ratings import send_surveys
from loyaltylab.sources.synthetic.returning import open_contracts, start_contracts
from loyaltylab.sources.synthetic.run import Run, found_run
from loyaltylab.sources.synthetic.service import suffer_incidents, take_contacts, worsen_terms
from loyaltylab.sources.synthetic.shock import cancel_services
from loyaltylab.sources.synthetic.vouchers import live_with_vouchers
from loyaltylab.sources.synthetic.worlds import World


def live_through(
    parameters: SyntheticParameters,
    *,
    seed: int,
    world: World | None = None,
    step_days: int = 1,
    is_recording: bool = True,
    first_customer: int = 0,
) -> Run:
    """Run a provider from the unrecorded year to the end of the window.

    The unrecorded year brings the stock's feelings, wishes to leave and notices given to a
    steady state; in it nobody's contract ends.
    """
    run = found_run(
        parameters,
        seed=seed,
        world=world,
        step_days=step_days,
        is_recording=is_recording,
        first_customer=first_customer,
    )
    early = np.flatnonzero(run.traits.start < run.day)
    start_contracts(run, customers=early, start=run.traits.start[early])
    for day in range(run.day, run.calendar.n_days, step_days):
        run.day, run.span = day, min(step_days, run.calendar.n_days - day)
        live_one_day(run)
    return run


def live_one_day(run: Run) -> None:
    """The day's order of events; what is said and queued today acts tomorrow."""
    let_feelings_fade(run)
    end_contracts(run)
    failed = suffer_incidents(run)
    cancelled = cancel_services(run)
    worsen_terms(run)
    take_contacts(run, failed=failed, cancelled=cancelled)
    promise_remedies(run)
    settle_promises(run)
    deliver_remedies(run)
    live_with_vouchers(run)
    send_promotions(run)
    rescue_the_aggrieved(run)
    send_surveys(run)
    post_complaints(run)
    form_intents(run)
    try_to_cancel(run)
    open_contracts(run)
    run.words.close_day()
