"""Rows drawn at random: spells with late entry and win-back, split at jumps of two covariates."""

from __future__ import annotations

from typing import Any

import pandas as pd
from day_tables import make_customers, make_jumps, spells_of
from hypothesis import strategies as st

from loyaltylab.timeline import split_at_jumps

IDS = "abc"
CONTRACTS = st.lists(
    st.tuples(st.sampled_from(IDS), st.integers(-20, 60), st.one_of(st.none(), st.integers(1, 50))),
    min_size=1,
    max_size=4,
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(IDS), st.floats(-20, 100), st.sampled_from(["m", "n"])), max_size=10
)


@st.composite
def drawn_rows(draw: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spells and their rows."""
    lines = [
        (f"k{i}", who, start, None if length is None else start + length)
        for i, (who, start, length) in enumerate(draw(CONTRACTS))
    ]
    spells = spells_of(lines, customers=make_customers(IDS)).frame
    events = [(who, day, day, name, 1) for who, day, name in draw(EVENTS)]
    return spells, split_at_jumps(spells, make_jumps(events)).frame


def days_at_risk(rows: pd.DataFrame) -> float:
    return float((rows["stop"] - rows["start"]).sum())
