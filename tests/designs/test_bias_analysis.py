"""Censoring, misstated reasons and selection: against R, by hand, and loud where impossible."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.designs import (
    StatedIncidences,
    bound_effect_by_extremes,
    bound_effect_by_trimming,
    correct_incidence_differences,
    correct_incidences,
    delta_adjusted_restricted_mean,
    draw_corrected_incidences,
    estimate_stated_incidences,
    find_tipping_point,
    read_reason_matrix,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import restricted_mean_retention_time

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "sensitivity.json").read_text("utf-8")
)
EXACT = 1e-9  # relative: the same sums in another order
JACKKNIFE = 0.02  # relative: infinitesimal against leave-one-out, of order 1 / n
DRAWN = 0.15  # relative: errors of 4,000 draws, and a prior of half a customer per cell
LUNG = ORACLE["tipping"]
REASONS = ["progression", "death"]


# Tipping points.


def arm(sex: int) -> tuple[np.ndarray, np.ndarray]:
    own = np.array(LUNG["sex"]) == sex
    return np.array(LUNG["time"], dtype=float)[own], np.array(LUNG["event"])[own] == 1


@pytest.mark.parametrize(("sex", "name"), [(1, "men"), (2, "women")])
def test_delta_adjusted_means_match_r(sex: int, name: str) -> None:
    stop, event = arm(sex)
    found = [
        delta_adjusted_restricted_mean(stop, event, horizon=LUNG["horizon"], delta=delta).value
        for delta in LUNG["deltas"]
    ]
    np.testing.assert_allclose(found, LUNG[name], rtol=EXACT)


def test_delta_of_one_is_kaplan_meier_with_its_error() -> None:
    stop, event = arm(2)
    found = delta_adjusted_restricted_mean(stop, event, horizon=600, delta=1.0)
    plain = restricted_mean_retention_time(
        np.zeros(len(stop)), stop, event, horizon=600, cluster=np.arange(len(stop))
    )
    assert found.value == pytest.approx(plain.value, rel=EXACT)
    assert found.standard_error == pytest.approx(plain.standard_error, rel=EXACT)
    assert found.n_events == plain.n_events


def test_delta_by_hand() -> None:
    """Three customers: censored at 1, gone at 3, there at 4. S is 1, then 1/2 from 3 on.

    With delta 2 the first has 2 days to day 3 and (1/2)^2 of the last: 1 + 2 + 1/4 = 3.25. The
    mean of 3.25, 3 and 4 is 3.41667.
    """
    found = delta_adjusted_restricted_mean([1, 3, 4], [0, 1, 0], horizon=4, delta=2.0)
    assert found.value == pytest.approx(10.25 / 3, rel=EXACT)
    spared = delta_adjusted_restricted_mean(
        [1, 3, 4], [0, 1, 0], horizon=4, delta=2.0, is_suspect=[False, True, True]
    )
    assert spared.value == pytest.approx(10.5 / 3, rel=EXACT)


def test_error_of_an_adjusted_mean_is_that_of_the_jackknife() -> None:
    stop, event = arm(1)
    suspect = np.arange(len(stop)) % 3 > 0
    found = delta_adjusted_restricted_mean(stop, event, horizon=600, delta=3.0, is_suspect=suspect)
    others = [np.arange(len(stop)) != row for row in range(len(stop))]
    left_out = np.array(
        [
            delta_adjusted_restricted_mean(
                stop[rest], event[rest], horizon=600, delta=3.0, is_suspect=suspect[rest]
            ).value
            for rest in others
        ]
    )
    jackknife = math.sqrt((len(stop) - 1) * left_out.var())
    assert found.standard_error == pytest.approx(jackknife, rel=JACKKNIFE)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=3, max_size=20),
    st.floats(0.2, 5),
)
def test_a_higher_delta_never_raises_the_mean(rows: list[tuple[int, bool]], delta: float) -> None:
    stop, event = [row[0] for row in rows] + [10], [row[1] for row in rows] + [False]
    low, high = (
        delta_adjusted_restricted_mean(stop, event, horizon=10, delta=factor)
        for factor in (delta, 1.5 * delta)
    )
    assert high.value <= low.value + EXACT
    turned = delta_adjusted_restricted_mean(stop[::-1], event[::-1], horizon=10, delta=delta)
    assert turned.value == pytest.approx(low.value, rel=EXACT)
    assert turned.standard_error == pytest.approx(low.standard_error, rel=1e-7, abs=1e-9)


def test_the_tipping_point_brings_the_difference_to_the_margin() -> None:
    stop = np.array(LUNG["time"], dtype=float)
    sex = np.where(np.array(LUNG["sex"]) == 2, "women", "men")
    found = find_tipping_point(
        stop,
        np.array(LUNG["event"]) == 1,
        sex,
        exposed="women",
        reference="men",
        adjusted="women",
        horizon=600,
        deltas=(0.5, 1, 2, 5, 50),
    )
    expected = np.array(LUNG["women"]) - LUNG["men"][1]  # men at delta 1
    np.testing.assert_allclose(found.path["value"][:4], expected, rtol=EXACT)
    assert found.delta_of_value is None  # the women seen until the end stay longer anyhow
    assert found.delta_of_interval is not None
    women, event = arm(2)
    men = delta_adjusted_restricted_mean(*arm(1), horizon=600, delta=1.0)
    there = delta_adjusted_restricted_mean(women, event, horizon=600, delta=found.delta_of_interval)
    error = math.hypot(there.standard_error, men.standard_error)
    assert there.value - men.value == pytest.approx(1.959963984540054 * error, rel=1e-6)
    assert found.delta_of_interval > 1


def test_nothing_tips_where_the_interval_includes_the_margin_already() -> None:
    stop, event = [1.0, 2, 3, 4] * 2, [True, False, True, False] * 2
    group = ["a"] * 4 + ["b"] * 4
    found = find_tipping_point(
        stop, event, group, exposed="a", reference="b", adjusted="a", horizon=4
    )
    assert found.delta_of_interval == 1.0


def test_tipping_points_refuse_what_cannot_be() -> None:
    with pytest.raises(EstimationError, match="past the last follow-up"):
        delta_adjusted_restricted_mean([1, 2], [1, 0], horizon=3, delta=1.0)
    with pytest.raises(EstimationError, match="multiplier of a hazard"):
        delta_adjusted_restricted_mean([1, 2], [1, 0], horizon=2, delta=0.0)
    with pytest.raises(EstimationError, match="one value per row"):
        delta_adjusted_restricted_mean([1, 2], [1, 0], horizon=2, delta=1.0, is_suspect=[True])
    with pytest.raises(EstimationError, match="No tipping point") as caught:
        find_tipping_point(
            [1, 2],
            [1, 0],
            ["a", "a"],
            exposed="a",
            reference="b",
            adjusted="c",
            horizon=2,
            deltas=[2.0],
        )
    assert len(caught.value.problems) == 3


# Misstated reasons.


def gammopathy() -> StatedIncidences:
    case = ORACLE["misclassified"]
    start = np.zeros(len(case["time"]))
    return estimate_stated_incidences(
        start, case["time"], case["cause"], causes=REASONS, time=case["at"]
    )


def reason_table(counts: list[list[float]], names: list[str] = REASONS) -> pd.DataFrame:
    return pd.DataFrame(counts, index=names, columns=names, dtype=float)


def test_corrected_incidences_match_r() -> None:
    case = ORACLE["misclassified"]
    stated = gammopathy()
    np.testing.assert_allclose(stated.values, case["stated"], rtol=EXACT)
    counts = reason_table(case["counts"])
    for table, is_counts, error in (
        (counts, True, case["error_estimated"]),
        (counts / counts.sum(), False, case["error_known"]),
    ):
        found = correct_incidences(stated, read_reason_matrix(table, is_counts=is_counts))
        values = [found[name].value for name in REASONS]
        np.testing.assert_allclose(values, case["true"], rtol=EXACT)
        errors = [found[name].standard_error for name in REASONS]
        np.testing.assert_allclose(errors, error, rtol=EXACT)


def test_a_matrix_by_hand_and_in_any_order() -> None:
    """True .2 and .4; a tenth of the first and a quarter of the second are stated as the other.

    Stated: .9 x .2 + .25 x .4 = .28 and .1 x .2 + .75 x .4 = .32.
    """
    stated = StatedIncidences(
        ("a", "b"), np.array([0.28, 0.32]), np.eye(2) * 1e-4, np.array([28, 32]), 12.0, 100
    )
    table = reason_table([[0.9, 0.25], [0.1, 0.75]], ["a", "b"])
    for order in (["a", "b"], ["b", "a"]):
        matrix = read_reason_matrix(table.loc[order, order], is_counts=False)
        found = correct_incidences(stated, matrix)
        assert found["a"].value == pytest.approx(0.2, rel=EXACT)
        assert found["b"].value == pytest.approx(0.4, rel=EXACT)
        # (.75^2 + .25^2) / .65^2 x 1e-4, and .65 is the determinant
        assert found["a"].standard_error == pytest.approx(math.sqrt(0.625e-4) / 0.65, rel=EXACT)


def test_a_perfect_matrix_changes_nothing() -> None:
    stated = gammopathy()
    found = correct_incidences(
        stated, read_reason_matrix(reason_table([[1, 0], [0, 1]]), is_counts=False)
    )
    np.testing.assert_allclose([found[name].value for name in REASONS], stated.values, rtol=EXACT)


def test_a_difference_shares_the_error_of_the_matrix() -> None:
    """Alike in both groups, the matrix moves neither the difference of 0 nor its error."""
    stated = gammopathy()
    matrix = read_reason_matrix(reason_table(ORACLE["misclassified"]["counts"]), is_counts=True)
    known = read_reason_matrix(
        pd.DataFrame(matrix.stated_given_true, index=REASONS, columns=REASONS), is_counts=False
    )
    found = correct_incidence_differences(stated, stated, matrix)
    alone = correct_incidences(stated, known)
    for name in REASONS:
        assert found[name].value == pytest.approx(0, abs=EXACT)
        error = math.sqrt(2) * alone[name].standard_error
        assert found[name].standard_error == pytest.approx(error, rel=EXACT)
        assert found[name].p_value == pytest.approx(1.0)


def test_draws_agree_with_the_delta_method_and_with_themselves() -> None:
    stated = gammopathy()
    counts = np.array(ORACLE["misclassified"]["counts"]) * 20
    matrix = read_reason_matrix(reason_table(counts.tolist()), is_counts=True)
    drawn = draw_corrected_incidences(stated, matrix, seed=7, n_draws=4000)
    again = draw_corrected_incidences(stated, matrix, seed=7, n_draws=4000)
    exact = correct_incidences(stated, matrix)
    for name in REASONS:
        assert drawn[name] == again[name]
        assert drawn[name].standard_error == pytest.approx(exact[name].standard_error, rel=DRAWN)
        assert abs(drawn[name].value - exact[name].value) < DRAWN * exact[name].standard_error


def test_an_impossible_share_is_said_to_be_one() -> None:
    stated = StatedIncidences(
        ("a", "b"), np.array([0.01, 0.5]), np.eye(2) * 1e-6, np.array([1, 50]), 12.0, 100
    )
    table = reason_table([[90, 25], [10, 75]], ["a", "b"])
    matrix = read_reason_matrix(table, is_counts=True)
    found = correct_incidences(stated, matrix)
    assert "impossible" in found["a"].caveats[0]
    assert not found["b"].caveats
    with pytest.raises(EstimationError, match="draws give shares"):
        draw_corrected_incidences(stated, matrix, seed=1, n_draws=200)


@pytest.mark.parametrize(
    ("counts", "is_counts", "message"),
    [
        ([[0.9, 0.2], [0.2, 0.8]], False, "add up to"),
        ([[-1, 2], [3, 4]], True, "negative"),
        ([[0, 2], [0, 4]], True, "no customer"),
        ([[5, 5], [5, 5]], True, "no inverse"),
    ],
)
def test_what_is_no_matrix_is_refused(
    counts: list[list[float]], is_counts: bool, message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        read_reason_matrix(reason_table(counts), is_counts=is_counts)


def test_reasons_must_match() -> None:
    table = reason_table([[1, 0], [0, 1]], ["a", "b"])
    with pytest.raises(EstimationError, match="same reasons"):
        read_reason_matrix(table.rename(index={"a": "c"}), is_counts=False)
    matrix = read_reason_matrix(table, is_counts=False)
    with pytest.raises(EstimationError, match="The matrix knows a, b"):
        correct_incidences(gammopathy(), matrix)
    with pytest.raises(EstimationError, match="counts behind"):
        draw_corrected_incidences(gammopathy(), matrix, seed=1)
    with pytest.raises(EstimationError, match="death are not among"):
        estimate_stated_incidences([0], [1], ["death"], causes=["progression"], time=1)
    late = StatedIncidences(("a", "b"), np.zeros(2), np.eye(2), np.zeros(2), 24.0, 100)
    with pytest.raises(EstimationError, match="another time"):
        correct_incidence_differences(late, gammopathy(), matrix)


# Bounds.


def test_trimming_bounds_by_hand() -> None:
    """All four exposed are seen (1, 2, 3, 4), two of four others (1, 3): half is trimmed.

    The exposed kept are 1, 2 or 3, 4: means 1.5 and 3.5, against 2: from -0.5 to 1.5.
    """
    found = bound_effect_by_trimming(
        [1, 2, 3, 4, 1, 3, np.nan, np.nan], [1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]
    )
    assert (found.lower, found.upper, found.trimmed_share) == (-0.5, 1.5, 0.5)
    # Lower: 1, 2 have spread .25, cut at 2, a distance of .5: (.25 + .5 x .25) / 2 = .1875.
    # Shares: .25 x (0 + .5 / (.5 x .5)) = .5, by 8 customers .0625, times (.5 / .5)^2.
    # The other arm: variance 2 by 2 customers is 1.
    assert found.standard_error_lower == pytest.approx(math.sqrt(0.1875 + 0.0625 + 1), rel=EXACT)
    assert found.ci_lower < found.lower < found.upper < found.ci_upper


def test_a_value_on_the_cut_is_split() -> None:
    """Exposed 1, 2, 6, all seen; three of four others: 2.25 kept, (1 + 2 + .25 x 6) / 2.25."""
    found = bound_effect_by_trimming(
        [1, 2, 6, 0, 0, 0, 9], [1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0, 0]
    )
    assert found.lower == pytest.approx(4.5 / 2.25, rel=EXACT)
    assert found.upper == pytest.approx((6 + 2 + 0.25) / 2.25, rel=EXACT)


def test_extreme_bounds_by_hand() -> None:
    """Exposed: 1, 1 and one unseen; others 0, 1 and none unseen. (2 or 3) / 3 - 1 / 2."""
    found = bound_effect_by_extremes(
        [1, 1, 7, 0, 1], [1, 1, 0, 1, 1], [1, 1, 1, 0, 0], lowest=0, highest=1
    )
    assert found.lower == pytest.approx(2 / 3 - 1 / 2, rel=EXACT)
    assert found.upper == pytest.approx(1 - 1 / 2, rel=EXACT)


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans(), st.booleans()), min_size=4, max_size=30)
)
def test_bounds_nest_and_turn_with_the_arms(rows: list[tuple[int, bool, bool]]) -> None:
    fixed = [(v, True, e) for e in (True, False) for v in (-1, 2)]
    outcome, seen, exposed = (np.array(part) for part in zip(*(rows + fixed), strict=True))
    trimmed = bound_effect_by_trimming(outcome, seen, exposed)
    turned = bound_effect_by_trimming(outcome, seen, ~exposed)
    assert trimmed.lower <= trimmed.upper + EXACT
    if seen[exposed].mean() != seen[~exposed].mean():
        assert turned.lower == pytest.approx(-trimmed.upper, abs=EXACT)
        assert turned.standard_error_lower == pytest.approx(trimmed.standard_error_upper)
    naive = outcome[seen & exposed].mean() - outcome[seen & ~exposed].mean()
    extremes = bound_effect_by_extremes(outcome, seen, exposed, lowest=-5, highest=5)
    assert trimmed.lower - EXACT <= naive <= trimmed.upper + EXACT
    assert extremes.lower - EXACT <= naive <= extremes.upper + EXACT


def test_all_seen_is_a_point_with_the_usual_interval() -> None:
    """Nothing to trim: both bounds are the difference of means, the interval is 1.96 errors."""
    outcome, exposed = [1.0, 2, 3, 4, 5, 9], [1, 1, 1, 0, 0, 0]
    found = bound_effect_by_extremes(outcome, [1] * 6, exposed, lowest=0, highest=10)
    assert found.lower == found.upper == pytest.approx(-4.0)
    error = math.sqrt(1 / 3 + 7 / 3)
    assert found.ci_upper - found.upper == pytest.approx(1.959963984540054 * error, rel=1e-8)


def test_bounds_refuse_what_they_cannot_bound() -> None:
    with pytest.raises(EstimationError, match="rule: at least 2"):
        bound_effect_by_trimming([1, 2, 3], [1, 1, 1], [1, 1, 0])
    with pytest.raises(EstimationError, match="not finite"):
        bound_effect_by_trimming([np.nan, 2, 3, 4], [1] * 4, [1, 1, 0, 0])
    with pytest.raises(EstimationError, match="one value per customer"):
        bound_effect_by_trimming([1, 2], [1], [1, 0])
    with pytest.raises(EstimationError, match="not within 0 to 3"):
        bound_effect_by_extremes([1, 2, 3, 4], [1] * 4, [1, 1, 0, 0], lowest=0, highest=3)
    with pytest.raises(EstimationError, match="confidence_level"):
        bound_effect_by_trimming([1, 2, 3, 4], [1] * 4, [1, 1, 0, 0], confidence_level=95)
