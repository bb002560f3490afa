"""Tables and jumps written in days since one midnight, so that arithmetic can be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from loyaltylab.timeline import Spells, build_spells

MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")
UTC = "datetime64[us, UTC]"
WINDOW = (0, 100)


def at(day: float) -> pd.Timestamp:
    return MIDNIGHT + pd.Timedelta(days=day).as_unit("us")


def times(days: Iterable[float | None]) -> pd.Series:
    return pd.Series([pd.NaT if day is None else at(day) for day in days], dtype=UTC)


def text(values: Iterable[str | None]) -> pd.Series:
    return pd.Series(list(values), dtype="string")


def make_customers(
    ids: Sequence[str],
    *,
    observed_from: Sequence[float | None] | None = None,
    segment: Sequence[str | None] | None = None,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": text(ids),
            "observed_from_at": times(observed_from or [None] * len(ids)),
            "segment": text(segment or ["consumer"] * len(ids)),
            "site": text(["north"] * len(ids)),
        }
    )


def make_contracts(lines: Sequence[tuple[str, str, float, float | None]]) -> pd.DataFrame:
    """Lines of contract, customer, first day, last day (None: still running)."""
    contract, customer, start, end = zip(*lines, strict=True)
    return pd.DataFrame(
        {
            "contract_id": text(contract),
            "customer_id": text(customer),
            "started_at": times(start),
            "ended_at": times(end),
        }
    )


def make_exits(
    lines: Sequence[tuple[str, float | None, float, str, str | None]],
) -> pd.DataFrame:
    """Lines of contract, day of request, last day, cause stated, cause verified."""
    columns = zip(*lines, strict=True) if lines else [()] * 5
    contract, requested, end, stated, verified = columns
    return pd.DataFrame(
        {
            "contract_id": text(contract),
            "requested_at": times(requested),
            "service_end_at": times(end),
            "cause_stated": text(stated),
            "cause_verified": text(verified),
        }
    )


def make_jumps(lines: Sequence[tuple[str, float, float, str, float]]) -> pd.DataFrame:
    """Lines of customer, day it acts, day of its event, covariate, change."""
    customer, acts, since, covariate, change = zip(*lines, strict=True) if lines else [()] * 5
    return pd.DataFrame(
        {
            "customer_id": text(customer),
            "at": times(acts),
            "since_at": times(since),
            "covariate": list(covariate),
            "change": pd.Series(change, dtype="float64"),
        }
    )


def spells_of(
    lines: Sequence[tuple[str, str, float, float | None]],
    *,
    exits: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    window: tuple[float, float] = WINDOW,
    merge_gap_days: float = 0.0,
) -> Spells:
    """Spells of contracts; customers in order of first mention unless given."""
    ids = list(dict.fromkeys(line[1] for line in lines))
    return build_spells(
        make_customers(ids) if customers is None else customers,
        make_contracts(lines),
        exits,
        window_start_at=at(window[0]),
        window_end_at=at(window[1]),
        merge_gap_days=merge_gap_days,
    )
