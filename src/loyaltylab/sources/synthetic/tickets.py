"""Tickets: how contacts and answers to requests enter the records, and who comes back."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import MINUTE_US, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.draws import Floats, lognormal_quantile, pick
from loyaltylab.sources.synthetic.handling import Handled
from loyaltylab.sources.synthetic.journal import Column
from loyaltylab.sources.synthetic.promises import make_promises
from loyaltylab.sources.synthetic.ratings import date_ratings, rate
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.topics import (
    CONTACT_CHANNEL_SHARES,
    CONTACT_CHANNELS,
    DENIAL_REASON_SHARES,
    DENIAL_REASONS,
    REQUEST_TYPE_SHARES,
    REQUEST_TYPES,
    TOPICS,
)
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers

CONTACTS_WITHIN = (0.30, 0.50)
RECONTACT_DAYS = 7
HANDLING_MINUTES, HANDLING_LOG_SD, LONGEST_HANDLING = 15.0, 0.8, 300.0
REOPENED_SHARE = 0.35  # returning customers whose old ticket is reopened, not a new one opened


def write_tickets(run: Run, *, contacts: Handled) -> None:
    """Tickets, new or reopened, the answers to requests, and what comes next."""
    who = contacts.customers
    is_reopened = _is_reopened(run, contacts=contacts)
    rating = rate(run, contacts=contacts, which=~is_reopened)
    rows = np.zeros(who.size, dtype=np.int64)  # any number does where nothing is written
    if run.journal.is_kept:
        opened = run.stamp("contact.at", who, within=CONTACTS_WITHIN)
        done = _finish(run, contacts=contacts, opened=opened)
        rows[is_reopened] = _reopen(run, contacts=contacts, done=done, which=is_reopened)
        rows[~is_reopened] = _open(
            run, contacts=contacts, opened=opened, done=done, rating=rating, which=~is_reopened
        )
        _answer_requests(run, contacts=contacts, asked=opened, decided=done)
    await_return(
        run, customers=who, topic=contacts.topic, rows=rows, is_unresolved=contacts.is_unresolved
    )
    make_promises(run, customers=who[~is_reopened], rows=rows[~is_reopened])


def _is_reopened(run: Run, *, contacts: Handled) -> Flags:
    """The same matter again, and the old ticket is taken up."""
    state, who = run.state, contacts.customers
    is_back = run.is_due(state.recontact_day[who]) & (state.recontact_row[who] != NOBODY)
    is_same = is_back & (state.recontact_topic[who] == contacts.topic) & ~contacts.is_asking
    return np.asarray(is_same & (run.luck("contact.reopened", who) < REOPENED_SHARE))


def _finish(run: Run, *, contacts: Handled, opened: Instants) -> Instants:
    """When the handling is over, solved or not."""
    who = contacts.customers
    handling = lognormal_quantile(
        run.luck("contact.handling", who), median=HANDLING_MINUTES, sigma=HANDLING_LOG_SD
    ) * (1 + 2 * contacts.handoffs)
    minutes = np.round(np.clip(handling, 1, LONGEST_HANDLING)).astype(np.int64)
    return opened + _microseconds(contacts.wait_minutes) + minutes * MINUTE_US


def _microseconds(minutes: Floats) -> Instants:
    return np.round(minutes * MINUTE_US).astype(np.int64)


def _open(
    run: Run,
    *,
    contacts: Handled,
    opened: Instants,
    done: Instants,
    rating: Floats,
    which: Flags,
) -> Integers:
    who = contacts.customers[which]
    run.state.ticket_handoffs[who] = contacts.handoffs[which]
    run.state.ticket_reopens[who] = 0
    channel = pick(run.luck("contact.channel", who), CONTACT_CHANNEL_SHARES)
    replied = opened + _microseconds(contacts.wait_minutes)
    known, rated_at = date_ratings(run, customers=contacts.customers, rating=rating, done=done)
    return record_contacts(
        run,
        customers=who,
        opened=opened[which],
        replied=np.where(contacts.has_hung_up, NOT_A_TIME, replied)[which],
        closed=np.where(contacts.is_unresolved, NOT_A_TIME, done)[which],
        topic=contacts.topic[which],
        channel=np.array(CONTACT_CHANNELS)[channel],
        wait_minutes=contacts.wait_minutes[which],
        announced_wait_minutes=contacts.told_minutes[which],
        handoffs=contacts.handoffs[which],
        agent=contacts.agent[which],
        satisfaction_share=known[which],
        rated_at=rated_at[which],
    )


def record_contacts(
    run: Run,
    *,
    customers: Integers,
    opened: Instants,
    replied: Instants | None,
    closed: Instants,
    topic: Integers,
    channel: Column,
    **details: object,
) -> Integers:
    """One row per new ticket; what is not given is empty, as it is for the bot."""
    empty = {
        "wait_minutes": np.nan,
        "announced_wait_minutes": np.nan,
        "handoffs": 0,
        "agent": NOBODY,
        "satisfaction_share": np.nan,
        "rated_at": NOT_A_TIME,
    }
    return run.journal.record(
        "contacts",
        customer_id=customers,
        opened_at=opened,
        first_replied_at=NOT_A_TIME if replied is None else replied,
        resolved_at=closed,
        channel=channel,
        topic=np.array(TOPICS)[topic],
        reopens=0,
        promise_due_at=NOT_A_TIME,
        is_promise_kept=np.nan,
        **{**empty, **details},  # type: ignore[arg-type]
    )


def _reopen(run: Run, *, contacts: Handled, done: Instants, which: Flags) -> Integers:
    """A reopened ticket keeps its opening and gains handoffs, a reopening, maybe an end."""
    state, who = run.state, contacts.customers[which]
    rows = state.recontact_row[who]
    state.ticket_handoffs[who] += contacts.handoffs[which]
    state.ticket_reopens[who] += 1
    run.journal.amend(
        "contacts",
        rows,
        resolved_at=np.where(contacts.is_unresolved, NOT_A_TIME, done)[which],
        handoffs=state.ticket_handoffs[who],
        reopens=state.ticket_reopens[who],
    )
    return rows


def _answer_requests(run: Run, *, contacts: Handled, asked: Instants, decided: Instants) -> None:
    is_request = contacts.is_asking
    who = contacts.customers[is_request]
    if not who.size:
        return
    is_denied, is_open = contacts.is_denied[is_request], contacts.has_hung_up[is_request]
    has_alternative = contacts.has_alternative[is_request]
    reason = pick(run.luck("request.reason", who), DENIAL_REASON_SHARES)
    kind = pick(run.luck("request.type", who), REQUEST_TYPE_SHARES)
    outcome = np.select(
        [has_alternative, is_denied, is_open], ["denied_with_alternative", "denied", "open"],
        "granted",
    )  # fmt: skip
    run.journal.record(
        "requests",
        customer_id=who,
        requested_at=asked[is_request],
        decided_at=np.where(is_open, NOT_A_TIME, decided[is_request]),
        outcome=outcome,
        request_type=np.array(REQUEST_TYPES)[kind],
        denial_reason=np.where(is_denied, np.array(DENIAL_REASONS)[reason], ""),
    )


def await_return(
    run: Run,
    *,
    customers: Integers,
    topic: Integers | int,
    rows: Integers,
    is_unresolved: Flags,
) -> None:
    """Most of the unresolved come back within a week; the rest give up silently."""
    state = run.state
    state.recontact_day[customers] = NEVER
    returns = is_unresolved & (run.luck("recontact", customers) < run.parameters.recontact_prob)
    back, delay = customers[returns], run.luck("recontact.delay", customers[returns])
    state.recontact_day[back] = run.last_day + 1 + np.floor(RECONTACT_DAYS * delay).astype(np.int64)
    state.recontact_topic[back] = np.broadcast_to(topic, customers.shape)[returns]
    # A bot's ticket is closed for good: whoever comes back opens a new one.
    state.recontact_row[back] = NOBODY if np.isscalar(topic) else rows[returns]
