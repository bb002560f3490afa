"""Cumulative incidence: one panel per group, exits in words, nothing from small numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from loyaltylab.figures import FigureError, cumulative_incidence_curves

TWO_YEARS = 24 * 30.4375
LABELS = {"voluntary": "Voluntary", "payment_failure": "Payment failure"}


def draw(frame, **options):
    return cumulative_incidence_curves(
        frame,
        **{"horizon": TWO_YEARS, "stamp": None, "caption": "c", "cause_labels": LABELS, **options},
    )


def test_the_numbers_drawn_are_the_numbers_given(incidence):
    data = draw(incidence).data
    columns = ["group", "time", "incidence", "ci_lower", "ci_upper"]
    drawn = data.loc[(data["element"] == "curve") & (data["time"] > 0), columns]
    pd.testing.assert_frame_equal(drawn.reset_index(drop=True), incidence[columns])
    assert data["cause"].unique().tolist() == ["Voluntary", "Payment failure"]
    assert (data.loc[data["time"] == 0, "incidence"] == 0).all()


def test_the_text_names_groups_and_exits(incidence):
    # In force at day 365.25: 0.2 * 365 / 700 = 10.43 %, interval 5.21 to 14.60.
    alt = draw(incidence).alt
    assert "2 kinds of exit with 95 % confidence bands for 2 groups" in alt
    assert "Cash refund: Voluntary 10.4 % (5.2 to 14.6), Payment failure 2.6 %" in alt
    assert "Voucher: Voluntary 5.2 % (2.6 to 7.3)" in alt


def test_small_numbers_stop_every_curve(incidence):
    figure = draw(incidence, min_cell=5)
    assert figure.data["time"].max() == 365
    assert "not shown (fewer than 5 at risk)" in figure.alt


def test_suppression_needs_the_number_at_risk(incidence):
    with pytest.raises(FigureError, match="'n_at_risk' is needed"):
        draw(incidence.drop(columns="n_at_risk"), min_cell=5)


def test_numbers_at_risk_stand_under_each_panel(incidence, at_risk):
    counted = pd.concat([at_risk.assign(group="Voucher"), at_risk.assign(group="Cash refund")])
    data = draw(incidence, at_risk=counted, min_cell=5).data
    table = data.loc[data["element"] == "at_risk"]
    assert table["group"].unique().tolist() == ["Cash refund", "Voucher"]
    assert table["shown"].tolist() == ["1,200", "1,150", "900", "431", "<5"] * 2
    assert table["n_at_risk"].isna().sum() == 2
    with pytest.raises(FigureError, match="missing column 'group'"):
        draw(incidence, at_risk=at_risk)


def test_one_group_needs_no_group_column(incidence):
    one = incidence.loc[incidence["group"] == "Voucher"].drop(columns="group")
    figure = draw(one, mark_times={"voucher expires": 365.25})
    assert "After 12 months: Voluntary 5.2 % (2.6 to 7.3)" in figure.alt
    assert "Marked: voucher expires, at 12 months." in figure.alt


def test_impossible_frames_are_refused(incidence):
    with pytest.raises(FigureError, match="missing column 'cause'"):
        draw(incidence.drop(columns="cause"))
    with pytest.raises(FigureError, match="no rows"):
        draw(incidence.iloc[:0])
    with pytest.raises(FigureError, match="'time' occurs twice"):
        draw(incidence.drop(columns="group"))
    with pytest.raises(FigureError, match=r"outside 'ci_lower' to 'ci_upper' \(12 rows\)"):
        draw(incidence.assign(ci_lower=0.5, ci_upper=0.6))
