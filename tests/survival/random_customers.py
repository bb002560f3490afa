"""Customers drawn from a seed, for tests of what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd

N = 150
X = ["calls", "is_business"]


def make_rows(seed: int) -> pd.DataFrame:
    """Customers with whole-day times, ties, delayed entry, two causes and households."""
    random = np.random.default_rng(seed)
    calls, start = random.normal(size=N), random.integers(0, 5, N).astype(float)
    lasted = np.ceil(random.exponential(12 * np.exp(-0.3 * calls)))
    exits = random.choice(["", "price", "service"], size=N, p=[0.2, 0.4, 0.4])
    return pd.DataFrame(
        {
            "start": start,
            "stop": start + lasted,
            "lasted": lasted,
            "exit": exits,
            "left": exits != "",
            "calls": calls,
            "is_business": random.integers(0, 2, N).astype(float),
            "household": random.integers(0, 60, N),
            "customer": np.arange(N),
            "weight": 1.0,
        }
    )


def split_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Cut every row longer than a day in two, the exit staying with the second piece."""
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], exit="", left=False)
    late = rows.assign(start=rows["start"].mask(is_cut, middle))
    return pd.concat([late, early], ignore_index=True)


def in_years(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)


def shuffle(rows: pd.DataFrame) -> pd.DataFrame:
    """Another order of rows, and other names for the customers."""
    mixed = rows.sample(frac=1, random_state=7)
    return mixed.assign(customer=mixed["customer"].map(lambda code: f"c{1000 - code}"))
