"""Tables of a roll-out and of a reform."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.designs import RestrictedMeanEffect, StaggeredEffects
from loyaltylab.errors import EstimationError
from loyaltylab.reports.rollout import designs_table, groups_table, months_around, signed
from loyaltylab.survival import Estimate

OVERALL = Estimate(-0.1, 0.05, -0.2, -0.01, 0.95, 20, 500, "exits per 100 customer-months", "m")


def make_monthly() -> StaggeredEffects:
    table = pd.DataFrame(
        {
            "effect": [0.1, 0.0, -0.2],
            "band_lower": [np.nan, -0.3, -0.5],
            "band_upper": [np.nan, 0.3, 0.1],
        },
        index=pd.Index([-2, -1, 0], name="event_time"),
    )
    empty = pd.DataFrame()
    return StaggeredEffects(
        "additive", empty, table, empty, OVERALL, np.zeros((2, 3)), ("a", "b"), 0.95, ()
    )


def test_months_without_a_band_are_not_drawn() -> None:
    frame = months_around(make_monthly(), months_before=12, months_after=12)
    assert frame["label"].tolist() == ["month −1", "month 0"]
    assert frame["group"].tolist() == ["before the start", "from the start"]
    assert frame["ci_upper"].tolist() == [0.3, 0.1]


def test_no_month_with_a_band_is_an_error() -> None:
    with pytest.raises(EstimationError, match="enough sites"):
        months_around(make_monthly(), months_before=12, months_after=-1)


def test_groups_are_named_by_their_first_month() -> None:
    by_group = pd.DataFrame(
        {"n_units": [1], "customers": [99.6], "observed": [10.5], "counterfactual": [10.0],
         "effect": [0.5]},
        index=pd.DatetimeIndex(["2020-03-01"], tz="UTC", name="group_month"),
    )  # fmt: skip
    table = groups_table(RestrictedMeanEffect(OVERALL, 10.5, 10.0, by_group, 12, pd.DataFrame()))
    assert table.iloc[0].tolist() == ["2020-03", 1, 100, 10.5, 10.0, 0.5]


def test_designs_stand_side_by_side() -> None:
    naive = SimpleNamespace(effect=OVERALL, n_negative_weights=3, n_treated_cells=9)
    dealt = SimpleNamespace(value=-0.1, draws=np.zeros(200), p_value=0.04)
    analysis = SimpleNamespace(monthly=make_monthly(), naive=naive, randomisation=dealt)
    table = designs_table(analysis)
    assert table["effects counted negatively"].tolist() == ["", "3 of 9", ""]
    assert table["p"].tolist()[-1] == "0.040"
    analysis.naive = None
    assert len(designs_table(analysis)) == 2


def test_signs_are_typographic() -> None:
    assert signed(-0.126) == "−0.13"
    assert signed(0.5) == "+0.50"
