"""Cells, spells and the R oracle that the tests of natural experiments share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "natural_experiments.json").read_text("utf-8")
)
MONTH = 30.4375  # days


def months(n: int, first: str = "2020-01-01") -> pd.DatetimeIndex:
    return pd.date_range(first, periods=n + 1, freq="MS", tz="UTC")


def make_cells(
    units: Sequence[object], n_events: np.ndarray, customers: np.ndarray, first: str = "2020-01-01"
) -> pd.DataFrame:
    """Cells of units x months from exits and customer-months of shape (u, t)."""
    u, t = np.shape(n_events)
    edges = months(t, first)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.array(units, dtype=object), t),
            "tenure_from_days": 0.0,
            "month_start": np.tile(edges[:-1], u),
            "month_stop": np.tile(edges[1:], u),
            "person_days": np.ravel(customers) * MONTH,
            "n_events": np.ravel(n_events),
        }
    )


def make_starts(units: Sequence[object], first: Sequence[int | None], t: int) -> pd.Series:
    edges = months(t)
    return pd.Series(
        pd.DatetimeIndex([pd.NaT if f is None else edges[f] for f in first], tz="UTC"),
        index=list(units),
    )


def oracle_staggered() -> tuple[pd.DataFrame, pd.Series]:
    """The cells that the R script drew, and the starts."""
    rows = pd.DataFrame(ORACLE["staggered"]["cells"])
    shape = (rows["unit"].nunique(), rows["month"].nunique())
    units = list(range(1, shape[0] + 1))
    cells = make_cells(
        units,
        rows["exits"].to_numpy().reshape(shape),
        rows["days"].to_numpy().reshape(shape) / MONTH,
    )
    return cells, make_starts(units, ORACLE["staggered"]["first"], shape[1])


def draw_spells(seed: int, n: int = 60, sites: Sequence[str] = ("a", "b", "c")) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    origin = pd.Timestamp("2019-06-01", tz="UTC") + pd.to_timedelta(
        random.integers(0, 500 * 86_400, n), unit="s"
    )
    entry = origin + pd.to_timedelta(random.integers(0, 100 * 86_400, n), unit="s")
    stop = entry + pd.to_timedelta(random.integers(1, 400 * 86_400, n), unit="s")
    event = random.random(n) < 0.6
    return pd.DataFrame(
        {
            "origin_at": origin.as_unit("us"),
            "entry_at": entry.as_unit("us"),
            "stop_at": stop.as_unit("us"),
            "event": event,
            "exit_cause": np.where(event, random.choice(["price", "service"], n), ""),
            "site": random.choice(list(sites), n),
        }
    )


def simulate_sites(seed: int, *, effect: float) -> tuple[pd.DataFrame, pd.Series, float]:
    """Spells of 20 sites of 1,000 customers, their starts, and the true effect over 12 months.

    Hazards per month depend on site, season, tenure and a shock to site and month; the effect
    takes 12 months to grow to its size. Truth: months gained by customers at risk at a start.
    """
    random = np.random.default_rng(seed)
    n_sites, n, t, horizon = 20, 20_000, 48, 12
    first = random.permutation(np.repeat([18, 21, 24, 27, 30, 99], [3, 3, 3, 3, 3, 5]))
    site = np.repeat(np.arange(n_sites), n // n_sites)
    level = random.uniform(0.012, 0.024, n_sites)[:, None] + random.normal(0, 0.001, (n_sites, t))
    level = level + 0.002 * np.sin(2 * np.pi * np.arange(t) / 12)
    since = np.arange(t) - first[:, None]
    change = np.where(since >= 0, effect * np.minimum(since + 1, 12) / 12, 0.0)
    is_stock = random.random(n) < 0.6
    tenure = np.where(is_stock, random.exponential(24, n), 0.0)
    entry = np.where(is_stock, 0.0, random.uniform(0, t, n))
    threshold, total, left = random.exponential(1, n), np.zeros(n), np.full(n, np.nan)
    hazards = np.zeros((t, 2, n))
    for month in range(t):
        begin = np.maximum(entry, month)
        reached = tenure + begin - entry
        own = level[site, month] + np.where(reached < 6, 0.01, np.where(reached < 24, 0.004, 0.0))
        hazards[month] = own, own + change[site, month]
        hazard = hazards[month, 1]
        here = (entry < month + 1) & np.isnan(left)
        step = np.where(here, hazard * (month + 1 - begin), 0.0)
        exits = here & (total + step >= threshold)
        left[exits] = begin[exits] + (threshold[exits] - total[exits]) / hazard[exits]
        total += step
    edges = months(t)
    gained = []
    for start in range(18, 31, 3):
        of_it = (first[site] == start) & (entry < start) & ~(left <= start)
        length = (np.diff(edges) / pd.Timedelta(days=MONTH))[start : start + horizon, None]
        retained = [
            _months_retained(hazards[start : start + horizon, arm][:, of_it], length)
            for arm in (0, 1)
        ]
        gained.append(retained[1] - retained[0])
    at = edges.as_unit("us").asi8
    names = np.array([f"site {i:02d}" for i in range(n_sites)])

    def moment(month: np.ndarray) -> pd.DatetimeIndex:
        whole = np.minimum(month.astype(int), t - 1)
        return pd.to_datetime(
            (at[whole] + (month - whole) * (at[whole + 1] - at[whole])).astype(np.int64),
            unit="us",
            utc=True,
        )

    spells = pd.DataFrame(
        {
            "origin_at": moment(entry) - pd.to_timedelta((tenure * MONTH * 86_400).round(), "s"),
            "entry_at": moment(entry),
            "stop_at": moment(np.where(np.isnan(left), t, left)),
            "event": ~np.isnan(left),
            "exit_cause": np.where(np.isnan(left), "", "service"),
            "site": names[site],
        }
    )
    starts = make_starts(names, [None if f > t else int(f) for f in first], t)
    kept = spells["stop_at"] > spells["entry_at"]
    return spells[kept], starts, float(np.concatenate(gained).mean())


def _months_retained(hazard: np.ndarray, length: np.ndarray) -> np.ndarray:
    """By customer, from hazards per month of shape (months, customers), unit months."""
    begun = np.exp(hazard - np.cumsum(hazard, axis=0))
    return (begun * -np.expm1(-hazard) / hazard * length).sum(axis=0)
