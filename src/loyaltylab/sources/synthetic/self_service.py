"""The bot: it keeps part of the questions from a person, and answers most of those."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.tickets import CONTACTS_WITHIN, await_return, record_contacts
from loyaltylab.sources.synthetic.topics import QUERY
from loyaltylab.sources.synthetic.traits import NOBODY, Flags, Integers

SKILL_CONTAINED = 0.05  # more of the digitally skilled stay with the bot, share per SD
BOT_MINUTES = 5


def ask_the_bot(run: Run, *, customers: Integers, topic: Integers) -> Integers:
    """Who still needs a person; the bot writes its own tickets, all of them as solved.

    What it does not truly solve comes back within a week, or the customer gives up silently.
    """
    if not customers.size:
        return customers
    is_contained = _contained(run, customers=customers, topic=topic)
    kept = customers[is_contained]
    if kept.size:
        parameters, state = run.parameters, run.state
        is_failed = run.luck("bot.solves", kept) >= parameters.self_service_resolves
        state.satisfaction[kept[is_failed]] -= parameters.unresolved_loss
        state.grievance[kept[is_failed]] += parameters.unresolved_grievance
        rows = np.full(kept.size, NOBODY)
        if run.journal.is_kept:
            rows = _write(run, customers=kept)
        await_return(run, customers=kept, topic=QUERY, rows=rows, is_unresolved=is_failed)
    return customers[~is_contained]


def _contained(run: Run, *, customers: Integers, topic: Integers) -> Flags:
    parameters = run.parameters
    forced = run.world.self_service if run.is_forcing else None
    share = parameters.self_service_share if forced is None else float(forced)
    usual = parameters.self_service_contains
    keeps = usual + SKILL_CONTAINED * (usual > 0) * run.traits.digital_skill[customers]
    meets = (topic == QUERY) & (run.luck("bot.met", customers) < share)
    return np.asarray(meets & (run.luck("bot.contains", customers) < keeps))


def _write(run: Run, *, customers: Integers) -> Integers:
    opened = run.stamp("contact.at", customers, within=CONTACTS_WITHIN)
    return record_contacts(
        run,
        customers=customers,
        opened=opened,
        replied=None,
        closed=opened + BOT_MINUTES * 60_000_000,
        topic=np.full(customers.size, QUERY),
        channel=np.full(customers.size, "bot"),
    )
