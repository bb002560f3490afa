"""What is said and kept of the day vouchers run out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyaltylab.analyses.period_rates import Jump, contrast_jump
from loyaltylab.analyses.voucher_expiry import EXITS, REQUESTS, ExpiryAnalysis
from loyaltylab.findings.disclosure import guard_all
from loyaltylab.reports.attempts import Attempt
from loyaltylab.reports.sections_expiry import expiry_estimates, tell_expiry

PAIR: dict[str, Any] = {"exposed": "voucher", "reference": "refund"}


def jump_of(n_before: int, n_after: int) -> Jump:
    """Of 200 each; of those refunded 20 leave just before and 20 just after."""
    stops, events = [], []
    for before, after in ((n_before, n_after), (20, 20)):
        stops += [40.0] * before + [70.0] * after + [99.0] * (200 - before - after)
        events += [True] * (before + after) + [False] * (200 - before - after)
    frame = pd.DataFrame({"stop": stops, "event": events})
    frame = frame.assign(customer_id=range(400), arm=["voucher"] * 200 + ["refund"] * 200)
    return contrast_jump(
        frame, group="arm", **PAIR, cuts_days=(0, 30, 60, 90, 99), confidence_level=0.95
    )


def expiry_of(**by_lot: Jump) -> ExpiryAnalysis:
    found = {{"requests": REQUESTS, "exits": EXITS}[name]: jump for name, jump in by_lot.items()}
    return ExpiryAnalysis(
        life_days=60,
        window_days=30,
        cuts_days=(0, 30, 60, 90, 99),
        rates={},
        by_lot=found,
        holders={},
        hazard_ratios={},
        n_lapsed=100,
        n_paid_out=0,
        audit={},
    )


def test_a_jump_a_fall_and_an_open_question_are_told_apart() -> None:
    told = tell_expiry(expiry_of(requests=jump_of(10, 60), exits=jump_of(60, 10)), **PAIR)
    assert told[0].endswith("The rate jumps that day.")
    assert told[1].endswith("The rate falls that day.")
    [open_question, missing] = tell_expiry(expiry_of(requests=jump_of(20, 22)), **PAIR)
    assert "do not settle whether it jumps" in open_question
    assert missing.startswith("Whether voluntary exits jump that day cannot be told: too few")


def test_few_events_are_not_told() -> None:
    guarded = guard_all(expiry_of(requests=jump_of(2, 60)), min_cell=5)
    assert "cannot be told" in tell_expiry(guarded, **PAIR)[0]


def test_a_finding_keeps_the_ratios_by_offer_or_none() -> None:
    kept = expiry_estimates(Attempt(expiry_of(exits=jump_of(10, 60))))
    assert list(kept) == [
        "expiry_exits_jump", "expiry_exits_jump_reference", "expiry_exits_relative_jump"
    ]  # fmt: skip
    assert expiry_estimates(Attempt(None, "no vouchers")) == {}
