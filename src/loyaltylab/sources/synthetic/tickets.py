"""Tickets: how contacts, answers to requests, ratings and promises enter the records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.sources.synthetic.calendar import MINUTE_US, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.draws import Floats, lognormal_quantile, pick
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers

NO_TOPIC, QUERY, INCIDENT, CANCELLED_SERVICE, REQUEST = range(5)
TOPICS = ("", "query", "incident", "cancelled_service", "request")
CONTACT_CHANNELS = ("phone", "email", "chat", "web")
CONTACT_CHANNEL_SHARES = (0.50, 0.20, 0.20, 0.10)
REQUEST_TYPES = ("plan_change", "billing", "exception", "relocation")
REQUEST_TYPE_SHARES = (0.35, 0.30, 0.20, 0.15)
DENIAL_REASONS = ("legal", "technical", "policy", "discretion")
DENIAL_REASON_SHARES = (0.15, 0.25, 0.40, 0.20)

CONTACTS_WITHIN = (0.30, 0.50)
PROMISES_DUE_AT, PROMISE_DAYS, RECONTACT_DAYS = 0.70, 7, 7
BROKEN_PROMISE_LOSS = 0.30
HANDLING_MINUTES, HANDLING_LOG_SD, LONGEST_HANDLING = 15.0, 0.8, 300.0
REOPENED_SHARE = 0.35  # returning customers whose old ticket is reopened, not a new one opened
WAIT_SCALE = 5.0  # minutes; waits act through log(1 + wait / 5)


@dataclass(frozen=True)
class Handled:
    """Today's contacts and how each was handled; arrays of shape (n_contacts,)."""

    customers: Integers
    topic: Integers
    is_asking: Flags
    wait_minutes: Floats
    handoffs: Integers
    is_denied: Flags
    has_alternative: Flags
    is_resolved: Flags

    @property
    def is_unresolved(self) -> Flags:
        """Neither solved nor turned down."""
        return ~self.is_resolved & ~self.is_denied


def write_tickets(run: Run, *, contacts: Handled) -> None:
    """Tickets, new or reopened, the answers to requests, and what comes next."""
    state, who = run.state, contacts.customers
    opened = run.stamp("contact.at", who, within=CONTACTS_WITHIN)
    replied = opened + np.round(contacts.wait_minutes * MINUTE_US).astype(np.int64)
    handling = lognormal_quantile(
        run.uniform("contact.handling")[who],
        median=HANDLING_MINUTES,
        sigma=HANDLING_LOG_SD,
    ) * (1 + 2 * contacts.handoffs)
    minutes = np.round(np.clip(handling, 1, LONGEST_HANDLING)).astype(np.int64)
    done = replied + minutes * MINUTE_US
    is_same_matter = (state.recontact_day[who] == run.day) & (
        state.recontact_topic[who] == contacts.topic
    )
    is_same_matter &= ~contacts.is_asking
    is_reopened = is_same_matter & (run.uniform("contact.reopened")[who] < REOPENED_SHARE)
    rows = np.full(who.size, NOBODY, dtype=np.int64)
    rows[is_reopened] = _reopen_tickets(run, contacts=contacts, done=done, which=is_reopened)
    rows[~is_reopened] = _open_tickets(
        run, contacts=contacts, opened=opened, replied=replied, done=done, which=~is_reopened
    )
    _answer_requests(run, contacts=contacts, asked=opened, decided=done)
    _await_return(run, contacts=contacts, rows=rows)
    _make_promises(run, customers=who[~is_reopened], rows=rows[~is_reopened])


def _open_tickets(
    run: Run,
    *,
    contacts: Handled,
    opened: Instants,
    replied: Instants,
    done: Instants,
    which: Flags,
) -> Integers:
    who = contacts.customers[which]
    run.state.ticket_handoffs[who] = contacts.handoffs[which]
    run.state.ticket_reopens[who] = 0
    channel = pick(run.uniform("contact.channel")[who], CONTACT_CHANNEL_SHARES)
    closed = np.where(contacts.is_unresolved, NOT_A_TIME, done)
    return run.journal.record(
        "contacts",
        customer_id=who,
        opened_at=opened[which],
        first_replied_at=replied[which],
        resolved_at=closed[which],
        channel=np.array(CONTACT_CHANNELS)[channel],
        topic=np.array(TOPICS)[contacts.topic[which]],
        wait_minutes=contacts.wait_minutes[which],
        handoffs=contacts.handoffs[which],
        reopens=0,
        promise_due_at=NOT_A_TIME,
        is_promise_kept=np.nan,
        satisfaction_share=_rate(run, contacts=contacts)[which],
    )


