"""A day of service: what goes wrong, and who makes contact about what."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.feelings import count_tenure_months
from loyaltylab.sources.synthetic.handling import feel, handle
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.self_service import ask_the_bot
from loyaltylab.sources.synthetic.state import NO_INTENT
from loyaltylab.sources.synthetic.tickets import write_tickets
from loyaltylab.sources.synthetic.topics import (
    CANCELLED_SERVICE,
    INCIDENT,
    NO_TOPIC,
    QUERY,
    REQUEST,
)
from loyaltylab.sources.synthetic.traits import Flags, Integers

INCIDENTS_WITHIN, MESSAGES_WITHIN = (0.10, 0.28), (0.28, 0.30)
WORSENED_LOSS, WORSENED_GRIEVANCE, WORSENED_ASKS = 0.80, 0.40, 0.5
MONTH_DAYS = 30


def suffer_incidents(run: Run) -> Integers:
    """Failures strike; the worse they are, the more satisfaction they cost."""
    strikes = run.strikes("incident", rate_pm=run.parameters.incident_rate_pm)
    hit = np.flatnonzero(strikes & run.state.is_active)
    if hit.size:
        severity = np.round(-np.log(run.luck("incident.severity", hit)), 3)
        run.state.severity[hit] = severity
        run.state.satisfaction[hit] -= _loss_by_failure(run, hit=hit) * severity
        run.milestones.reach("first_failure", hit, day=run.day)
        if run.journal.is_kept:
            run.journal.record(
                "incidents",
                customer_id=hit,
                occurred_at=run.stamp("incident.at", hit, within=INCIDENTS_WITHIN),
                kind="failure",
                severity=severity,
            )
        _tell_of_failure(run, hit=hit)
    return hit


def _loss_by_failure(run: Run, *, hit: Integers) -> float | Floats:
    """Loss per unit of severity; with points saved up, failures may weigh less."""
    parameters = run.parameters
    if not parameters.points_relief:
        return parameters.incident_loss
    tenure = np.clip(count_tenure_months(run)[hit], 0, parameters.points_life_months)
    relief = parameters.points_relief * parameters.points_share * tenure
    return np.asarray(parameters.incident_loss * np.exp(-relief))


def _tell_of_failure(run: Run, *, hit: Integers) -> None:
    """Some of those hit are told at once, before they have to ask."""
    forced = run.world.incident_messages if run.is_forcing else None
    is_told = run.luck("message.sent", hit) < run.parameters.message_share
    is_told |= run.has_team("messages")[hit]
    if forced is not None:
        is_told = np.full(hit.size, forced)
    if run.world.first_message is not None and run.is_forcing:
        is_first = run.milestones.days["first_failure"][hit] == run.day
        is_told = np.where(is_first, run.world.first_message, is_told)
    run.state.is_told[hit] = is_told
    told = hit[is_told]
    run.state.satisfaction[told] += run.parameters.message_gain
    if told.size and run.journal.is_kept:
        run.journal.record(
            "outreach",
            customer_id=told,
            sent_at=run.stamp("message.at", told, within=MESSAGES_WITHIN),
            kind="proactive_message",
            is_accepted=np.nan,
        )


def worsen_terms(run: Run) -> None:
    """A knob: terms get worse for some, who mind, and about half of them ask for relief."""
    rate = run.parameters.term_worsening_rate
    if rate:
        hit = np.flatnonzero(run.strikes("terms.worse", rate_pm=rate) & run.state.is_active)
        run.state.satisfaction[hit] -= WORSENED_LOSS
        run.state.grievance[hit] += WORSENED_GRIEVANCE
        asks = run.luck("terms.asks", hit) < WORSENED_ASKS
        run.state.worsened_day[hit[asks]] = run.day


def take_contacts(run: Run, *, failed: Integers, cancelled: Integers) -> None:
    """Customers make contact, are handled, and feel the better or worse for it."""
    load = run.queue.meet()
    asks = run.strikes("request", rate_pm=run.parameters.request_rate_pm)
    asks |= run.state.worsened_day == run.day
    topic = _choose_topics(run, asks=asks, failed=failed, cancelled=cancelled)
    everyone = np.flatnonzero(topic)
    _count_contacts(run, customers=everyone)
    customers = ask_the_bot(run, customers=everyone, topic=topic[everyone])
    if customers.size:
        contacts = handle(run, customers=customers, topic=topic[customers], load=load)
        feel(run, contacts=contacts)
        write_tickets(run, contacts=contacts)
    run.queue.close_day(
        arrivals=customers.size,
        n_active=int(run.state.is_active.sum()),
        capacity_ratio=run.parameters.capacity_ratio,
        span=run.span,
    )


def _choose_topics(run: Run, *, asks: Flags, failed: Integers, cancelled: Integers) -> Integers:
    """What each customer makes contact about today; one contact a day, the last named wins."""
    state, parameters = run.state, run.parameters
    topic = np.where(run.strikes("query", rate_pm=_query_rate(run)), QUERY, NO_TOPIC)
    is_back = run.is_due(state.recontact_day)
    topic = np.where(is_back, state.recontact_topic, topic)
    told = np.where(state.is_told[failed], parameters.message_contact_ratio, 1.0)
    for struck, stream, share, subject in (
        (failed, "incident.contact", parameters.incident_contact_prob * told, INCIDENT),
        (cancelled, "shock.contact", parameters.shock_contact_prob, CANCELLED_SERVICE),
    ):
        if struck.size:
            topic[struck[run.luck(stream, struck) < share]] = subject
    topic[asks] = REQUEST
    return np.where(state.is_active, topic, NO_TOPIC).astype(np.int64)


def _query_rate(run: Run) -> float | Floats:
    """Ordinary questions; a knob makes those who plan to leave ask more of them."""
    parameters, state = run.parameters, run.state
    rate = parameters.query_rate_pm
    if run.calendar.in_shock(run.day):
        rate *= parameters.shock_query_ratio
    if not parameters.k_pre_exit_contact:
        return rate
    leaves_soon = (state.end_day >= run.day) & (state.end_day <= run.day + MONTH_DAYS)
    plans = leaves_soon | ((state.intent != NO_INTENT) & ~run.traits.is_inert)
    return np.asarray(rate * (1 + parameters.k_pre_exit_contact * plans))


def _count_contacts(run: Run, *, customers: Integers) -> None:
    milestones = run.milestones
    if run.day >= 0 and customers.size:
        milestones.reach(
            "second_contact", customers[milestones.has("first_contact", customers)], day=run.day
        )
        milestones.reach("first_contact", customers, day=run.day)
        since = run.day - milestones.days["first_failure"][customers]
        milestones.n_contacts[customers] += 1
        milestones.n_contacts_month[customers] += (since >= 0) & (since <= MONTH_DAYS)
