"""The points ledger: what customers earned, what expired, and what leavers left behind."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, DAYS_PER_MONTH, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.journal import Column
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import Integers

BOOKED_MONTHS = 3  # points are booked by the quarter of the contract
EARNED, EXPIRED, FORFEITED = "earned", "expired", "forfeited"


def book_points(run: Run) -> dict[str, Column]:
    """The ledger within the window, from the contracts; in order of time, then customer."""
    contracts = run.journal.columns("contracts")
    if not contracts or not run.parameters.points_share:
        return {}
    blocks = [*_book_quarters(run, contracts=contracts), _book_leavers(run, contracts=contracts)]
    names = ("customer_id", "booked_at", "kind", "points_eur")
    columns = {
        name: np.concatenate([block[at] for block in blocks]) for at, name in enumerate(names)
    }
    order = np.lexsort((columns["kind"], columns["customer_id"], columns["booked_at"]))
    order = order[columns["booked_at"][order] >= run.calendar.window_start_us]
    columns = {name: values[order] for name, values in columns.items()}
    return {"booking_id": np.arange(order.size), **columns}


def _until(run: Run, ended_at: Instants) -> Instants:
    return np.where(ended_at == NOT_A_TIME, run.calendar.window_end_us - 1, ended_at)


def _book_quarters(
    run: Run, *, contracts: dict[str, Column]
) -> list[tuple[Integers, Instants, Column, Floats]]:
    """Every quarter's points are earned at its end and expire some months later."""
    quarter_us = int(BOOKED_MONTHS * DAYS_PER_MONTH * DAY_US)
    life_us = int(run.parameters.points_life_months * DAYS_PER_MONTH * DAY_US)
    until = _until(run, contracts["ended_at"])
    counts = np.maximum(until - contracts["started_at"], 0) // quarter_us
    owner = np.repeat(np.arange(counts.size), counts)
    number = np.arange(owner.size) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    earned_at = contracts["started_at"][owner] + number * quarter_us
    worth = _worth(run, price=contracts["price_eur"][owner])
    blocks = []
    for kind, at in ((EARNED, earned_at), (EXPIRED, earned_at + life_us)):
        is_in = at <= until[owner]
        customers = contracts["customer_id"][owner[is_in]]
        blocks.append((customers, at[is_in], np.full(is_in.sum(), kind), worth[is_in]))
    return blocks


def _worth(run: Run, *, price: Floats) -> Floats:
    return np.round(run.parameters.points_share * BOOKED_MONTHS * price, 2)


def _book_leavers(
    run: Run, *, contracts: dict[str, Column]
) -> tuple[Integers, Instants, Column, Floats]:
    """What had been earned and had not expired is lost with the contract."""
    quarter_us = int(BOOKED_MONTHS * DAYS_PER_MONTH * DAY_US)
    has_ended = contracts["ended_at"] != NOT_A_TIME
    lasted = (contracts["ended_at"] - contracts["started_at"])[has_ended]
    quarters = np.minimum(
        lasted // quarter_us, int(run.parameters.points_life_months // BOOKED_MONTHS)
    )
    has_points = quarters > 0
    worth = _worth(run, price=contracts["price_eur"][has_ended][has_points])
    return (
        contracts["customer_id"][has_ended][has_points],
        contracts["ended_at"][has_ended][has_points],
        np.full(int(has_points.sum()), FORFEITED),
        np.round(quarters[has_points] * worth, 2),
    )
