"""Cells by hand; time and exits conserved; what must not matter does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from natural_cells import draw_spells, months

from loyaltylab.designs import exposure_cells
from loyaltylab.errors import EstimationError

WHOLE_MICROSECONDS = 1e-9  # days: sums of whole microseconds, one division

EDGES = months(24, "2019-06-01")


def day(*numbers: float) -> pd.DatetimeIndex:
    return pd.to_datetime(list(numbers), unit="D", utc=True)


def test_cells_by_hand() -> None:
    # Edges at days 0, 30, 60, 90. Site a: (10, 40] with a price exit: 20 + 10 days, exit in the
    # second month. Site b: (-5, 60] with a service exit at the very edge: 30 + 30 days, exit in
    # the second month; (70, 100] censored: 20 days in the third.
    spells = pd.DataFrame(
        {
            "entry_at": day(10, -5, 70),
            "stop_at": day(40, 60, 100),
            "event": [True, True, False],
            "exit_cause": ["price", "service", ""],
            "site": ["a", "b", "b"],
        }
    )
    edges = day(0, 30, 60, 90)
    cells = exposure_cells(spells, unit="site", month_cuts=edges)
    assert cells["person_days"].tolist() == [20, 10, 0, 30, 30, 20]
    assert cells["n_events"].tolist() == [0, 1, 0, 0, 1, 0]
    only = exposure_cells(spells, unit="site", month_cuts=edges, causes=["price"])
    assert only["n_events"].tolist() == [0, 1, 0, 0, 0, 0]
    assert only["person_days"].tolist() == cells["person_days"].tolist()


def test_tenure_bands_and_closed_cohort_by_hand() -> None:
    # Origin at day -10, bands from 0 and from 20 days: the second begins at day 10.
    # (0, 40] gives 10 days in the first band, then 20 and 10 in the months of the second.
    spells = pd.DataFrame(
        {
            "origin_at": day(-10, 35),
            "entry_at": day(0, 35),
            "stop_at": day(40, 50),
            "event": [True, False],
            "exit_cause": ["price", ""],
            "site": ["a", "a"],
        }
    )
    edges = day(0, 30, 60)
    bands = exposure_cells(spells, unit="site", month_cuts=edges, tenure_cuts_days=[20])
    assert bands["tenure_from_days"].tolist() == [0, 0, 20, 20]
    assert bands["person_days"].tolist() == [10, 15, 20, 10]
    assert bands["n_events"].tolist() == [0, 0, 0, 1]
    # At risk at day 30: only the first spell, from there on.
    closed = exposure_cells(
        spells, unit="site", month_cuts=edges, at_risk_at=pd.Series(day(30), index=["a"])
    )
    assert closed["person_days"].tolist() == [0, 10]
    assert closed["n_events"].tolist() == [0, 1]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 600), max_size=3, unique=True))
def test_time_and_exits_are_conserved(seed: int, cuts: list[int]) -> None:
    spells = draw_spells(seed)
    cells = exposure_cells(spells, unit="site", month_cuts=EDGES, tenure_cuts_days=sorted(cuts))
    begins = spells["entry_at"].clip(lower=EDGES[0])
    ends = spells["stop_at"].clip(upper=EDGES[-1])
    inside = ends > begins
    time = ((ends - begins)[inside] / pd.Timedelta(days=1)).sum()
    assert abs(cells["person_days"].sum() - time) < WHOLE_MICROSECONDS * len(cells)
    counted = spells["event"] & inside & (spells["stop_at"] <= EDGES[-1])
    assert cells["n_events"].sum() == counted.sum()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.95))
def test_splitting_spells_and_their_order_change_nothing(seed: int, share: float) -> None:
    spells = draw_spells(seed)
    middle = (
        spells["entry_at"] + ((spells["stop_at"] - spells["entry_at"]) * share).dt.round("s")
    ).dt.as_unit("us")
    cut = (middle > spells["entry_at"]) & (middle < spells["stop_at"])
    early = spells[cut].assign(stop_at=middle[cut], event=False, exit_cause="")
    late = spells[cut].assign(entry_at=middle[cut])
    pieces = pd.concat([late, spells[~cut], early], ignore_index=True)
    options = {"unit": "site", "month_cuts": EDGES, "tenure_cuts_days": [90.0, 200.5]}
    expected = exposure_cells(spells, **options)
    before = pieces.copy()
    pd.testing.assert_frame_equal(exposure_cells(pieces, **options), expected)
    pd.testing.assert_frame_equal(pieces, before)


def test_errors_name_everything_wrong() -> None:
    spells = draw_spells(1).drop(columns=["exit_cause", "origin_at"])
    spells["site"] = spells["site"].mask(np.arange(len(spells)) < 2)
    with pytest.raises(EstimationError) as caught:
        exposure_cells(spells, unit="site", month_cuts=EDGES[::-1], tenure_cuts_days=[30, 30])
    text = str(caught.value)
    for part in ("'exit_cause'", "'origin_at'", "2 spells have no", "month_cuts", "tenure_cuts"):
        assert part in text
