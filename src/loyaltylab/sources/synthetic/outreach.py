"""What the provider sends unasked: promotions, rescues, and remedies after a denial."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import NEVER, Integers

PROMOTIONS_WITHIN, RESCUES_WITHIN, REMEDIES_WITHIN = (0.10, 0.78), (0.76, 0.78), (0.78, 0.79)
WAKE_UP_DAYS, REMEDY_DAYS = 30, 7


def send_promotions(run: Run) -> None:
    """Promotions go out by lot; one that misses makes attempts to leave likelier for 30 days."""
    parameters, state = run.parameters, run.state
    is_sent = run.strikes("promotion", rate_pm=_promotion_rate(run))
    to = np.flatnonzero(is_sent & state.is_active)
    if not to.size:
        return
    is_miss = run.luck("promotion.misses", to) < parameters.irrelevant_share
    by_team = run.has_team("promotions")[to]
    state.affective[to] += np.where(
        by_team, parameters.team_promotion_gain, parameters.promotion_gain
    )
    state.wakeup_until[to[is_miss]] = run.last_day + WAKE_UP_DAYS
    _record(run, kind="promotion", to=to, within=PROMOTIONS_WITHIN)


def _promotion_rate(run: Run) -> float | Floats:
    parameters = run.parameters
    forced = run.world.promotions if run.is_forcing else None
    if forced is not None:
        return parameters.team_promotion_rate_pm if forced else 0.0
    usual, team = parameters.promotion_rate_pm, parameters.team_promotion_rate_pm
    rate = np.where(run.has_team("promotions"), team, usual)
    k = parameters.k_outreach_risk
    return rate * np.exp(k * (run.traits.frailty - run.traits.fit)) if k else rate


def rescue_the_aggrieved(run: Run) -> None:
    """The integrated team looks after those with a grievance before they ask to leave."""
    parameters, state = run.parameters, run.state
    forced = run.world.rescue if run.is_forcing else None
    reached = run.has_team("rescues") if forced is None else np.full(state.is_active.shape, forced)
    in_need = np.flatnonzero(
        reached & state.is_active & (state.grievance > parameters.rescue_grievance)
    )
    is_rescued = run.luck("rescue", in_need) < run.chance(parameters.rescue_rate_pm)
    to = in_need[is_rescued]
    state.grievance[to] *= parameters.rescue_keeps
    state.satisfaction[to] += parameters.rescue_gain
    _record(run, kind="rescue", to=to, within=RESCUES_WITHIN)


def promise_remedies(run: Run) -> None:
    """Some of those denied today will get a remedy within a week."""
    state = run.state
    denied = np.flatnonzero((state.denied_day == run.day) & state.is_active)
    timing = run.world.remedy if run.is_forcing else None
    usual = run.parameters.remedy_refusal_share if timing is None else timing == "at_refusal"
    share = np.full(denied.size, float(usual))
    if run.world.first_remedy is not None and run.is_forcing:
        is_first = run.milestones.days["first_denial"][denied] == run.day
        share = np.where(is_first, float(run.world.first_remedy), share)
    who = denied[run.luck("remedy.early", denied) < share]
    delay = np.floor(REMEDY_DAYS * run.luck("remedy.delay", who)).astype(np.int64)
    state.remedy_day[who] = run.last_day + 1 + delay


def deliver_remedies(run: Run) -> None:
    """Remedies due today arrive, for those still there."""
    due = np.flatnonzero(run.is_due(run.state.remedy_day) & run.state.is_active)
    undo_denials(run, customers=due, share=run.parameters.remedy_restore_refusal)
    run.state.remedy_day[due] = NEVER
    _record(run, kind="remedy", to=due, within=REMEDIES_WITHIN)


def undo_denials(run: Run, *, customers: Integers, share: float) -> None:
    """A remedy gives back part of what the last denial cost."""
    state, parameters = run.state, run.parameters
    undone = share * state.denied_weight[customers]
    state.satisfaction[customers] += parameters.denial_loss * undone
    relieved = state.grievance[customers] - parameters.denial_grievance * undone
    state.grievance[customers] = np.maximum(relieved, 0.0)
    state.denied_weight[customers] = 0.0


def _record(run: Run, *, kind: str, to: Integers, within: tuple[float, float]) -> None:
    if to.size and run.journal.is_kept:
        run.journal.record(
            "outreach",
            customer_id=to,
            sent_at=run.stamp(f"{kind}.at", to, within=within),
            kind=kind,
            is_accepted=np.nan,
        )
