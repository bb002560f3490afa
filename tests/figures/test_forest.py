"""Forests of estimates: numbers printed as given, few events hidden, wide intervals cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.figures import FigureError, estimates_forest


def draw(frame, **options):
    return estimates_forest(frame, **{"stamp": None, "caption": "c", **options})


def test_the_numbers_drawn_are_the_numbers_given(effects):
    data = draw(effects).data
    columns = ["group", "label", "value", "ci_lower", "ci_upper"]
    pd.testing.assert_frame_equal(data[columns], effects[columns])
    assert data["shown_n_events"].tolist() == ["1,312", "3", ""]


def test_the_text_has_every_estimate(effects):
    alt = draw(effects, value_label="Hazard ratio of a voluntary exit").alt
    assert alt.startswith("Hazard ratio of a voluntary exit with 95 % confidence interval for 3 "
                          "estimates; 1 means no difference.")  # fmt: skip
    assert "Service quality: First reply after one day 1.25 (1.10 to 1.42), 1,312 events" in alt
    assert "Compensation: Denied not estimable" in alt
    assert "nan" not in alt


def test_few_events_are_hidden(effects):
    figure = draw(effects, min_cell=5)
    assert figure.data["shown_n_events"].tolist() == ["1,312", "<5", ""]
    assert figure.data["n_events"].dropna().tolist() == [1312]
    assert "Reopened 0.97 (0.50 to 1.90), <5 events" in figure.alt


def test_columns_that_are_not_drawn_do_not_leave(effects):
    assert "customer" not in draw(effects.assign(customer="c1")).data.columns


def test_one_endless_interval_does_not_flatten_the_rest(effects):
    wide = effects.dropna().assign(ci_upper=[1.42, np.inf])
    assert "0.97 (0.50 to ∞)" in draw(wide).alt
    assert draw(wide).svg != draw(effects.dropna()).svg


def test_differences_have_a_linear_scale_and_a_true_minus():
    frame = pd.DataFrame({"label": ["Voucher"], "value": [-0.02], "ci_lower": [-0.05],
                          "ci_upper": [0.01]})  # fmt: skip
    figure = draw(frame, reference=0, log_scale=False, decimals=3, value_label="Difference",
                  directions=("fewer stay", "more stay"))  # fmt: skip
    assert "Voucher: −0.020 (−0.050 to 0.010)" in figure.alt
    with pytest.raises(FigureError, match="'value' is not above 0"):
        draw(frame)


def test_impossible_frames_are_refused(effects):
    with pytest.raises(FigureError, match="missing column 'ci_upper'"):
        draw(effects.drop(columns="ci_upper"))
    with pytest.raises(FigureError, match="no rows"):
        draw(effects.iloc[:0])
    with pytest.raises(FigureError, match="outside 'ci_lower' to 'ci_upper'"):
        draw(effects.assign(value=9.0))
    with pytest.raises(FigureError, match="'group' and 'label' occurs twice"):
        draw(pd.concat([effects, effects]))
