"""Retention curves: the numbers given are the numbers drawn, and no small cell gets out."""

from __future__ import annotations

import pandas as pd
import pytest

from loyaltylab.figures import FigureError, choose_tick_times, retention_curves

MONTH = 30.4375
TWO_YEARS = 24 * MONTH


def draw(curves, **options):
    return retention_curves(
        curves, **{"horizon": TWO_YEARS, "stamp": None, "caption": "c", **options}
    )


def test_the_numbers_drawn_are_the_numbers_given(curve):
    data = draw({"all": curve}).data
    drawn = data.loc[data["element"] == "curve", ["time", "retention", "ci_lower", "ci_upper"]]
    assert drawn.iloc[0].tolist() == [0, 1, 1, 1]
    given = curve[["time", "retention", "ci_lower", "ci_upper"]]
    pd.testing.assert_frame_equal(drawn.iloc[1:].reset_index(drop=True), given)


def test_the_text_has_the_values_in_force_after_one_and_two_years(curve):
    # Day 365.25 is after the step of day 365 (0.7). Nobody is known to be followed after day 700,
    # so that nothing is drawn at day 730.5.
    alt = draw({"all": curve}).alt
    assert "After 12 months: all 70.0 % (40.0 to 90.0)." in alt
    assert "After 24 months: all not observed." in alt
    assert "Retention curve with 95 % confidence band, by months since sign-up" in alt


def test_numbers_at_risk_are_read_off_the_curve_without_late_entry(curve):
    # Just before day 0, 182.6, 365.25, 547.9, 730.5: 10; 9; the row of day 500 says 7; day 700
    # says 4; after it 4 - 1 exit - 3 censored = 0.
    data = draw({"all": curve}).data
    table = data.loc[data["element"] == "at_risk"]
    assert table["n_at_risk"].tolist() == [10, 9, 7, 4, 0]
    assert table["shown"].tolist() == ["10", "9", "7", "4", "0"]


def test_numbers_counted_by_the_caller_win(curve, at_risk):
    data = draw({"all": curve}, at_risk={"all": at_risk}).data
    table = data.loc[data["element"] == "at_risk"]
    assert table["n_at_risk"].tolist() == at_risk["n_at_risk"].tolist()
    assert table["shown"].tolist() == ["1,200", "1,150", "900", "431", "4"]


def test_a_small_number_at_risk_is_neither_drawn_nor_told(curve):
    figure = draw({"all": curve}, min_cell=5)
    drawn = figure.data.loc[figure.data["element"] == "curve"]
    # 4 are at risk on day 700, so that the curve ends on day 500, before its value 0.4.
    assert drawn["time"].max() == 500
    assert 0.4 not in drawn["retention"].tolist()
    table = figure.data.loc[figure.data["element"] == "at_risk"]
    # 9 and 7 would say that one, then two customers left: hidden as well.
    assert table["shown"].tolist() == ["10", "≈", "≈", "<5", "<5"]
    assert table["n_at_risk"].dropna().tolist() == [10]
    assert "Number at risk (≈ about as many as before)" in figure.svg
    assert "After 24 months: all not shown (fewer than 5 at risk)." in figure.alt
    assert "all 10, ≈, <5" in figure.alt


def test_numbers_counted_by_the_caller_stop_the_curve_too(curve, at_risk):
    enough = curve.assign(n_at_risk=[1200, 1000, 800, 700])
    counted = at_risk.assign(n_at_risk=[1200, 1150, 900, 3, 400])
    figure = draw({"all": enough}, at_risk={"all": counted}, min_cell=5)
    drawn = figure.data.loc[figure.data["element"] == "curve"]
    # 3 at risk in month 18 (day 548): what follows rests on them, even when more come later.
    assert drawn["time"].max() == 500
    assert figure.data["shown"].dropna().tolist() == ["1,200", "1,150", "900", "<5", "400"]


def test_a_group_too_small_from_the_start_is_named_but_not_drawn(curve):
    bare = curve.drop(columns=["n_events", "n_censored"])
    figure = draw({"big": curve, "tiny": bare.assign(n_at_risk=3)}, min_cell=5)
    tiny = figure.data.loc[figure.data["group"] == "tiny"]
    assert tiny.loc[tiny["element"] == "curve", "time"].tolist() == [0]
    assert tiny["n_at_risk"].isna().all()
    assert "tiny not shown (fewer than 5 at risk)" in figure.alt


