"""Staggered starts by hand, against R, and under changes that must not matter."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from natural_cells import ORACLE, make_cells, make_starts, months, oracle_staggered

from loyaltylab.designs import (
    estimate_staggered_effects,
    estimate_two_way_fixed_effects,
    permute_start_dates,
)
from loyaltylab.errors import EstimationError

CLOSED_FORM = 1e-9  # relative: sums and ratios in double precision
ITERATED = 1e-7  # relative: R's glm stops at 1e-12 of the deviance, its square root here
N_GROUP_TIMES = 27  # three groups, ten months, less the base month of each


def test_two_groups_and_two_months_by_hand() -> None:
    # Treated units t1, t2 and untreated n1, n2, each of 100 customer-months a month.
    # Exits: t1 4 -> 3, t2 6 -> 3, n1 5 -> 7, n2 3 -> 4.
    # Per 100: treated 5 -> 3, a change of -2; untreated 4 -> 5.5, +1.5; effect -3.5.
    # Log: 3 / (5 * 5.5 / 4) = 12 / 27.5.
    # Leaving out t1: -3 - 1.5 = -4.5; t2: -1 - 1.5 = -2.5; n1: -2 - 1 = -3; n2: -2 - 2 = -4.
    # Mean of those -3.5; squares 1 + 1 + .25 + .25 = 2.5; error sqrt(3/4 * 2.5).
    units = ["t1", "t2", "n1", "n2"]
    exits = np.array([[4, 3], [6, 3], [5, 7], [3, 4]])
    cells = make_cells(units, exits, np.full((4, 2), 100.0))
    starts = make_starts(units, [1, 1, None, None], 2)
    found = estimate_staggered_effects(cells, starts)
    assert found.overall.value == pytest.approx(-3.5, rel=CLOSED_FORM)
    assert found.overall.standard_error == pytest.approx(math.sqrt(0.75 * 2.5), rel=CLOSED_FORM)
    line = found.group_time.loc[(months(2)[1], months(2)[1])]
    assert line["observed"] == pytest.approx(3.0)
    assert line["counterfactual"] == pytest.approx(6.5)
    logs = estimate_staggered_effects(cells, starts, scale="log")
    assert logs.overall.value == pytest.approx(math.log(12 / 27.5), rel=CLOSED_FORM)
    # With two periods and one group two-way fixed effects are the same number.
    naive = estimate_two_way_fixed_effects(cells, starts)
    assert naive.effect.value == pytest.approx(-3.5, rel=CLOSED_FORM)
    assert naive.n_negative_weights == 0
    assert naive.late_against_early is None


def test_strata_are_compared_each_on_their_own() -> None:
    # Hazard 10 per 100 when young, 2 when old, untreated and treated alike; the effect is -1 on
    # the young only. Treated customers are 3/4 young in month 0 and 1/4 in month 1, the others
    # 1/2 throughout. Crude: treated 8 -> .25 * 9 + .75 * 2 = 3.75. By stratum:
    # .25 * (9 - 10) + .75 * (2 - 2) = -0.25.
    units = ["t1", "t2", "n1", "n2"]
    young = np.array([[300, 100], [300, 100], [200, 200], [200, 200]])
    old = 400 - young
    hazard = np.array([[0.1, 0.09], [0.1, 0.09], [0.1, 0.1], [0.1, 0.1]])
    parts = [
        make_cells(units, np.round(young * hazard).astype(int), young),
        make_cells(units, np.round(old * 0.02).astype(int), old).assign(tenure_from_days=365.0),
    ]
    starts = make_starts(units, [1, 1, None, None], 2)
    # One more exit here and one less there, so that units differ.
    parts[0].loc[[3, 5], "n_events"] += [1, 0]
    parts[0].loc[[1, 7], "n_events"] += [-1, 0]
    found = estimate_staggered_effects(pd.concat(parts), starts)
    assert found.overall.value == pytest.approx(-0.25, rel=CLOSED_FORM)


def test_group_time_effects_and_errors_match_r() -> None:
    cells, starts = oracle_staggered()
    edges = months(10)
    expected = pd.DataFrame(ORACLE["staggered"]["group_time"])
    assert len(expected) == N_GROUP_TIMES
    at = pd.MultiIndex.from_arrays([edges[expected["group"]], edges[expected["month"]]])
    for scale, prefix, tolerance in (("additive", "", CLOSED_FORM), ("log", "log_", ITERATED)):
        found = estimate_staggered_effects(cells, starts, scale=scale, anticipation_months=1)
        lines = found.group_time.loc[at]
        for name, oracle in (("effect", "effect"), ("standard_error", "error")):
            np.testing.assert_allclose(lines[name], expected[prefix + oracle], rtol=tolerance)
        assert lines["n_comparison"].tolist() == expected["n_comparison"].tolist()


def test_jackknife_variance_is_hc3_where_all_units_take_part() -> None:
    # R's HC3 leaves out (n - 1) / n, and does not centre: about 4 % for 12 units.
    expected = pd.DataFrame(ORACLE["staggered"]["group_time"])
    assert (expected["error"] / expected["hc3"]).between(0.93, 0.98).all()


def test_two_way_fixed_effects_match_r() -> None:
    naive = estimate_two_way_fixed_effects(*oracle_staggered())
    expected = ORACLE["staggered"]["two_way"]
    assert naive.effect.value == pytest.approx(expected["effect"], rel=CLOSED_FORM)
    assert naive.effect.standard_error == pytest.approx(expected["error"], rel=CLOSED_FORM)


def test_two_way_fixed_effects_go_wrong_where_effects_grow() -> None:
    # Without noise: three pairs of units start in months 4, 8 and 12 of 16, nobody never; the
    # effect is -0.1 per 100 more each month. Over the first four months it averages -0.25.
    units = [f"u{i}" for i in range(6)]
    first = np.repeat([4, 8, 12], 2)
    since = np.arange(16) - first[:, None]
    customers = np.full((6, 16), 100_000.0)
    rate = 0.03 + 0.001 * np.arange(6)[:, None] - 0.001 * np.maximum(since + 1, 0)
    exits = np.round(rate * customers).astype(int)
    exits[1::2] += 1  # so that units differ and have an error
    exits[1, 5] += 2
    cells, starts = make_cells(units, exits, customers), make_starts(units, first.tolist(), 16)
    right = estimate_staggered_effects(cells, starts, horizon_months=4)
    naive = estimate_two_way_fixed_effects(cells, starts)
    assert right.overall.value == pytest.approx(-0.25, abs=0.002)
    assert naive.effect.value > -0.1  # the true mean over treated cells is -0.65
    assert naive.n_negative_weights > 0
    assert any("negatively" in text for text in naive.effect.caveats)
    assert naive.late_against_early is not None
    assert naive.late_against_early.value < -0.1
    assert any("Effects change over time" in text for text in naive.effect.caveats)
    # The last group has nobody to be compared with.
    assert len(right.by_group) == 2
    assert any("no comparison" in text for text in right.caveats)


def test_band_is_wider_than_intervals_and_repeats_with_its_seed() -> None:
    cells, starts = oracle_staggered()
    found = estimate_staggered_effects(cells, starts, seed=3)
    lines = found.by_event_time.dropna()
    assert (lines["band_upper"] >= lines["ci_upper"] - 1e-12).all()
    assert (lines["band_upper"] - lines["effect"]).sum() > 1.2 * (
        lines["ci_upper"] - lines["effect"]
    ).sum()
    # Eight units start; event time 5 rests on the first three of them.
    assert found.by_event_time.loc[5, "n_treated"] == 3
    assert math.isnan(found.by_event_time.loc[5, "band_lower"])
    again = estimate_staggered_effects(cells, starts, seed=3)
    pd.testing.assert_frame_equal(found.by_event_time, again.by_event_time)
    # The base month is 0 by definition, without an error.
    assert found.by_event_time.loc[-1, "effect"] == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(found.by_event_time.loc[-1, "standard_error"])


def test_influence_gives_the_standard_errors() -> None:
    found = estimate_staggered_effects(*oracle_staggered())
    n = len(found.units)
    error = np.sqrt((found.influence**2).sum(axis=0) / (n * (n - 1)))
    has_error = found.by_event_time["standard_error"].notna()
    np.testing.assert_allclose(error[has_error], found.by_event_time["standard_error"].dropna())
    assert not found.influence.flags.writeable


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(12)), seed=st.integers(0, 1000))
def test_labels_and_order_change_nothing(order: list[int], seed: int) -> None:
    cells, starts = oracle_staggered()
    expected = estimate_staggered_effects(cells, starts, anticipation_months=1)
    name = {unit: f"site {order[unit - 1]:02d}" for unit in starts.index}
    shuffled = cells.assign(unit=cells["unit"].map(name)).sample(frac=1.0, random_state=seed)
    before = shuffled.copy()
    found = estimate_staggered_effects(shuffled, starts.rename(index=name), anticipation_months=1)
    pd.testing.assert_frame_equal(shuffled, before)
    columns = ["effect", "standard_error", "observed"]
    pd.testing.assert_frame_equal(
        found.group_time[columns], expected.group_time[columns], rtol=CLOSED_FORM, atol=1e-12
    )
    assert found.overall.standard_error == pytest.approx(expected.overall.standard_error)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_effect_when_both_arms_are_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    half = random.poisson(20, (5, 8)) + 1
    customers = random.uniform(500, 900, (5, 8))
    units = [f"{arm}{i}" for arm in "tn" for i in range(5)]
    cells = make_cells(units, np.vstack([half, half]), np.vstack([customers, customers]))
    starts = make_starts(units, [4] * 5 + [None] * 5, 8)
    for scale in ("additive", "log"):
        found = estimate_staggered_effects(cells, starts, scale=scale)
        assert found.overall.value == pytest.approx(0.0, abs=1e-9)


def test_permuted_starts_find_a_large_effect_and_not_none() -> None:
    random = np.random.default_rng(7)
    units = [f"u{i:02d}" for i in range(12)]
    first = [4, 4, 4, 5, 5, 5, 6, 6, None, None, None, None]
    treated = np.arange(10) >= np.array([99 if f is None else f for f in first])[:, None]
    customers = np.full((12, 10), 1000.0)
    starts = make_starts(units, first, 10)
    for change, low, high in ((-0.012, 0.0, 0.01), (0.0, 0.05, 1.0)):
        exits = random.poisson((0.03 + change * treated) * customers)
        cells = make_cells(units, exits, customers)
        test = permute_start_dates(cells, starts, n_draws=200, seed=1)
        assert low < test.p_value <= high
        assert test.value == pytest.approx(estimate_staggered_effects(cells, starts).overall.value)
        assert test.p_value * 201 == pytest.approx(round(test.p_value * 201))


def test_units_treated_from_the_start_and_within_a_month_are_said() -> None:
    cells, starts = oracle_staggered()
    early = starts.copy()
    early[1] = months(10)[0]
    early[2] = early[2] + pd.Timedelta(days=10)
    found = estimate_staggered_effects(cells, early)
    assert len(found.units) == 11
    assert "1 units were treated from the first month on" in found.caveats[0]
    assert "1 units start within a month" in found.caveats[1]


def test_errors_say_what_is_missing() -> None:
    cells, starts = oracle_staggered()
    with pytest.raises(EstimationError, match="No group has never or not yet treated"):
        estimate_staggered_effects(cells, pd.Series(months(10)[4], index=starts.index))
    with pytest.raises(EstimationError, match="12 months"):
        estimate_staggered_effects(cells, starts, horizon_months=12)
    with pytest.raises(EstimationError, match="months before the start"):
        estimate_staggered_effects(cells, starts, base_months=9)
    with pytest.raises(EstimationError) as caught:
        estimate_staggered_effects(cells, starts, scale="odds", comparison="all", base_months=0)
    assert len(caught.value.problems) == 3
    broken = cells.copy()
    broken.loc[3, ["person_days", "n_events"]] = 0
    broken = pd.concat([broken.drop(index=8), broken.loc[[20]]])
    with pytest.raises(EstimationError) as caught:
        estimate_staggered_effects(broken, starts.drop(index=[5]))
    text = str(caught.value)
    for part in ("no time at risk (1, tenure", "stand twice", "1 cells are missing", "([5])"):
        assert part in text
    with pytest.raises(EstimationError, match="at least 200"):
        permute_start_dates(cells, starts, n_draws=50, seed=1)
    lonely = starts.where(starts.index == 1)
    with pytest.raises(EstimationError, match="has no error"):
        estimate_staggered_effects(cells, lonely)
    with pytest.raises(EstimationError, match="follows from unit and month"):
        estimate_two_way_fixed_effects(cells, pd.Series(months(10)[4], index=starts.index))
