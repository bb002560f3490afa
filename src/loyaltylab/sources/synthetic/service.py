"""A day of service: what goes wrong, who makes contact about what, and what they feel after."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.draws import Floats, lognormal_quantile
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.tickets import (
    CANCELLED_SERVICE,
    INCIDENT,
    NO_TOPIC,
    QUERY,
    REQUEST,
    WAIT_SCALE,
    Handled,
    write_tickets,
)
from loyaltylab.sources.synthetic.traits import Flags, Integers

INCIDENTS_WITHIN = (0.10, 0.30)
SEVERITY_LOSS, UNRESOLVED_LOSS, WAIT_LOSS = 0.30, 0.15, 0.04
DENIAL_GRIEVANCE, UNRESOLVED_GRIEVANCE, HANDOFF_GRIEVANCE = 0.35, 0.10, 0.15
ALTERNATIVE_RELIEF = 0.5  # a denial with an alternative hurts half as much
WAIT_LOG_SD, LONGEST_WAIT, MOST_HANDOFFS = 0.6, 90.0, 3


def suffer_incidents(run: Run) -> Integers:
    """Failures strike; the worse they are, the more satisfaction they cost."""
    strikes = run.happens("incident", rate_pm=run.parameters.incident_rate_pm)
    hit = np.flatnonzero(strikes & run.state.is_active)
    if hit.size:
        severity = np.round(-np.log(run.uniform("incident.severity")[hit]), 3)
        run.state.severity[hit] = severity
        run.state.satisfaction[hit] -= SEVERITY_LOSS * severity
        run.journal.record(
            "incidents",
            customer_id=hit,
            occurred_at=run.stamp("incident.at", hit, within=INCIDENTS_WITHIN),
            kind="failure",
            severity=severity,
        )
    return hit


def take_contacts(run: Run, *, failed: Integers, cancelled: Integers) -> None:
    """Customers make contact, are handled, and feel the better or worse for it."""
    asks = run.happens("request", rate_pm=run.parameters.request_rate_pm)
    topic = _choose_topics(run, asks=asks, failed=failed, cancelled=cancelled)
    customers = np.flatnonzero(topic)
    if customers.size:
        contacts = _handle(run, customers=customers, topic=topic[customers], asks=asks)
        _feel(run, contacts=contacts)
        write_tickets(run, contacts=contacts)


def _choose_topics(run: Run, *, asks: Flags, failed: Integers, cancelled: Integers) -> Integers:
    """What each customer makes contact about today; one contact a day, the last named wins."""
    state, parameters = run.state, run.parameters
    topic = np.where(run.happens("query", rate_pm=parameters.query_rate_pm), QUERY, NO_TOPIC)
    is_back = state.recontact_day == run.day
    topic = np.where(is_back, state.recontact_topic, topic)
    for struck, stream, share, subject in (
        (failed, "incident.contact", parameters.incident_contact_prob, INCIDENT),
        (cancelled, "shock.contact", parameters.shock_contact_prob, CANCELLED_SERVICE),
    ):
        if struck.size:
            topic[struck[run.uniform(stream)[struck] < share]] = subject
    topic[asks] = REQUEST
    return np.where(state.is_active, topic, NO_TOPIC).astype(np.int64)


def _handle(run: Run, *, customers: Integers, topic: Integers, asks: Flags) -> Handled:
    """Wait, handoffs, denial of requests, and first-contact resolution."""
    parameters = run.parameters

    def draw(stream: str) -> Floats:
        return run.uniform(f"contact.{stream}")[customers]

    factor = parameters.shock_wait_factor if run.calendar.in_shock(run.day) else 1.0
    wait = lognormal_quantile(
        draw("wait"), median=factor * parameters.wait_median, sigma=WAIT_LOG_SD
    )
    wait = np.asarray(np.round(np.minimum(wait, LONGEST_WAIT), 1), dtype=np.float64)
    handoffs = _poisson(draw("handoffs"), mean=parameters.handoff_mean)
    is_asking = asks[customers]
    is_denied = is_asking & (draw("denied") < parameters.denial_prob)
    skill = run.traits.site_skill[customers]
    logit = 1.35 - 0.35 * handoffs - 0.15 * np.log1p(wait / WAIT_SCALE) + skill
    return Handled(
        customers=customers,
        topic=topic,
        is_asking=is_asking,
        wait_minutes=wait,
        handoffs=handoffs,
        is_denied=is_denied,
        has_alternative=is_denied & (draw("alternative") < parameters.alternative_share),
        is_resolved=~is_denied & (draw("resolved") < 1 / (1 + np.exp(-logit))),
    )


def _poisson(uniform: Floats, *, mean: float) -> Integers:
    counts = np.arange(MOST_HANDOFFS)
    factorials = np.array([1.0, 1.0, 2.0])
    below = np.cumsum(np.exp(-mean) * mean**counts / factorials)
    return np.searchsorted(below, uniform, side="right").astype(np.int64)


def _feel(run: Run, *, contacts: Handled) -> None:
    """Satisfaction and grievance after a contact: partial repair, so no recovery paradox."""
    state, parameters, who = run.state, run.parameters, contacts.customers
    about_failure = contacts.is_resolved & (contacts.topic == INCIDENT)
    repaired = parameters.restore_share * SEVERITY_LOSS * state.severity[who] * about_failure
    denial = contacts.is_denied * np.where(contacts.has_alternative, ALTERNATIVE_RELIEF, 1.0)
    state.satisfaction[who] += (
        repaired
        - UNRESOLVED_LOSS * contacts.is_unresolved
        - parameters.denial_loss * denial
        - parameters.handoff_loss * contacts.handoffs
        - WAIT_LOSS * np.log1p(contacts.wait_minutes / WAIT_SCALE)
    )
    state.grievance[who] += (
        DENIAL_GRIEVANCE * denial
        + UNRESOLVED_GRIEVANCE * contacts.is_unresolved
        + HANDOFF_GRIEVANCE * np.maximum(contacts.handoffs - 1, 0)
    )
