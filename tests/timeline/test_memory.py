"""Waiting for a remembered past: only the unseen one, and nothing else changes."""

from __future__ import annotations

import pandas as pd

from loyaltylab.timeline import await_memory


def make_rows(lines: list[tuple[str, int, float, float, bool]]) -> pd.DataFrame:
    columns = ["customer_id", "spell_number", "start", "stop", "event"]
    return pd.DataFrame(lines, columns=columns)


def test_only_those_who_entered_late_wait() -> None:
    rows = make_rows(
        [
            ("late", 1, 100.0, 130.0, False),  # ends at the wait's end, 130: gone
            ("late", 1, 130.0, 200.0, True),
            ("later", 1, 100.0, 120.0, True),  # leaves while waiting: neither time nor exit
            ("cut", 1, 100.0, 400.0, False),  # cut to (130, 400]
            ("new", 1, 0.0, 50.0, False),  # watched from sign-up
            ("late", 2, 0.0, 10.0, False),  # a second life, watched from its start
        ]
    )
    before = rows.copy(deep=True)
    kept = await_memory(rows, memory_days=30.0)
    assert kept.to_numpy().tolist() == [
        ["late", 1, 130.0, 200.0, True],
        ["cut", 1, 130.0, 400.0, False],
        ["new", 1, 0.0, 50.0, False],
        ["late", 2, 0.0, 10.0, False],
    ]
    pd.testing.assert_frame_equal(rows, before)


def test_no_memory_no_wait() -> None:
    rows = make_rows([("late", 1, 100.0, 130.0, True), ("new", 1, 0.0, 50.0, False)])
    pd.testing.assert_frame_equal(await_memory(rows, memory_days=0.0), rows)
