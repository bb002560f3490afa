"""Promotions: a little warmth, and now and then a reminder that one could leave."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.run import Run

PROMOTIONS_WITHIN = (0.10, 0.78)
WAKE_UP_DAYS = 30


def send_promotions(run: Run) -> None:
    """Promotions go out by lot; one that misses makes attempts to leave likelier for 30 days."""
    parameters, state = run.parameters, run.state
    is_sent = run.happens("promotion", rate_pm=parameters.promotion_rate_pm)
    to = np.flatnonzero(is_sent & state.is_active)
    if not to.size:
        return
    is_miss = run.uniform("promotion.misses")[to] < parameters.irrelevant_share
    state.affective[to] += parameters.promotion_gain
    state.wakeup_until[to[is_miss]] = run.day + WAKE_UP_DAYS
    run.journal.record(
        "outreach",
        customer_id=to,
        sent_at=run.stamp("promotion.at", to, within=PROMOTIONS_WITHIN),
        kind="promotion",
        is_accepted=np.nan,
    )
