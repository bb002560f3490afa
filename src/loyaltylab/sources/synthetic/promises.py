"""Promises: some contacts end in one, and on its day it is kept or broken."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import Integers

PROMISES_DUE_AT, PROMISE_DAYS = 0.70, 7


def make_promises(run: Run, *, customers: Integers, rows: Integers) -> None:
    """Some contacts end in a promise, unless an earlier one is still open."""
    state = run.state
    is_free = state.promise_day[customers] < run.day
    is_made = is_free & (run.luck("promise", customers) < run.parameters.promise_share)
    who = customers[is_made]
    delay = np.floor(PROMISE_DAYS * run.luck("promise.delay", who)).astype(np.int64)
    state.promise_day[who] = run.last_day + 1 + delay
    state.promise_row[who] = rows[is_made]
    due = run.calendar.instant(state.promise_day[who] + PROMISES_DUE_AT)
    run.journal.amend("contacts", rows[is_made], promise_due_at=due)


def settle_promises(run: Run) -> None:
    """Promises due today are kept or broken, for those still there to see it."""
    state = run.state
    due = np.flatnonzero(run.is_due(state.promise_day) & state.is_active)
    if due.size:
        is_kept = run.luck("promise.kept", due) < run.parameters.promise_kept_prob
        state.satisfaction[due[~is_kept]] -= run.parameters.broken_promise_loss
        run.journal.amend("contacts", state.promise_row[due], is_promise_kept=is_kept)
