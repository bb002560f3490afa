"""Mean cumulative functions, with and without exits: by hand, against R, invariants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    kaplan_meier,
    mean_cumulative_difference,
    mean_cumulative_function,
    transition_hazards,
)

BY_HAND = {"rtol": 1e-12, "atol": 1e-14}
# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-9, "atol": 1e-12}
# mets divides by those at risk where the derivative of the product limit divides by those who
# stay: errors differ by the order of 1 / at risk (at most .15 % here).
METS_ERRORS = {"rtol": 3e-3}
# Where the true variance is 0, its root would only show rounding.
SQUARES = {"rtol": 1e-7, "atol": 1e-11}
# A central difference errs by the step squared.
DERIVATIVE = {"rtol": 1e-5, "atol": 1e-9}

# Calls at: A 1 and 3, B 2, C 3; D none. A leaves at 4, B at 2 with the call; C, D seen to 5.
ROWS = pd.DataFrame(
    [
        ("A", 0, 1, 1, 0),
        ("A", 1, 3, 1, 0),
        ("A", 3, 4, 0, 1),
        ("B", 0, 2, 1, 1),
        ("C", 0, 3, 1, 0),
        ("C", 3, 5, 0, 0),
        ("D", 0, 5, 0, 0),
    ],
    columns=["customer", "start", "stop", "call", "left"],
)


def estimate(rows: pd.DataFrame, with_exits: bool, **roles):
    return mean_cumulative_function(
        rows["start"], rows["stop"], rows["call"], customer=rows["customer"],
        terminal=rows["left"] if with_exits else None, **roles,
    )  # fmt: skip


def test_nelson_by_hand() -> None:
    found = estimate(ROWS, with_exits=False)
    assert found.time.tolist() == [1, 2, 3, 4, 5]
    assert found.n_at_risk.tolist() == [4, 4, 3, 3, 2]
    # 1/4, 1/4, then two of the three still seen.
    np.testing.assert_allclose(found.mean, np.cumsum([1 / 4, 1 / 4, 2 / 3, 0, 0]), **BY_HAND)
    # To 2 all four are seen: counts 1, 1, 0, 0. At 3 A and C add (1 - 2/3)/3, D -2/9.
    influence = np.array([1 / 8 + 1 / 9, 1 / 8, -1 / 8 + 1 / 9, -1 / 8 - 2 / 9])
    np.testing.assert_allclose(found.standard_error[1], 1 / 4, **BY_HAND)
    np.testing.assert_allclose(found.standard_error[2], np.sum(influence**2) ** 0.5, **BY_HAND)
    assert not found.has_exits
    assert found.retention.tolist() == [1] * 5


def test_before_the_exit_by_hand() -> None:
    found = estimate(ROWS, with_exits=True)
    # After B has left, 3/4 are there: 3/4 x 2/3. Everyone is seen until the exit or the end, so
    # the mean is that of the counts, at 3: A 2, B 1, C 1, D 0, its error sqrt(2) / 4.
    np.testing.assert_allclose(found.mean, [1 / 4, 1 / 2, 1, 1, 1], **BY_HAND)
    np.testing.assert_allclose(found.standard_error[2:], 2**0.5 / 4, **BY_HAND)
    np.testing.assert_allclose(found.retention, [1, 3 / 4, 3 / 4, 1 / 2, 1 / 2], **BY_HAND)
    assert found.n_exits.tolist() == [0, 1, 0, 1, 0]
    half_width = 1.959963984540054 * 2**0.5 / 4
    np.testing.assert_allclose(found.ci_upper[-1], np.exp(half_width), **BY_HAND)


def test_difference_by_hand() -> None:
    found = estimate(ROWS, with_exits=True)
    twice = pd.concat([ROWS, ROWS.assign(customer=ROWS["customer"] + "'")])
    gap = mean_cumulative_difference(found, estimate(twice, with_exits=True), time=3)
    np.testing.assert_allclose(gap.value, 0.0, atol=1e-14)
    # Variances 2/16 and half of it.
    np.testing.assert_allclose(gap.standard_error, (3 / 16) ** 0.5, **BY_HAND)
    assert gap.unit == "events per customer"
    with pytest.raises(EstimationError, match=r"methods .* differ"):
        mean_cumulative_difference(found, estimate(ROWS, with_exits=False), time=3)


def test_difference_equals_r(recurrent_oracle) -> None:
    rows = recurrent_oracle.frame("cgd")
    means = {
        kind: mean_cumulative_function(*(own[n] for n in ("tstart", "tstop", "status")),
                                       customer=own["id"])
        for kind, own in rows.groupby(np.where(rows["treated"] == 1, "treated", "placebo"))
    }  # fmt: skip
    at = 250.0
    r = {}
    for kind in means:
        time = recurrent_oracle.numbers("means", kind, "time")
        last = np.searchsorted(time, at, side="right") - 1
        r[kind] = [recurrent_oracle.numbers("means", kind, name)[last]
                   for name in ("mean", "std_err")]  # fmt: skip
    found = mean_cumulative_difference(means["treated"], means["placebo"], time=at)
    np.testing.assert_allclose(found.value, r["treated"][0] - r["placebo"][0], **CLOSED_FORM)
    error = np.hypot(r["treated"][1], r["placebo"][1])
    np.testing.assert_allclose(found.standard_error, error, **CLOSED_FORM)
    assert found.value < 0  # Interferon prevents infections.


@pytest.mark.parametrize("kind", ["treated", "placebo", "center"])
def test_nelson_equals_r(recurrent_oracle, kind) -> None:
    rows = recurrent_oracle.frame("cgd")
    if kind != "center":
        rows = rows[rows["treated"] == (kind == "treated")]
    roles = {"cluster": rows["center"], "weights": rows["weight"]} if kind == "center" else {}
    found = mean_cumulative_function(
        rows["tstart"], rows["tstop"], rows["status"], customer=rows["id"], **roles
    ).at(recurrent_oracle.numbers("means", kind, "time"))
    assert len(found) > 60
    for name, theirs in (("mean", "mean"), ("standard_error", "std_err")):
        r = recurrent_oracle.numbers("means", kind, theirs)
        np.testing.assert_allclose(found[name], r, **CLOSED_FORM)


def test_before_the_exit_equals_mets(recurrent_oracle) -> None:
    rows = recurrent_oracle.frame("calls").rename(columns={"id": "customer"})
    found = estimate(rows, with_exits=True).at(recurrent_oracle.numbers("means", "calls", "time"))
    assert len(found) > 150
    r = recurrent_oracle.numbers("means", "calls", "mean")
    np.testing.assert_allclose(found["mean"], r, **CLOSED_FORM)
    error = recurrent_oracle.numbers("means", "calls", "std_err")
    np.testing.assert_allclose(found["standard_error"], error, **METS_ERRORS)


piece = st.tuples(st.integers(1, 5), st.booleans(), st.sampled_from([0, 0, 0, 2]))
history = st.tuples(
    st.sampled_from([0, 0, 1, 3]),  # entry
    st.booleans(),  # leaves at the end
    st.integers(0, 3),  # household
    st.floats(0.2, 4.0),  # weight
    st.lists(piece, min_size=1, max_size=5),
)


def _as_frame(drawn: list[tuple]) -> pd.DataFrame:
    # Two customers of their own households make sure of an event and of two clusters.
    fixed = [(0, True, 98, 1.0, [(2, True, 0)]), (0, False, 99, 1.0, [(3, False, 0)])]
    rows = []
    for number, (day, leaves, household, weight, pieces) in enumerate([*fixed, *drawn]):
        begin = day
        for position, (length, call, gap) in enumerate(pieces):
            left = leaves and position == len(pieces) - 1
            rows.append((number, begin, begin + length, int(call), int(left), household, weight))
            begin += length + gap
    names = ["customer", "start", "stop", "call", "left", "household", "weight"]
    return pd.DataFrame(rows, columns=names).astype({"start": float, "stop": float})


tables = st.lists(history, min_size=1, max_size=10).map(_as_frame)
GRID = np.arange(0.0, 5.0)


def estimate_all(rows: pd.DataFrame, **roles) -> list[np.ndarray]:
    """Both means and their variances on a fixed grid that ends with the shortest table."""
    parts = []
    for with_exits in (False, True):
        at = estimate(rows, with_exits, **({"weights": rows["weight"]} | roles)).at(GRID)
        parts += [at["mean"].to_numpy(), at["standard_error"].to_numpy() ** 2]
    return parts


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **SQUARES)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_the_error_is_the_derivative_by_cluster_weights(rows) -> None:
    step, squares = 1e-4, [0.0, 0.0]
    for code in set(rows["household"]):
        change = step * (rows["household"] == code)
        up = estimate_all(rows, weights=rows["weight"] * (1 + change))[::2]
        down = estimate_all(rows, weights=rows["weight"] * (1 - change))[::2]
        squares = [
            total + ((a - b) / (2 * step)) ** 2
            for total, a, b in zip(squares, up, down, strict=True)
        ]
    found = estimate_all(rows, cluster=rows["household"])[1::2]
    for variance, expected in zip(found, squares, strict=True):
        np.testing.assert_allclose(variance, expected, **DERIVATIVE)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_cuts_order_labels_and_copies_do_not_matter(rows) -> None:
    whole = estimate_all(rows)
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], call=0, left=0)
    late = rows.assign(start=rows["start"].mask(is_cut, middle))
    assert_same(whole, estimate_all(pd.concat([late, early], ignore_index=True)))
    mixed = rows.sample(frac=1, random_state=2)
    assert_same(whole, estimate_all(mixed.assign(customer=mixed["customer"].map("c{}".format))))
    # A weight of two is the customer twice, in one cluster.
    twice = pd.concat([rows, rows.assign(customer=rows["customer"] + 1000)], ignore_index=True)
    one, two = np.full(len(rows), 2.0), np.ones(len(twice))
    copied = estimate_all(twice, weights=two, cluster=twice["customer"] % 1000)
    assert_same(estimate_all(rows, weights=one), copied)
    # Nobody leaves: both means are one.
    stays = estimate_all(rows.assign(left=0))
    assert_same(stays[:2], stays[2:])
    assert np.all(np.diff(whole[0][~np.isnan(whole[0])]) >= 0)


def test_one_event_each_is_what_it_was_before(recurrent_oracle) -> None:
    # Only first exits count as events: Nelson-Aalen; retention is Kaplan-Meier.
    rows = recurrent_oracle.frame("calls").rename(columns={"id": "customer"})
    nelson = estimate(rows.assign(call=rows["left"]), with_exits=False)
    hazard = transition_hazards(
        rows["start"], rows["stop"], ["there"] * len(rows),
        np.where(rows["left"] == 1, "gone", ""), customer=rows["customer"],
    )  # fmt: skip
    at = hazard.at(nelson.time, "there", "gone")
    np.testing.assert_allclose(nelson.mean, at["cumulative_hazard"], **CLOSED_FORM)
    np.testing.assert_allclose(nelson.standard_error, at["standard_error"], **CLOSED_FORM)
    before = estimate(rows.assign(call=rows["left"]), with_exits=True)
    curve = kaplan_meier(rows["start"], rows["stop"], rows["left"], cluster=rows["customer"]).at(
        before.time
    )
    np.testing.assert_allclose(before.mean, 1 - curve["retention"], **CLOSED_FORM)
    np.testing.assert_allclose(before.standard_error, curve["standard_error"], **CLOSED_FORM)


def simulate(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Calls at rate .3 z for a gamma z of mean 1, variance 1/2; exits at rate .1; late entry."""
    z = rng.gamma(2.0, 0.5, n)
    leaves = rng.exponential(10, n)
    entry = np.where(rng.random(n) < 0.7, 0.0, rng.uniform(0, 3, n))
    end = np.minimum(leaves, entry + rng.uniform(4, 15, n))
    entry, leaves, end, z = (x[leaves > entry] for x in (entry, leaves, end, z))
    n_calls = rng.poisson(0.3 * z * (end - entry))
    customer = np.repeat(np.arange(len(z)), n_calls)
    calls = entry[customer] + rng.random(len(customer)) * (end - entry)[customer]
    ends = pd.DataFrame({"customer": np.arange(len(z)), "stop": end, "call": 0})
    ends = ends.assign(left=(leaves == end).astype(int))
    events = pd.DataFrame({"customer": customer, "stop": calls, "call": 1, "left": 0})
    rows = pd.concat([events, ends]).sort_values(["customer", "stop"], ignore_index=True)
    start = rows.groupby("customer")["stop"].shift().fillna(pd.Series(entry[rows["customer"]]))
    return rows.assign(start=start)


