"""Rows cut by tenure and by calendar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import at, make_exits, make_jumps, spells_of
from drawn_rows import days_at_risk, drawn_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import split_at_jumps, split_by_calendar, split_by_tenure

ORACLE = Path(__file__).parents[1] / "oracles" / "tmerge.json"
# Sums of a few quotients of whole microseconds and days.
DAYS = 1e-9
KEY = ["customer_id", "spell_number"]


def one_life() -> tuple[pd.DataFrame, pd.DataFrame]:
    """On (-10, 50], watched from day 0, left for the price; one contact at day 20."""
    exits = make_exits([("k", None, 50, "price", None)])
    spells = spells_of([("k", "a", -10, 50)], exits=exits).frame
    return spells, split_at_jumps(spells, make_jumps([("a", 20, 20, "n", 1)])).frame


def lines(rows: pd.DataFrame, *columns: str) -> list[list[object]]:
    return rows[["start", "stop", "event", "exit_cause", *columns]].to_numpy().tolist()


def test_tenure_by_hand() -> None:
    # Rows (10, 30] and (30, 60] of tenure; cuts at 5 (before entry), 25, 30 (there already), 40.
    rows = split_by_tenure(one_life()[1], [5, 25, 30, 40])
    assert lines(rows, "n", "tenure_band") == [
        [10, 25, False, "", 0, "5 to 25 days"],
        [25, 30, False, "", 0, "25 to 30 days"],
        [30, 40, False, "", 1, "30 to 40 days"],
        [40, 60, True, "price", 1, "over 40 days"],
    ]
    assert rows["tenure_band"].cat.categories.tolist() == [
        "0 to 5 days",
        "5 to 25 days",
        "25 to 30 days",
        "30 to 40 days",
        "over 40 days",
    ]
    assert rows["tenure_band"].cat.ordered


def test_calendar_by_hand() -> None:
    # Tenure = calendar + 10: calendar days 5 and 20 are tenures 15 and 30; an exit on the very
    # day of the last cut, 50, belongs to the period before it.
    spells, rows = one_life()
    cut = split_by_calendar(rows, spells, [at(5), at(20), at(50)])
    assert lines(cut, "n", "calendar_period") == [
        [10, 15, False, "", 0, "to 2024-01-06"],
        [15, 30, False, "", 0, "2024-01-06 to 2024-01-21"],
        [30, 60, True, "price", 1, "2024-01-21 to 2024-02-20"],
    ]
    named = split_by_calendar(rows, spells, [at(5.5)], column="half")
    assert named["half"].tolist() == [
        "to 2024-01-06T12:00:00+00:00",
        *["from 2024-01-06T12:00:00+00:00"] * 2,
    ]


def test_cuts_at_odd_moments_meet_the_jumps_at_those_moments() -> None:
    # Tenures that are no short decimal: a cut at the moment of a jump must make no sliver.
    moment = at(7.123456789)
    spells = spells_of([("k", "a", 1.111111111, 50)]).frame
    jumps = make_jumps([("a", 20, 20, "n", 1)]).assign(at=moment, since_at=moment)
    rows = split_at_jumps(spells, jumps.astype({"at": "datetime64[us, UTC]"})).frame
    assert len(split_by_calendar(rows, spells, [moment])) == len(rows) == 2
    assert len(split_by_tenure(rows, [float(rows["stop"].iloc[0])])) == 2


def test_tenure_equals_r() -> None:
    content: dict[str, Any] = json.loads(ORACLE.read_text("utf-8"))
    given_rows, expected = (pd.DataFrame(content[name]["rows"]) for name in ("random", "survsplit"))
    rows = pd.DataFrame(
        {
            "customer_id": given_rows["id"].astype("string"),
            "spell_number": 1,
            "start": given_rows["tstart"].astype(float),
            "stop": given_rows["tstop"].astype(float),
            "event": given_rows["left"] == 1,
            "exit_cause": "",
            "count": given_rows["count"],
        }
    )
    got = split_by_tenure(rows, content["survsplit"]["cuts"])
    assert len(got) > len(rows)
    assert got["customer_id"].tolist() == expected["id"].astype(str).tolist()
    for ours, theirs in (("start", "tstart"), ("stop", "tstop"), ("event", "left")):
        np.testing.assert_array_equal(got[ours], expected[theirs])
    np.testing.assert_array_equal(got["count"], expected["count"])
    np.testing.assert_array_equal(got["tenure_band"].cat.codes + 1, expected["band"])


@settings(max_examples=40, deadline=None)
@given(drawn_rows(), st.sets(st.integers(1, 90), max_size=5))
def test_cuts_conserve_time_and_exits_and_bands_are_true(
    drawn: tuple[pd.DataFrame, pd.DataFrame], cuts: set[int]
) -> None:
    spells, rows = drawn
    before = rows.copy()
    by_tenure = split_by_tenure(rows, sorted(cuts))
    by_calendar = split_by_calendar(rows, spells, [at(day) for day in sorted(cuts)])
    origin = by_calendar[KEY].merge(spells, on=KEY)["origin_at"]
    offset = ((origin - at(0)) / pd.Timedelta(days=1)).to_numpy()
    for cut, band, shift in (
        (by_tenure, "tenure_band", 0.0),
        (by_calendar, "calendar_period", offset),
    ):
        assert abs(days_at_risk(cut) - days_at_risk(rows)) < DAYS
        assert cut["event"].sum() == rows["event"].sum()
        assert (cut["stop"] > cut["start"]).all()
        middle = (cut["start"] + cut["stop"]) / 2 + shift
        behind = (middle.to_numpy()[:, None] > np.array(sorted(cuts))).sum(axis=1)
        np.testing.assert_array_equal(cut[band].cat.codes, behind)
        assert (cut["exit_cause"] != "").tolist() == cut["event"].tolist()
    pdt.assert_frame_equal(rows, before)


def test_nothing_to_cut() -> None:
    spells, rows = one_life()
    assert split_by_tenure(rows, [])["tenure_band"].tolist() == ["any tenure"] * 2
    assert split_by_calendar(rows, spells, [])["calendar_period"].tolist() == ["any time"] * 2
    nobody = split_by_tenure(rows.head(0), [30])
    assert nobody.empty
    assert nobody.dtypes.equals(split_by_tenure(rows, [30]).dtypes)


@pytest.mark.parametrize("cuts", [[30, 30], [30, 10], [0, 10], [-5], [np.nan], [np.inf]])
def test_tenure_cuts_must_increase(cuts: list[float]) -> None:
    with pytest.raises(TableError, match="finite positive days in increasing order"):
        split_by_tenure(one_life()[1], cuts)


def test_calendar_cuts_must_be_moments_in_order() -> None:
    spells, rows = one_life()
    for cuts in ([at(5), at(2)], [pd.NaT, at(2)], [pd.Timestamp("2024-01-05")]):
        with pytest.raises(TableError, match="UTC moments in increasing order"):
            split_by_calendar(rows, spells, cuts)
    with pytest.raises(TableError, match="stand there twice"):
        split_by_calendar(rows, spells, [at(2), at(2)])


def test_rows_without_their_spell_and_columns_there_already_are_errors() -> None:
    spells, rows = one_life()
    with pytest.raises(TableError, match="2 of 2 rows belong to no spell given"):
        split_by_calendar(rows, spells.head(0), [at(5)])
    with pytest.raises(TableError, match="1 spells stand there twice"):
        split_by_calendar(rows, pd.concat([spells, spells]), [at(5)])
    with pytest.raises(TableError, match="column n already"):
        split_by_tenure(rows, [5], column="n")
