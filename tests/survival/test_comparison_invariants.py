"""What must not matter when two groups are compared, and what swapping them must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_customers import in_years, make_rows, shuffle, split_rows

from loyaltylab.survival import (
    Estimate,
    difference,
    kaplan_meier,
    log_rank_test,
    mean_cumulative_difference,
    mean_cumulative_function,
    pairwise_log_rank_tests,
    restricted_mean_difference,
    restricted_mean_ratio,
    restricted_mean_retention_time,
    restricted_time_lost,
    restricted_time_lost_differences,
    retention_difference,
)

# The same sums in another order.
REORDERED = {"rtol": 1e-9, "atol": 1e-11}
HORIZON = 9.0
DAYS_PER_YEAR = 365.25
often = settings(max_examples=12, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def triple(rows: pd.DataFrame) -> list[pd.Series]:
    return [rows[name] for name in ("start", "stop", "left")]


def units(rows: pd.DataFrame) -> dict[str, pd.Series]:
    return {"cluster": rows["household"], "weights": rows["weight"]}


def find_mean(rows: pd.DataFrame, horizon: float):
    return restricted_mean_retention_time(*triple(rows), horizon=horizon, **units(rows))


def find_count(rows: pd.DataFrame):
    return mean_cumulative_function(
        *triple(rows), customer=rows["customer"], terminal=rows["left"], **units(rows)
    )


def compare(name: str, rows: pd.DataFrame, *, exposed: int = 1, horizon: float = HORIZON):
    parts = [rows[rows["is_business"] == code] for code in (exposed, 1 - exposed)]
    if name == "retention":
        curves = [kaplan_meier(*triple(part), **units(part)) for part in parts]
        return retention_difference(*curves, time=horizon)
    if name == "count":
        return mean_cumulative_difference(*(find_count(part) for part in parts), time=horizon)
    means = [find_mean(part, horizon) for part in parts]
    return (restricted_mean_ratio if name == "ratio" else restricted_mean_difference)(*means)


def numbers(found: Estimate) -> list[float]:
    assert found.p_value is not None
    return [found.value, found.standard_error, found.ci_lower, found.ci_upper, found.p_value]


NAMES = ("retention", "mean", "ratio", "count")


@pytest.mark.parametrize("name", NAMES)
@often
@given(seed=seeds)
def test_swapping_the_groups_turns_a_difference_and_inverts_a_ratio(name: str, seed: int) -> None:
    rows = make_rows(seed)
    one, other = compare(name, rows), compare(name, rows, exposed=0)
    turned = (lambda x: 1 / x) if name == "ratio" else (lambda x: -x)
    expected = [turned(other.value), turned(other.ci_upper), turned(other.ci_lower)]
    np.testing.assert_allclose([one.value, one.ci_lower, one.ci_upper], expected, **REORDERED)
    np.testing.assert_allclose(one.standard_error, other.standard_error, **REORDERED)
    np.testing.assert_allclose(one.p_value, other.p_value, **REORDERED)
    assert one.n == other.n


@pytest.mark.parametrize("name", NAMES)
@often
@given(seed=seeds)
def test_order_labels_and_cuts_change_no_comparison(name: str, seed: int) -> None:
    # One customer per household: only pieces of one stay may meet end to end.
    rows = make_rows(seed).assign(household=range(150))
    before = rows.copy(deep=True)
    found = compare(name, rows)
    for change in (shuffle, split_rows):
        np.testing.assert_allclose(
            numbers(compare(name, change(rows))), numbers(found), **REORDERED
        )
    pd.testing.assert_frame_equal(rows, before)


@pytest.mark.parametrize("name", NAMES)
@often
@given(seed=seeds)
def test_years_scale_a_difference_of_means_alone(name: str, seed: int) -> None:
    rows = make_rows(seed)
    found = numbers(compare(name, rows))
    years = numbers(compare(name, in_years(rows), horizon=HORIZON / DAYS_PER_YEAR))
    factor = np.array([DAYS_PER_YEAR] * 4 + [1.0]) if name == "mean" else 1.0
    np.testing.assert_allclose(np.array(years) * factor, found, **REORDERED)


@pytest.mark.parametrize("name", NAMES)
@often
@given(seed=seeds)
def test_copies_weights_and_what_comes_later_change_no_comparison(name: str, seed: int) -> None:
    rows = make_rows(seed)
    found = numbers(compare(name, rows))
    copied = pd.concat([rows, rows.assign(customer=rows["customer"] + 1000)], ignore_index=True)
    np.testing.assert_allclose(numbers(compare(name, copied)), found, **REORDERED)
    is_heavy = rows["customer"] % 3 == 0
    heavy = compare(name, rows.assign(weight=1.0 + is_heavy))
    twice = pd.concat([rows, copied[len(rows) :][is_heavy.to_numpy()]], ignore_index=True)
    np.testing.assert_allclose(numbers(compare(name, twice)), numbers(heavy), **REORDERED)
    is_later = rows["stop"] > HORIZON
    later = rows.assign(
        left=rows["left"] ^ is_later, stop=rows["stop"].mask(is_later, rows["stop"] + 5)
    )
    np.testing.assert_allclose(numbers(compare(name, later)), found, **REORDERED)


def lose(rows: pd.DataFrame, *, exposed: str = "yes", horizon: float = HORIZON) -> pd.DataFrame:
    other = {"yes": "no", "no": "yes"}[exposed]
    group = np.where(rows["is_business"] == 1, "yes", "no")
    return restricted_time_lost_differences(
        rows["start"], rows["stop"], rows["exit"], group, cluster=rows["customer"],
        exposed=exposed, reference=other, horizon=horizon,
    ).set_index("cause")  # fmt: skip


@often
@given(seed=seeds)
def test_differences_in_time_lost(seed: int) -> None:
    rows = make_rows(seed)
    found = lose(rows)
    names = ["difference", "standard_error", "ci_lower", "ci_upper", "p_value"]
    is_later = rows["stop"] > HORIZON
    swapped = rows["exit"].map({"": "price", "price": "service", "service": ""})
    later = rows.assign(exit=rows["exit"].mask(is_later, swapped))
    for other in (shuffle(rows), split_rows(rows), pd.concat([rows, rows]), later):
        np.testing.assert_allclose(lose(other)[names], found[names], **REORDERED)
    years = lose(in_years(rows), horizon=HORIZON / DAYS_PER_YEAR)
    np.testing.assert_allclose(years[names[:4]] * DAYS_PER_YEAR, found[names[:4]], **REORDERED)
    turned = lose(rows, exposed="no")
    np.testing.assert_allclose(-turned["difference"], found["difference"], **REORDERED)
    np.testing.assert_allclose(-turned["ci_upper"], found["ci_lower"], **REORDERED)
    np.testing.assert_allclose(turned["lost_exposed"], found["lost_reference"], **REORDERED)
    by_cause = found.loc[["price", "service"], "difference"].sum()
    np.testing.assert_allclose(by_cause, found.loc["any cause", "difference"], **REORDERED)


@often
@given(seed=seeds)
def test_time_lost_and_time_kept_fill_the_horizon(seed: int) -> None:
    rows = make_rows(seed)
    weights = 1.0 + rows["customer"] % 3

    def lost(part: pd.DataFrame, cause: str, **roles):
        found = restricted_time_lost(
            part["start"], part["stop"], part["exit"], cause=cause, horizon=HORIZON, **roles
        )
        return [found.value, found.standard_error]

    roles = {"weights": weights, "cluster": rows["customer"]}
    both = [lost(rows, cause, **roles) for cause in ("price", "service")]
    kept = restricted_mean_retention_time(*triple(rows), horizon=HORIZON, **roles)
    np.testing.assert_allclose(both[0][0] + both[1][0] + kept.value, HORIZON, **REORDERED)
    assert min(both[0][0], both[1][0]) >= 0
    copies = rows.loc[rows.index.repeat(weights.astype(int))]
    for cause, ours in zip(("price", "service"), both, strict=True):
        theirs = lost(copies, cause, cluster=copies["customer"])
        np.testing.assert_allclose(theirs, ours, **REORDERED)
        mixed = copies.sample(frac=1, random_state=seed)
        np.testing.assert_allclose(
            lost(split_rows(mixed), cause, cluster=split_rows(mixed)["customer"]),
            ours,
            **REORDERED,
        )


@often
@given(seed=seeds)
def test_pairs_are_tests_of_two_groups_whatever_their_names_and_order(seed: int) -> None:
    rows = make_rows(seed)
    group = rows["household"] % 3

    def test_pairs(part: pd.DataFrame, labels: dict[int, str]) -> pd.DataFrame:
        found = pairwise_log_rank_tests(
            *triple(part), (part["household"] % 3).map(labels), cluster=part["customer"]
        )
        pair = found[["group_a", "group_b"]].apply(lambda line: "".join(sorted(line)), axis=1)
        return found.set_index(pair).sort_index()[["statistic", "p_value", "p_value_holm"]]

    found = test_pairs(rows, {0: "a", 1: "b", 2: "c"})
    # Named backwards: the pair of the first two becomes the pair of the last two.
    backwards = test_pairs(rows, {0: "c", 1: "b", 2: "a"})
    np.testing.assert_allclose(backwards.loc[["bc", "ac", "ab"]], found.loc[["ab", "ac", "bc"]])
    for other in (shuffle(rows), split_rows(rows), in_years(rows)):
        again = test_pairs(other, {0: "a", 1: "b", 2: "c"})
        np.testing.assert_allclose(again, found, rtol=1e-7, atol=1e-10)
    own = rows[group < 2]
    alone = log_rank_test(*triple(own), group[group < 2], cluster=own["customer"])
    np.testing.assert_allclose(found.loc["ab", "statistic"], alone.statistic, **REORDERED)
    assert (found["p_value_holm"] >= found["p_value"]).all()
    assert (found["p_value_holm"] <= 1).all()


values = st.floats(-1e3, 1e3)
errors = st.floats(0.1, 1e2)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.tuples(values, errors), st.tuples(values, errors), st.floats(0.01, 100))
def test_a_difference_moves_with_its_parts(one, other, factor) -> None:
    plain = Estimate(0.0, 1.0, -2.0, 2.0, 0.95, 10, 5, "days", "mean")
    first, second = (replace(plain, value=v, standard_error=e) for v, e in (one, other))
    found = difference(first, second)
    turned = difference(second, first)
    assert (turned.value, turned.ci_lower) == (-found.value, -found.ci_upper)
    assert turned.p_value == found.p_value
    scaled = difference(
        *(
            replace(part, value=factor * part.value, standard_error=factor * part.standard_error)
            for part in (first, second)
        )
    )
    ours = [scaled.value / factor, scaled.standard_error / factor, scaled.p_value]
    theirs = [found.value, found.standard_error, found.p_value]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert found.standard_error >= max(first.standard_error, second.standard_error)
