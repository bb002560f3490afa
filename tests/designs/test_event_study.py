"""A reform by month, its pre-trend: by hand, against R."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from natural_cells import ORACLE, make_cells, months

from loyaltylab.designs import assess_pre_trend, estimate_event_study
from loyaltylab.errors import EstimationError

CLOSED_FORM = 1e-9
ITERATED = 1e-7  # relative: R's glm stops at 1e-12 of the deviance
SEGMENTS = {"covered": "covered", "exempt": "exempt"}
N_SIMULATED = 40
# Fewer than 33 of 40 intervals at 95 % cover with probability 0.0005.
FEWEST_COVERED = 33


def seat_belts() -> tuple[pd.DataFrame, pd.Timestamp, dict[str, str]]:
    data = ORACLE["event_study"]
    time = np.tile(data["kms"], (2, 1))
    cells = make_cells(["front", "rear"], np.array([data["front"], data["rear"]]), time)
    return cells, months(24)[24], {"covered": "front", "exempt": "rear"}


def make_reform(seed: int) -> tuple[pd.DataFrame, pd.Timestamp]:
    """A reform that changes nothing: 24 months before and 24 after, 20,000 customers each."""
    random = np.random.default_rng(seed)
    season = 0.02 + 0.003 * np.sin(2 * np.pi * (np.arange(48) - 24) / 12)
    customers = np.full((2, 48), 20_000.0)
    exits = random.poisson(np.array([season + 0.01, season]) * customers)
    return make_cells(["covered", "exempt"], exits, customers), months(48)[24]


def test_two_months_by_hand() -> None:
    # Before: covered 20 in 1000, exempt 40 in 1000; after: covered 60 in 1000, exempt 50 in 1000.
    # Log: log(3) - log(1.25); variance 1/20 + 1/40 + 1/60 + 1/50.
    # Per 100: (6 - 2) - (5 - 4) = 3; variance (20 + 40 + 60 + 50) / 1000^2, times 100^2.
    cells = make_cells(
        ["covered", "exempt"], np.array([[20, 60], [40, 50]]), np.full((2, 2), 1000.0)
    )
    at = months(2)[1]
    logs = estimate_event_study(cells, reform_at=at, reference_months=[-1], **SEGMENTS)
    line = logs.by_month.loc[0]
    assert line["effect"] == pytest.approx(math.log(3 / 1.25), rel=CLOSED_FORM)
    variance = 1 / 20 + 1 / 40 + 1 / 60 + 1 / 50
    assert line["standard_error"] == pytest.approx(math.sqrt(variance), rel=CLOSED_FORM)
    assert logs.by_month.loc[-1, "effect"] == 0
    assert math.isnan(logs.by_month.loc[-1, "standard_error"])
    added = estimate_event_study(
        cells, reform_at=at, reference_months=[-1], scale="additive", **SEGMENTS
    ).by_month.loc[0]
    assert added["effect"] == pytest.approx(3.0, rel=CLOSED_FORM)
    assert added["standard_error"] == pytest.approx(math.sqrt(170) / 10, rel=CLOSED_FORM)


def test_seat_belt_law_matches_r() -> None:
    cells, at, segments = seat_belts()
    found = estimate_event_study(cells, reform_at=at, reference_months=range(-12, 0), **segments)
    expected = pd.DataFrame(ORACLE["event_study"]["by_month"]).set_index("month")
    lines = found.by_month.loc[expected.index]
    np.testing.assert_allclose(lines["effect"], expected["effect"], atol=ITERATED)
    assert found.dispersion == pytest.approx(ORACLE["event_study"]["dispersion"], rel=ITERATED)
    poisson = lines["standard_error"] / math.sqrt(found.dispersion)
    np.testing.assert_allclose(poisson, expected["poisson_error"], rtol=ITERATED)


def test_donut_leaves_out_the_months_it_touches() -> None:
    cells, at, segments = seat_belts()
    found = estimate_event_study(
        cells, reform_at=at, reference_months=[-3], donut_days=40, **segments
    )
    # The reform is on the 1st: 40 days before reach into month -2, 40 days after into month 1.
    assert not {-2, -1, 0, 1} & set(found.by_month.index)
    assert {-3, 2} <= set(found.by_month.index)
    assert len(found.covariance) == len(found.by_month) == 40


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 50))
def test_twins_have_no_effect_and_the_time_unit_does_not_matter(seed: int, factor: float) -> None:
    cells, at = make_reform(seed)
    covered = cells[cells["unit"] == "covered"]
    twins = pd.concat([covered, covered.assign(unit="exempt")])
    for scale in ("log", "additive"):
        study = estimate_event_study(
            twins, reform_at=at, reference_months=[-1], scale=scale, **SEGMENTS
        )
        np.testing.assert_allclose(study.by_month["effect"], 0.0, atol=CLOSED_FORM)
    options = {"reform_at": at, "reference_months": range(-12, 0), **SEGMENTS}
    expected = estimate_event_study(cells, **options)
    longer = cells.assign(person_days=cells["person_days"] * factor).sample(
        frac=1.0, random_state=seed
    )
    found = estimate_event_study(longer, **options)
    np.testing.assert_allclose(found.by_month["effect"], expected.by_month["effect"], atol=1e-9)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=1e-9)


def test_pre_trend_by_hand_and_its_margin() -> None:
    # Months -4 ... -1, each with 100 exits per segment but covered exits grow e-fold per 12
    # months exactly, by their exposure: the slope is 1 per 12 months.
    when = np.arange(-4, 2)
    time = np.vstack([1000 * np.exp(-when / 12), np.full(6, 1000.0)])
    cells = make_cells(["covered", "exempt"], np.full((2, 6), 100), time)
    study = estimate_event_study(cells, reform_at=months(6)[4], reference_months=[-1], **SEGMENTS)
    # Weights are equal; the times -4 ... -1 have sum of squares 5 about their mean, in twelfths
    # of 12 months: 5 / 144. Each month has variance 2 / 100, the common part cancels.
    found = assess_pre_trend(study, margin=2.0)
    error = math.sqrt(0.02 / (5 / 144))
    assert found.slope == pytest.approx(1.0, rel=1e-9)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert not found.is_equivalent
    wide = assess_pre_trend(study, margin=1.0 + 1.7 * error)
    assert wide.is_equivalent
    assert wide.ci_upper < wide.margin
    narrow = assess_pre_trend(study, margin=1.0 + 1.6 * error)
    assert not narrow.is_equivalent
    assert narrow.ci_upper > narrow.margin
    # Not rejecting "no slope" would have shown nothing here.
    assert found.difference_p_value > 0.05


def test_errors_say_what_is_wrong() -> None:
    cells, at = make_reform(1)
    with pytest.raises(EstimationError, match=r"missing: \['business'\]"):
        estimate_event_study(
            cells, reform_at=at, covered="covered", exempt="business", reference_months=[-1]
        )
    silent = cells.copy()
    silent.loc[[3, 50], "n_events"] = 0
    silent.loc[60, "person_days"] = 0.0
    with pytest.raises(EstimationError) as caught:
        estimate_event_study(silent, reform_at=at, reference_months=[-1, 2], **SEGMENTS)
    text = str(caught.value)
    for part in ("[2] are not there before", "covered: no exits in 1", "exempt: nobody at risk"):
        assert part in text
    study = estimate_event_study(cells, reform_at=at, reference_months=[-1], **SEGMENTS)
    with pytest.raises(EstimationError, match="margin above 0"):
        assess_pre_trend(study, margin=0.0)
