"""What must not matter to the checks of rows and columns, and to rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.survival import (
    build_counting_process,
    event_rate,
    find_collinear_columns,
    find_overlapping_rows,
    rates_by_interval,
)

# The same numbers times a constant.
ROUNDING = {"rtol": 1e-12}
often = settings(max_examples=25, deadline=None, derandomize=True)

row = st.tuples(st.integers(0, 20), st.integers(1, 6), st.integers(0, 3))
tables = st.lists(row, min_size=2, max_size=25).map(
    lambda rows: pd.DataFrame(
        [(float(a), float(a + b), f"c{c}") for a, b, c in rows],
        columns=["start", "stop", "customer"],
    )
)


def columns_of(rows: pd.DataFrame) -> list[pd.Series]:
    return [rows["start"], rows["stop"], rows["customer"]]


@often
@given(tables, st.randoms(use_true_random=False))
def test_overlaps_are_those_of_every_pair_in_any_order_and_unit(rows, random) -> None:
    before = rows.copy(deep=True)
    found = find_overlapping_rows(*columns_of(rows))
    order = list(range(len(rows)))
    random.shuffle(order)
    mixed = rows.iloc[order].reset_index(drop=True)
    again = find_overlapping_rows(*columns_of(mixed))
    # Of two equal rows either may be the later one: their values tell.
    values = [
        sorted(map(tuple, part.iloc[f["row"]].itertuples(index=False)))
        for part, f in ((rows, found), (mixed, again))
    ]
    assert values[0] == values[1]
    weeks = find_overlapping_rows(rows["start"] / 7, rows["stop"] / 7, rows["customer"])
    assert weeks["row"].tolist() == found["row"].tolist()
    pd.testing.assert_frame_equal(rows, before)
    # A row is found if and only if some row of its customer that begins no later reaches into it.
    named = set(found["row"])
    for i, one in rows.iterrows():
        others = rows[(rows["customer"] == one["customer"]) & (rows.index != i)]
        sooner = others[
            (others["start"] < one["start"])
            | ((others["start"] == one["start"]) & (others["stop"] < one["stop"]))
        ]
        if (sooner["stop"] > one["start"]).any():
            assert i in named
        same = others[(others["start"] == one["start"]) & (others["stop"] == one["stop"])]
        if not (sooner["stop"] > one["start"]).any() and same.empty:
            assert i not in named
    for line in found.itertuples():
        pair = rows.iloc[[line.row, line.earlier_row]]
        assert pair["customer"].nunique() == 1
        assert (line.overlap_start, line.overlap_stop) == (pair["start"].max(), pair["stop"].min())


@often
@given(
    st.integers(0, 10_000),
    st.lists(st.floats(0.01, 100), min_size=6, max_size=6),
    st.permutations(range(6)),
)
def test_collinear_groups_hang_on_no_scale_zero_order_or_copies(seed, scales, order) -> None:
    random = np.random.default_rng(seed)
    a, b, c = random.normal(size=(3, 30))
    frame = pd.DataFrame({"a": a, "b": b, "c": c, "sum": a + 2 * b, "z": c**2, "copy": 3 * c - 1})
    groups = {frozenset(("a", "b", "sum")), frozenset(("c", "copy"))}
    changed = (frame * scales + np.arange(6)).iloc[:, list(order)]
    twice = pd.concat([changed, changed]).sample(frac=1, random_state=seed)
    for part in (frame, changed, twice):
        before = part.copy(deep=True)
        assert {frozenset(group) for group in find_collinear_columns(part)} == groups
        pd.testing.assert_frame_equal(part, before)


@often
@given(tables, st.randoms(use_true_random=False))
def test_rows_are_read_as_given_in_any_order(rows, random) -> None:
    rows = rows.assign(exit=np.where(np.arange(len(rows)) % 3 == 0, "price", ""))
    rows.loc[0, "customer"] = "alone"  # At least two clusters.
    weights = pd.Series(np.arange(1.0, len(rows) + 1))
    before = rows.copy(deep=True)

    def read(order: list[int]):
        own = rows.iloc[order]
        return build_counting_process(
            own["start"], own["stop"], exit_cause=own["exit"], cluster=own["customer"],
            weights=weights.iloc[order],
        )  # fmt: skip

    order = list(range(len(rows)))
    whole = read(order)
    random.shuffle(order)
    mixed = read(order)
    for name in ("start", "stop", "code", "weights", "event"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(whole, name)[order])
    same = mixed.cluster[:, None] == mixed.cluster
    labels = rows["customer"].to_numpy()[order]
    np.testing.assert_array_equal(same, labels[:, None] == labels)
    assert (mixed.n_rows, mixed.n_clusters) == (len(rows), rows["customer"].nunique())
    pd.testing.assert_frame_equal(rows, before)


@often
@given(st.integers(0, 200), st.floats(0.1, 1e4), st.floats(0.01, 100))
def test_rates_take_the_unit_of_time(n_events, person_time, factor) -> None:
    rate, other = (
        event_rate(n_events, time, n_customers=9) for time in (person_time, factor * person_time)
    )
    for name in ("value", "standard_error", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(factor * getattr(other, name), getattr(rate, name), **ROUNDING)
    assert rate.ci_lower <= rate.value < rate.ci_upper
    more = event_rate(n_events + 1, person_time, n_customers=9)
    assert more.ci_lower > rate.ci_lower
    assert more.ci_upper > rate.ci_upper


@often
@given(tables, st.floats(0.1, 400))
def test_rates_of_intervals_take_their_unit_and_hang_on_no_cut_or_order(rows, unit) -> None:
    event = np.arange(len(rows)) % 2 == 0
    cuts = [0.0, float(rows["stop"].max())]
    plain = rates_by_interval(rows["start"], rows["stop"], event, cuts=cuts)
    scaled = rates_by_interval(rows["start"], rows["stop"], event, cuts=cuts, time_unit=unit)
    for name in ("rate", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(scaled[name] / unit, plain[name], **ROUNDING)
    middle = (rows["start"] + rows["stop"]) / 2
    pieces = rates_by_interval(
        np.concatenate([middle, rows["start"]]),
        np.concatenate([rows["stop"], middle]),
        np.concatenate([event, 0 * event]),
        cuts=cuts,
    )
    for name in ("person_time", "n_events", "rate"):
        np.testing.assert_allclose(pieces[name], plain[name], **ROUNDING)


def test_a_row_that_only_touches_an_interval_is_not_at_risk_in_it() -> None:
    # (0, 2] ends where (2, 4] begins.
    found = rates_by_interval([0, 0], [4, 2], [1, 1], cuts=[0, 2, 4])
    assert found["n_at_risk"].tolist() == [2, 1]
    assert found["person_time"].tolist() == [4, 2]
    assert found["n_events"].tolist() == [1, 1]
