"""Estimates beside their true values, in one unit, for the right parameters only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import ParameterError
from loyaltylab.findings import load_questions
from loyaltylab.params import SyntheticParameters
from loyaltylab.reports.truths import compare_with_truth, every_truth
from loyaltylab.truth import declare_estimands

RUN = {"exposed": "voucher", "reference": "refund", "horizon_months": 24}
STEM = "H17.compensation_voucher_forfeited.direct."
EXACT = 1e-12


def estimate(value: float | None, lower: float | None, upper: float | None, unit: str) -> Any:
    return {"value": value, "ci_lower": lower, "ci_upper": upper, "unit": unit}


def make_truth(**values: tuple[float, str]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [
            {"estimand_id": f"{STEM}{name}", "value": value, "mc_se": 0.01, "unit": unit}
            for name, (value, unit) in values.items()
        ]
    )
    frame["strategy"], frame["reference"] = "voucher, forfeited", "refund"
    return frame.set_index("estimand_id")


TRUTH = make_truth(
    restricted_mean_24=(0.5, "months"), retention_12=(0.02, "share"), retention_24=(np.nan, "share")
)
ESTIMATES = {
    "restricted_mean_difference": estimate(30.4375, 0.0, 60.875, "days"),
    "retention_difference_12_months": estimate(0.01, 0.005, 0.015, "share"),
    "retention_difference_24_months": estimate(0.01, 0.005, 0.015, "share"),
    "left_service_difference_24_months": estimate(0.01, 0.005, 0.015, "share"),
}


def compare(estimates: dict[str, Any], run: dict[str, Any] = RUN) -> pd.DataFrame:
    question = load_questions()["compensation"]
    return compare_with_truth(estimates, question=question, parameters=run, truth=TRUTH)


def test_days_become_months_and_shares_points() -> None:
    table = compare(ESTIMATES).set_index("estimate")
    months = table.loc["restricted mean difference"]
    assert months["unit"] == "months"
    assert months[["estimated", "lower", "upper", "true"]].tolist() == [1.0, 0.0, 2.0, 0.5]
    assert months["in the interval"] == "yes"
    points = table.loc["retention difference 12 months"]
    assert points["estimated"] == pytest.approx(1.0, abs=EXACT)
    assert points["true"] == pytest.approx(2.0, abs=EXACT)
    assert points["Monte-Carlo error"] == pytest.approx(1.0, abs=EXACT)
    assert points["in the interval"] == "no"
    # 24 months has no true value, service exits none that is kept.
    assert len(table) == 2


def test_other_offers_have_no_true_value_here() -> None:
    assert not len(compare(ESTIMATES, RUN | {"exposed": "choice"}))


def test_a_suppressed_estimate_is_neither_in_nor_out() -> None:
    hidden = {"restricted_mean_difference": estimate(None, None, None, "days")}
    assert compare(hidden)["in the interval"].tolist() == [""]


def test_units_that_do_not_fit_stop_it() -> None:
    wrong = {"restricted_mean_difference": estimate(0.1, 0.0, 0.2, "share")}
    with pytest.raises(ParameterError, match="percentage points, its true value in months"):
        compare(wrong)


def test_reports_are_told_apart() -> None:
    finding = {"estimates": ESTIMATES, "provenance": {"parameters": RUN}}
    other = {"estimates": {}, "provenance": {"parameters": {"horizon_months": 24}}}
    table = every_truth(
        {"compensation": finding, "retention": other}, questions=load_questions(), truth=TRUTH
    )
    assert table["report"].tolist() == ["compensation"] * 2
    none = every_truth({"retention": other}, questions=load_questions(), truth=TRUTH)
    assert list(none) == list(table) and not len(none)


def test_every_declared_true_value_is_computed() -> None:
    worlds = SyntheticParameters(), SyntheticParameters(team_rollout="staggered")
    known = {one.id for world in worlds for one in declare_estimands(world)}
    runs = {"horizon_months": 24, **RUN}, {"horizon_months": 12}
    for name, question in load_questions().items():
        run = runs[name in ("cancellation_friction", "integrated_team")]
        assert set(question.truths_for(run).values()) <= known, name
