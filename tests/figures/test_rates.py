"""Rates over calendar time: in order of time, with gaps where too few have left."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from loyaltylab.figures import FigureError, rates_over_time


def draw(frame, **options):
    return rates_over_time(frame, **{"stamp": None, "caption": "c", **options})


def test_the_numbers_drawn_are_the_numbers_given_whatever_their_order(monthly):
    figure = draw(monthly.sort_values("rate", ignore_index=True))
    columns = ["group", "period_start", "rate", "ci_lower", "ci_upper"]
    pd.testing.assert_frame_equal(figure.data[columns], monthly[columns], check_dtype=False)
    assert (figure.data["element"] == "rate").all()


def test_the_text_has_extremes_and_the_last(monthly):
    alt = draw(monthly).alt
    assert "for 2 groups, January 2020 to June 2020" in alt
    assert (
        "Cash refund: lowest 2.0 % (1.0 to 4.0) in January 2020, highest 2.5 % (1.0 to 4.0) in "
        "June 2020, last 2.5 % (1.0 to 4.0) in June 2020."
    ) in alt


def test_a_rate_from_few_events_leaves_a_gap(monthly):
    figure = draw(monthly, min_cell=5)
    hidden = figure.data.loc[figure.data["rate"].isna()]
    assert hidden["period_start"].tolist() == [pd.Timestamp("2020-03-01")]
    assert hidden[["ci_lower", "ci_upper", "n_events"]].isna().all(axis=None)
    assert "1 not shown (fewer than 5 events)" in figure.alt


def test_marks_are_drawn_and_told(monthly):
    figure = draw(monthly, mark_dates={"voucher rule": dt.date(2020, 5, 20)})
    marks = figure.data.loc[figure.data["element"] == "mark"]
    assert marks["period_start"].tolist() == [pd.Timestamp("2020-05-20")]
    assert "Marked: voucher rule, 20 May 2020." in figure.alt
    with pytest.raises(FigureError, match="'too early' on 1 May 2019"):
        draw(monthly, mark_dates={"too early": dt.date(2019, 5, 1)})


def test_time_zones_and_a_single_unnamed_group(monthly):
    one = monthly.loc[monthly["group"] == "Voucher"].drop(columns="group")
    aware = one.assign(period_start=one["period_start"].dt.tz_localize("UTC"))
    assert draw(aware).svg == draw(one).svg
    assert ". Lowest 3.0 %" in draw(one).alt


@pytest.mark.parametrize("periods", [1, 3, 40, 200])
def test_short_and_long_windows(periods):
    starts = pd.date_range("2005-11-01", periods=periods, freq="MS")
    frame = pd.DataFrame({"period_start": starts, "rate": 0.02, "ci_lower": 0.01, "ci_upper": 0.03})
    assert draw(frame).svg.startswith("<svg")


def test_nothing_left_to_draw_is_said(monthly):
    figure = draw(monthly.assign(n_events=1), min_cell=5)
    assert "6 not shown (fewer than 5 events)" in figure.alt
    assert figure.data["rate"].isna().all()


def test_impossible_frames_are_refused(monthly):
    with pytest.raises(FigureError, match="missing column 'period_start'"):
        draw(monthly.drop(columns="period_start"))
    with pytest.raises(FigureError, match="no rows"):
        draw(monthly.iloc[:0])
    with pytest.raises(FigureError, match="'period_start' is missing in 12 rows"):
        draw(monthly.assign(period_start=pd.NaT))
    with pytest.raises(FigureError, match="'group' and 'period_start' occurs twice"):
        draw(pd.concat([monthly, monthly]))
