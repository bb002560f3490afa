"""Rates by period: a rate from few events is not drawn, as it would give the count away."""

from __future__ import annotations

import pytest

from loyaltylab.figures import FigureError, hazard_by_period


def draw(frame, **options):
    return hazard_by_period(frame, **{"stamp": None, "caption": "c", **options})


def test_the_numbers_drawn_are_the_numbers_given(periods):
    data = draw(periods).data
    for column in ("label", "group", "rate", "ci_lower", "ci_upper", "n_events"):
        assert data[column].tolist() == periods[column].tolist()
    assert (data["shown"] == "").all()


def test_the_text_has_every_rate(periods):
    alt = draw(periods).alt
    assert "voucher held: Voucher 0.90 (0.70 to 1.20), 120 events; Cash refund 1.60" in alt
    assert "60 days around expiry: Voucher 2.80 (2.20 to 3.60), 88 events" in alt
    assert "for 2 periods" in alt


def test_a_rate_from_few_events_is_hidden(periods):
    figure = draw(periods, min_cell=5)
    hidden = figure.data.iloc[1]
    assert hidden[["rate", "ci_lower", "ci_upper", "n_events"]].isna().all()
    assert hidden["shown"] == "fewer than 5 events"
    assert "Cash refund fewer than 5 events;" in figure.alt
    assert "1.60" not in figure.alt


def test_a_rate_from_few_customers_is_hidden(periods):
    figure = draw(periods.assign(n_at_risk=[4, 900, 800]), min_cell=5)
    assert figure.data["rate"].isna().tolist() == [True, True, False]
    assert figure.data["shown_n_at_risk"].tolist() == ["<5", "900", "800"]


def test_groups_are_optional(periods):
    one = periods.loc[periods["group"] == "Voucher"].drop(columns=["group", "n_events"])
    assert "voucher held: 0.90 (0.70 to 1.20); 60 days" in draw(one).alt


def test_impossible_frames_are_refused(periods):
    with pytest.raises(FigureError, match="missing column 'rate'"):
        draw(periods.drop(columns="rate"))
    with pytest.raises(FigureError, match="no rows"):
        draw(periods.iloc[:0])