def test_late_entry_without_counts_is_refused(curve):
    late = curve.assign(n_at_risk=[10, 9, 12, 4])
    with pytest.raises(FigureError, match="enter late"):
        draw({"all": late})
    hidden = curve.assign(n_at_risk=[10, 9, 8, 4])  # 9 less 2 exits leaves 7, so 1 came
    with pytest.raises(FigureError, match="enter late"):
        draw({"all": hidden})


def test_late_entry_with_counts_is_drawn(curve, at_risk):
    late = curve.assign(n_at_risk=[10, 9, 12, 4])
    rising = at_risk.assign(n_at_risk=[0, 8, 9, 12, 6])
    figure = draw({"all": late}, at_risk={"all": rising})
    assert figure.data["shown"].dropna().tolist() == ["0", "8", "9", "12", "6"]


def test_counts_at_other_days_are_refused_with_the_days(curve, at_risk):
    with pytest.raises(FigureError, match=r"lack the days 182\.625"):
        draw({"all": curve}, at_risk={"all": at_risk.drop(index=1)})


def test_marks_are_drawn_and_told(curve):
    figure = draw({"all": curve}, mark_times={"voucher expires": 12 * MONTH})
    marks = figure.data.loc[figure.data["element"] == "mark"]
    assert marks[["group", "time"]].to_numpy().tolist() == [["voucher expires", 12 * MONTH]]
    assert "Marked: voucher expires, at 12 months." in figure.alt
    with pytest.raises(FigureError, match="'too late' at day 800"):
        draw({"all": curve}, mark_times={"too late": 800})


def test_dense_curves_are_thinned_at_exact_values():
    days = range(1, 731)
    dense = pd.DataFrame({"time": days, "retention": [1 - day / 1000 for day in days],
                          "ci_lower": [0.9 - day / 1000 for day in days], "ci_upper": 1.0,
                          "n_at_risk": [100_000 - day for day in days]})  # fmt: skip
    curves = {f"group {n}": dense for n in range(6)}
    figure = draw(curves, horizon=730)
    drawn = figure.data.loc[(figure.data["element"] == "curve") & (figure.data["time"] > 0)]
    for _, rows in drawn.groupby("group"):
        assert len(rows) <= 125
        assert (rows["retention"] - (1 - rows["time"] / 1000)).abs().max() == 0
    assert "group 0 63.5 % (53.5 to 100.0)" in figure.alt  # day 365, the last before month 12
    assert len(figure.svg) < 150_000


@pytest.mark.parametrize("column", ["time", "retention", "ci_lower", "ci_upper", "n_at_risk"])
def test_a_missing_column_is_named(curve, column):
    with pytest.raises(FigureError, match=f"missing column '{column}'"):
        draw({"all": curve.drop(columns=column)})


def test_impossible_frames_are_refused(curve):
    with pytest.raises(FigureError, match="no rows"):
        draw({"all": curve.iloc[:0]})
    with pytest.raises(FigureError, match="no group"):
        draw({})
    with pytest.raises(FigureError, match=r"outside 0 to 1 \(4 rows\)"):
        draw({"all": curve.assign(ci_upper=90.0)})
    with pytest.raises(FigureError, match="'time' occurs twice"):
        draw({"all": pd.concat([curve, curve])})
    with pytest.raises(FigureError, match="'n_at_risk' is not a whole number"):
        draw({"all": curve.assign(n_at_risk=[10, 9.5, 7, None])})
    with pytest.raises(FigureError, match="7 series"):
        draw({str(n): curve for n in range(7)})
    with pytest.raises(FigureError, match="min_cell is 0"):
        draw({"all": curve}, min_cell=0)


def test_a_missing_interval_is_not_mentioned(curve):
    bare = curve.assign(ci_lower=float("nan"), ci_upper=float("nan"))
    assert "After 12 months: all 70.0 %." in draw({"all": bare}).alt


def test_default_ticks_are_whole_months():
    ticks = {length: [round(day / MONTH, 6) for day in choose_tick_times(horizon=length * MONTH)]
             for length in (12, 24, 36)}  # fmt: skip
    assert ticks == {12: [0, 3, 6, 9, 12], 24: [0, 6, 12, 18, 24], 36: [0, 12, 24, 36]}
    assert choose_tick_times(horizon=90, time_unit_days=1) == [0, 20, 40, 60, 80]
    with pytest.raises(FigureError, match="must be positive"):
        choose_tick_times(horizon=0)
