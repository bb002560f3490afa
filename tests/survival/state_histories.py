"""Histories of states for tests: a small one worked by hand, and generated ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

STATES = ("active", "left", "requested")

# Four customers over five days; C is lost from sight at 4. See test_multi_state.py.
BY_HAND_ROWS = pd.DataFrame(
    [
        ("A", 0, 1, "active", "left"),
        ("A", 1, 3, "left", "active"),
        ("A", 3, 5, "active", ""),
        ("B", 0, 2, "active", "left"),
        ("B", 2, 5, "left", ""),
        ("C", 0, 4, "active", "left"),
        ("D", 0, 5, "active", ""),
    ],
    columns=["customer", "start", "stop", "from", "to"],
)


def columns_of(rows: pd.DataFrame) -> list[pd.Series]:
    """Columns in the order the estimators take them."""
    return [rows[name] for name in ("start", "stop", "from", "to")]


piece = st.tuples(
    st.integers(1, 6),  # length, whole days: ties abound
    st.integers(0, 3),  # state next (3: none)
    st.sampled_from([0, 0, 0, 2]),  # gap after a row without a move
)
history = st.tuples(
    st.sampled_from([0, 0, 1, 4]),  # entry
    st.integers(0, 2),  # first state
    st.integers(0, 3),  # household
    st.floats(0.2, 4.0),  # weight
    st.lists(piece, min_size=1, max_size=6),
)


def _unroll(number: int, drawn: tuple) -> list[tuple]:
    day, state, household, weight, pieces = drawn
    rows = []
    for length, target, gap in pieces:
        moves = target < 3 and target != state
        to = STATES[target] if moves else ""
        rows.append((number, day, day + length, STATES[state], to, household, weight))
        day += length + (0 if moves else gap)
        state = target if moves else state
    return rows


def _as_frame(drawn: list[tuple]) -> pd.DataFrame:
    # Two customers of their own household make sure of a move and of two clusters.
    fixed = [(0, 0, 98, 1.0, [(2, 1, 0)]), (0, 0, 99, 1.0, [(3, 3, 0)])]
    parts = [_unroll(number, one) for number, one in enumerate([*fixed, *drawn])]
    names = ["customer", "start", "stop", "from", "to", "household", "weight"]
    frame = pd.DataFrame([row for part in parts for row in part], columns=names)
    return frame.astype({"start": float, "stop": float})


tables = st.lists(history, min_size=1, max_size=10).map(_as_frame)


def split_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Cut every row longer than a day in two, the move staying with the second piece."""
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], to="")
    late = rows.assign(start=rows["start"].mask(is_cut, middle))
    return pd.concat([late, early], ignore_index=True)
