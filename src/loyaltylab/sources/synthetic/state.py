"""What changes from day to day, and the first times things happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.traits import NEVER, NOBODY, Flags, Integers, Traits

NO_INTENT, SERVICE, PRICE, LIFE_EVENT, PAYMENT = range(5)
UNKNOWN = 0
AFFECTIVE_TARGET = 0.5  # affective commitment drifts towards half of satisfaction


@dataclass
class State:
    """Arrays of shape (n_customers,), written in place day by day.

    ``intent`` and ``left_by`` are causes (service, price, ...); days are NEVER when nothing is
    pending; ``next_pressure`` is what was heard today and acts from tomorrow on.
    """

    is_active: Flags
    has_joined: Flags
    start_day: Integers
    contract_row: Integers
    end_day: Integers
    requested_us: Integers
    left_day: Integers
    left_by: Integers
    satisfaction: Floats
    affective: Floats
    grievance: Floats
    residual: Floats
    pressure: Floats
    intent: Integers
    severity: Floats
    is_told: Flags
    worsened_day: Integers
    recontact_day: Integers
    recontact_topic: Integers
    recontact_row: Integers
    ticket_handoffs: Integers
    ticket_reopens: Integers
    promise_day: Integers
    promise_row: Integers
    denied_day: Integers
    denied_weight: Floats
    remedy_day: Integers
    wakeup_until: Integers
    offer_until: Integers
    offered_at: Integers
    voucher_row: Integers
    voucher_expires_day: Integers
    mailings: Integers
    winback_until: Integers


def found_state(traits: Traits) -> State:
    """Everybody before the first day: at their fit, without a contract."""
    n = len(traits.site)
    zeros = ("grievance", "residual", "pressure", "severity", "denied_weight")
    arrays: dict[str, Any] = {name: np.zeros(n) for name in zeros}
    for name in ("is_active", "has_joined", "is_told"):
        arrays[name] = np.zeros(n, dtype=bool)
    never = (
        "end_day", "left_day", "worsened_day", "recontact_day", "promise_day", "denied_day",
        "remedy_day", "wakeup_until", "offer_until", "voucher_expires_day", "winback_until",
    )  # fmt: skip
    nobody = ("contract_row", "recontact_row", "promise_row", "voucher_row")
    zero = (
        "requested_us", "left_by", "intent", "recontact_topic", "ticket_handoffs",
        "ticket_reopens", "offered_at", "mailings",
    )  # fmt: skip
    for names, value in ((never, NEVER), (nobody, NOBODY), (zero, 0)):
        arrays |= {name: np.full(n, value, dtype=np.int64) for name in names}
    return State(
        start_day=np.floor(traits.start).astype(np.int64),
        satisfaction=traits.fit.copy(),
        affective=AFFECTIVE_TARGET * traits.fit,
        **arrays,
    )


class Milestones:
    """Days on which things first happened to a customer under observation; inf for never."""

    NAMES = (
        "entry", "first_contact", "second_contact", "first_hang_up", "first_request",
        "first_denial", "first_failure", "first_bad_rating",
        "first_attempt", "first_cancellation", "notice", "first_post", "exit", "won_back",
        "second_exit", "migrated",
    )  # fmt: skip

    def __init__(self, n_customers: int) -> None:
        self.days = {name: np.full(n_customers, np.inf) for name in self.NAMES}
        self.exit_cause = np.zeros(n_customers, dtype=np.int64)
        self.exit_grievance = np.full(n_customers, np.nan)
        self.n_contacts = np.zeros(n_customers, dtype=np.int64)
        self.n_contacts_month = np.zeros(n_customers, dtype=np.int64)
        self.n_denials = np.zeros(n_customers, dtype=np.int64)

    def reach(self, name: str, customers: Integers, *, day: int | Integers) -> None:
        """Note a first time; nothing counts before the window, and only the first time does."""
        days = self.days[name]
        on = np.broadcast_to(np.asarray(day, dtype=np.float64), customers.shape)
        is_first = np.isinf(days[customers]) & (on >= 0)
        days[customers[is_first]] = on[is_first]

    def has(self, name: str, customers: Integers) -> Flags:
        """Whether it has happened."""
        return np.isfinite(self.days[name][customers])
