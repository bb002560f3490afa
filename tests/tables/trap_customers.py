"""Customers drawn at random who leave at a steady rate: tables without a trap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from provider_tables import DESCRIPTION, WINDOW_END, WINDOW_START, make_frame

from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.trap_search import find_traps
from loyaltylab.tables.traps import Trap
from loyaltylab.tables.validation import ValidTables

DAY = pd.Timedelta(days=1)
CLEAN = SourceDescription(
    kind="delimited",
    label="drawn",
    is_synthetic=False,
    window_start_at=WINDOW_START,
    window_end_at=WINDOW_END,
    data_hash=DESCRIPTION.data_hash,
)


def draw_contracts(n: int = 400, *, seed: int = 1, months: float = 12.0) -> pd.DataFrame:
    """One contract each: joined in the three years before the window's end, left at random."""
    draw = np.random.Generator(np.random.PCG64(seed))
    starts = WINDOW_END - pd.to_timedelta(draw.integers(1, 1000, n), unit="D")
    days = np.ceil(draw.exponential(months * 30.4375, n))
    ends = starts + pd.to_timedelta(days, unit="D")
    return make_frame(
        "contracts",
        {
            "contract_id": [f"K{row}" for row in range(n)],
            "customer_id": [f"C{row}" for row in range(n)],
            "started_at": starts,
            "ended_at": pd.Series(ends).where(pd.Series(ends) <= WINDOW_END),
        },
    )


def with_customers(contracts: pd.DataFrame, **attributes: Any) -> dict[str, pd.DataFrame]:
    """Their customers table, one row per customer_id of the contracts."""
    owners = contracts["customer_id"].drop_duplicates()
    cells: dict[str, Any] = {"customer_id": owners.tolist()}
    customers = make_frame("customers", cells)
    for name, values in attributes.items():
        customers[name] = values
    return {"customers": customers, "contracts": contracts}


def search(
    tables: dict[str, pd.DataFrame],
    *,
    description: SourceDescription = CLEAN,
    set_aside: dict[str, int] | None = None,
) -> dict[str, Trap]:
    """Traps by name, in tables taken as valid."""
    by_rule = set_aside or {}
    audit = {
        name: {
            "rows_delivered": len(frame) + sum(by_rule.values()),
            "set_aside_by_rule": by_rule if name == "contracts" else {},
        }
        for name, frame in tables.items()
    }
    valid = ValidTables(tables, pd.DataFrame(), audit)
    return {trap.name: trap for trap in find_traps(valid, description)}


def left_of(contracts: pd.DataFrame) -> np.ndarray:
    """Whether each contract has ended."""
    return contracts["ended_at"].notna().to_numpy(dtype=bool)


def days_of(contracts: pd.DataFrame) -> np.ndarray:
    """Length of each contract up to the end of the window, days."""
    stop = contracts["ended_at"].fillna(WINDOW_END)
    return ((stop - contracts["started_at"]) / DAY).to_numpy(dtype=np.float64)
