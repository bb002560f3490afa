"""Promotions: a little warmth, and now and then a reminder that one could leave."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.world import World

PROMOTIONS_WITHIN = (0.10, 0.78)
WAKE_UP_DAYS = 30


def send_promotions(world: World) -> None:
    """Promotions go out by lot; one that misses makes attempts to leave likelier for 30 days."""
    parameters, state = world.parameters, world.state
    is_sent = world.happens("promotion", rate_pm=parameters.promotion_rate_pm)
    to = np.flatnonzero(is_sent & state.is_active)
    if not to.size:
        return
    is_miss = world.uniform("promotion.misses")[to] < parameters.irrelevant_share
    state.affective[to] += parameters.promotion_gain
    state.wakeup_until[to[is_miss]] = world.day + WAKE_UP_DAYS
    world.journal.record(
        "outreach",
        customer_id=to,
        sent_at=world.stamp("promotion.at", to, within=PROMOTIONS_WITHIN),
        kind="promotion",
        is_accepted=np.nan,
    )