def test_intervals_cover_the_truth_under_late_entry() -> None:
    # Mean to t: the integral of .3 exp(-.1 u) to t.
    rng = np.random.default_rng(20240318)
    truth, n_simulations, n_covered = 3 * (1 - np.exp(-0.6)), 200, 0
    for _ in range(n_simulations):
        rows = simulate(rng, 250)
        found = estimate(rows, with_exits=True).mean_at(6)
        n_covered += found.ci_lower <= truth <= found.ci_upper
    # Binomial with sd 3.1 about 190; three of them.
    assert 180 <= n_covered <= 199


def test_reading_and_tables() -> None:
    found = estimate(ROWS, with_exits=True)
    at = found.at([0, 0.5, 3, 6])
    assert at["mean"][:2].tolist() == [0, 0]
    assert np.isnan(at["mean"][3])
    assert at["n_at_risk"].tolist() == [4, 4, 3, 0]
    one = found.mean_at(3)
    assert (one.n, one.n_events, one.unit) == (4, 4, "events per customer")
    frame = found.to_frame()
    assert frame["n_events"].sum() == 4
    assert frame["n_exits"].sum() == 2
    with pytest.raises(EstimationError, match="past the last follow-up 5"):
        found.mean_at(6)


def test_caveats_are_said() -> None:
    assert estimate(ROWS, with_exits=True).caveats[0].startswith("4 independent units")
    gap = ROWS.assign(start=[0, 1, 3.5, 0, 0, 3, 0])
    assert estimate(gap, with_exits=True).caveats[0].startswith("1 gaps in the observation")
    late = mean_cumulative_function([2, 6], [3, 8], [1, 1], customer=[1, 2]).caveats
    assert late[0].startswith("Nobody is observed before time 2")
    hole = mean_cumulative_function([0, 1, 5], [1, 2, 8], [1, 0, 1], customer=[1, 1, 2]).mean
    np.testing.assert_allclose(hole, [1, 1, 2], **BY_HAND)


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(EstimationError) as caught:
        mean_cumulative_function(
            [0, 1, 0, 2], [2, 3, 2, 4], [1, 0, 1, 2], customer=[1, 1, 2, 2],
            terminal=[0, 0, "x", 0],
        )  # fmt: skip
    listed = "\n".join(caught.value.problems)
    assert "terminal has type object" in listed
    assert "event holds codes other than 0 and 1" in listed
    with pytest.raises(EstimationError) as caught:
        mean_cumulative_function(
            [0, 1, 0, 2], [2, 3, 2, 4], [1, 0, 1, 0], customer=[1, 1, 2, 2], terminal=[0, 0, 1, 0]
        )
    listed = "\n".join(caught.value.problems)
    assert "rows overlap at 1 of 4 rows (positions from 0: 1)" in listed
    assert "rows after the exit, at 1 of 4 rows (positions from 0: 3)" in listed
    with pytest.raises(EstimationError, match="0 events"):
        mean_cumulative_function([0, 0], [1, 2], [0, 0], customer=[1, 2])
    with pytest.raises(EstimationError, match="terminal has 1 values, stop has 2"):
        mean_cumulative_function([0, 0], [1, 2], [0, 1], customer=[1, 2], terminal=[1])
    with pytest.raises(EstimationError, match="customer has 1 values, stop has 2"):
        mean_cumulative_function([0, 0], [1, 2], [0, 1], customer=[1])