def _reopen_tickets(run: Run, *, contacts: Handled, done: Instants, which: Flags) -> Integers:
    """A reopened ticket keeps its opening and gains handoffs, a reopening, maybe an end."""
    state, who = run.state, contacts.customers[which]
    rows = state.recontact_row[who]
    state.ticket_handoffs[who] += contacts.handoffs[which]
    state.ticket_reopens[who] += 1
    closed = np.where(contacts.is_unresolved, NOT_A_TIME, done)[which]
    run.journal.amend(
        "contacts",
        rows,
        resolved_at=closed,
        handoffs=state.ticket_handoffs[who],
        reopens=state.ticket_reopens[who],
    )
    return rows


def _rate(run: Run, *, contacts: Handled) -> Floats:
    """Good (1) or bad (0) from those who answer, which the satisfied do a little more."""
    parameters, who = run.parameters, contacts.customers
    satisfaction = run.state.satisfaction[who]
    answers = run.uniform("rating.answered")[who] < parameters.rating_response * np.exp(
        parameters.k_nr * satisfaction
    )
    lenience = parameters.lenience_logit * run.calendar.in_shock(run.day)
    logit = (
        1.6
        + 1.2 * contacts.is_resolved
        - 1.0 * contacts.is_unresolved
        - 1.6 * contacts.is_denied
        + 0.5 * satisfaction
        - 0.25 * contacts.handoffs
        - 0.35 * np.log1p(contacts.wait_minutes / WAIT_SCALE)
        + lenience
    )
    is_good = run.uniform("rating.good")[who] < 1 / (1 + np.exp(-logit))
    return np.where(answers, is_good.astype(np.float64), np.nan)


def _answer_requests(run: Run, *, contacts: Handled, asked: Instants, decided: Instants) -> None:
    is_request = contacts.is_asking
    who = contacts.customers[is_request]
    if not who.size:
        return
    is_denied, has_alternative = (
        contacts.is_denied[is_request],
        contacts.has_alternative[is_request],
    )
    denial = np.where(has_alternative, "denied_with_alternative", "denied")
    reason = pick(run.uniform("request.reason")[who], DENIAL_REASON_SHARES)
    kind = pick(run.uniform("request.type")[who], REQUEST_TYPE_SHARES)
    run.journal.record(
        "requests",
        customer_id=who,
        requested_at=asked[is_request],
        decided_at=decided[is_request],
        outcome=np.where(is_denied, denial, "granted"),
        request_type=np.array(REQUEST_TYPES)[kind],
        denial_reason=np.where(is_denied, np.array(DENIAL_REASONS)[reason], ""),
    )


def _await_return(run: Run, *, contacts: Handled, rows: Integers) -> None:
    """Most of the unresolved come back within a week; the rest give up silently."""
    state, who = run.state, contacts.customers
    state.recontact_day[who] = NEVER
    returns = contacts.is_unresolved & (
        run.uniform("recontact")[who] < run.parameters.recontact_prob
    )
    back, delay = who[returns], run.uniform("recontact.delay")[who][returns]
    state.recontact_day[back] = run.day + 1 + np.floor(RECONTACT_DAYS * delay).astype(np.int64)
    state.recontact_topic[back] = contacts.topic[returns]
    state.recontact_row[back] = rows[returns]


def _make_promises(run: Run, *, customers: Integers, rows: Integers) -> None:
    """Some contacts end in a promise, unless an earlier one is still open."""
    state = run.state
    is_free = state.promise_day[customers] < run.day
    is_made = is_free & (run.uniform("promise")[customers] < run.parameters.promise_share)
    who, delay = customers[is_made], run.uniform("promise.delay")[customers][is_made]
    state.promise_day[who] = run.day + 1 + np.floor(PROMISE_DAYS * delay).astype(np.int64)
    state.promise_row[who] = rows[is_made]
    due = run.calendar.instant(state.promise_day[who] + PROMISES_DUE_AT)
    run.journal.amend("contacts", rows[is_made], promise_due_at=due)


def settle_promises(run: Run) -> None:
    """Promises due today are kept or broken, for those still there to see it."""
    state = run.state
    due = np.flatnonzero((state.promise_day == run.day) & state.is_active)
    if due.size:
        is_kept = run.uniform("promise.kept")[due] < run.parameters.promise_kept_prob
        state.satisfaction[due[~is_kept]] -= BROKEN_PROMISE_LOSS
        run.journal.amend("contacts", state.promise_row[due], is_promise_kept=is_kept)
