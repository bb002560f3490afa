"""Interrupted series against R, by hand, and where they cannot be cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from natural_cells import ORACLE

from loyaltylab.designs import fit_interrupted_series, run_placebo_dates
from loyaltylab.errors import EstimationError

ITERATED = 1e-7  # relative: R's glm stops at 1e-12 of the deviance
CLOSED_FORM = 1e-9
SERIES = ORACLE["series"]


@pytest.mark.parametrize("part", ["all", "donut"])
def test_seat_belt_law_matches_r(part: str) -> None:
    expected = SERIES[part]
    found = fit_interrupted_series(
        SERIES["front"],
        SERIES["kms"],
        change_at=SERIES["change_at"],
        donut=expected.get("left_out", ()),
    )
    assert found.lag == expected["lag"]
    assert found.dispersion == pytest.approx(expected["dispersion"], rel=ITERATED)
    for name, oracle in (("coefficient", "coefficients"), ("standard_error", "errors")):
        np.testing.assert_allclose(found.coefficients[name], expected[oracle], rtol=ITERATED)
    assert found.level_change.value == pytest.approx(math.exp(expected["coefficients"][2]))
    assert found.level_change.ci_lower < found.level_change.value < found.level_change.ci_upper


def test_an_exact_change_by_hand() -> None:
    # Counts 100 * 2^(i / 4) before; from 4 on tripled, and growing 2^(i / 2) from there:
    # level ratio 3, slope ratio 2^(1 / 4). Nothing is left over.
    i = np.arange(10)
    counts = 100 * 2 ** (i / 4) * np.where(i >= 4, 3 * 2 ** ((i - 4) / 4), 1.0)
    found = fit_interrupted_series(counts, np.ones(10), change_at=4, n_harmonics=0, lag=0)
    assert found.level_change.value == pytest.approx(3.0, rel=CLOSED_FORM)
    assert found.slope_change.value == pytest.approx(2**0.25, rel=CLOSED_FORM)
    np.testing.assert_allclose(found.fitted, counts, rtol=CLOSED_FORM)
    np.testing.assert_allclose(found.without, 100 * 2 ** (i / 4), rtol=CLOSED_FORM)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100))
def test_the_unit_of_exposure_does_not_matter(seed: int, factor: float) -> None:
    random = np.random.default_rng(seed)
    exposure = random.uniform(900, 1100, 48)
    counts = random.poisson(0.05 * exposure)
    expected = fit_interrupted_series(counts, exposure, change_at=24)
    found = fit_interrupted_series(counts, exposure * factor, change_at=24)
    for name in ("level_change", "slope_change"):
        a, b = getattr(found, name), getattr(expected, name)
        assert a.value == pytest.approx(b.value, rel=1e-7)
        assert a.standard_error == pytest.approx(b.standard_error, rel=1e-7)


def test_placebo_dates_stand_out_from_the_law() -> None:
    counts, exposure = np.array(SERIES["front"]), np.array(SERIES["kms"])
    law = SERIES["change_at"]

    def change_at(month: int) -> float:
        last = len(counts) if month == law else law  # placebos see no month of the law
        found = fit_interrupted_series(counts[:last], exposure[:last], change_at=month)
        return math.log(found.level_change.value)

    found = run_placebo_dates(change_at, actual=law, candidates=range(30, law - 22), seed=1)
    assert found.value == pytest.approx(SERIES["all"]["coefficients"][2], rel=ITERATED)
    assert found.p_value == pytest.approx(1 / (1 + len(found.placebos)))
    assert found.caveats[0].startswith("117 placebo dates")


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(EstimationError) as caught:
        fit_interrupted_series([1, -2, 3], [1, 0, 1], change_at=2, donut=[7])
    text = str(caught.value)
    for part in ("positions [7]", "not negative", "4 on each side", "3 periods for 8 terms"):
        assert part in text
    with pytest.raises(EstimationError, match="no events on one side"):
        fit_interrupted_series([0] * 12 + [3] * 12, [1] * 24, change_at=12)
    with pytest.raises(EstimationError, match="cannot be told apart"):
        fit_interrupted_series([5] * 24, [1] * 24, change_at=12, season_periods=1e9, n_harmonics=1)
    with pytest.raises(EstimationError, match="2 counts and 3"):
        fit_interrupted_series([1, 2], [1, 1, 1], change_at=1)
