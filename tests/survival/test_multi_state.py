"""State occupation, time in states and hazards of moves: by hand, against R, and invariants."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.linalg import expm
from state_histories import BY_HAND_ROWS, STATES, columns_of, split_rows, tables

from loyaltylab.errors import EstimationError
from loyaltylab.survival import restricted_time_in_state, state_occupation, transition_hazards

BY_HAND = {"rtol": 1e-12, "atol": 1e-14}
# Closed forms: only the order of additions differs from R's. Where an error is 0, its root shows
# the rounding of the variance (1e-18), hence the absolute part.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-8}
# Where the true variance is 0, its root would only show rounding.
SQUARES = {"rtol": 1e-7, "atol": 1e-12}
# A central difference errs by the step squared.
DERIVATIVE = {"rtol": 1e-5, "atol": 1e-10}
KINDS = {
    "mgus": ("mgus", {"customer": "id"}),
    "tickets": ("tickets", {"customer": "customer"}),
    "tickets_full": (
        "tickets",
        {"customer": "customer", "cluster": "household", "weights": "weight"},
    ),
}


def read_kind(oracle, kind):
    data, roles = KINDS[kind]
    rows = oracle.frame(data)
    return columns_of(rows), {role: rows[column] for role, column in roles.items()}


def hand_rows():
    return columns_of(BY_HAND_ROWS), {"customer": BY_HAND_ROWS["customer"]}


def test_occupation_by_hand() -> None:
    columns, roles = hand_rows()
    found = state_occupation(*columns, **roles)
    assert found.states == ("active", "left")
    assert found.time.tolist() == [1, 2, 3, 4, 5]
    assert found.n_at_risk.tolist() == [[4, 0], [3, 1], [2, 2], [3, 1], [2, 1]]
    # 3/4; x 2/3 = 1/2; + 1/2 x 1/2 = 3/4 (A returns); x 2/3 = 1/2: the shares one counts.
    active = np.array([3, 2, 3, 2, 2]) / 4
    np.testing.assert_allclose(found.occupation, np.array([active, 1 - active]).T, **BY_HAND)
    # Everyone is seen until the last move, so the errors are binomial.
    error = np.sqrt(active * (1 - active) / 4)
    np.testing.assert_allclose(found.standard_error, np.array([error, error]).T, **BY_HAND)
    assert found.start_distribution.tolist() == [1, 0]
    assert found.transitions == (("active", "left"), ("left", "active"))


def test_time_in_state_by_hand() -> None:
    columns, roles = hand_rows()
    found = restricted_time_in_state(*columns, **roles, state="active", horizon=5)
    # Days active: A 3, B 2, C 4, D 5. Mean 3.5; sum of squares about it 5, over 4 squared.
    np.testing.assert_allclose(found.value, 3.5, **BY_HAND)
    np.testing.assert_allclose(found.standard_error, 5**0.5 / 4, **BY_HAND)
    assert (found.n, found.n_events, found.unit) == (4, 1, "days")
    other = restricted_time_in_state(*columns, **roles, state="left", horizon=5)
    np.testing.assert_allclose(other.value, 1.5, **BY_HAND)
    # From the landmark 2 on, with half active then: 1/2 + 3/4 + 1/2.
    late = restricted_time_in_state(*columns, **roles, state="active", horizon=5, origin=2)
    np.testing.assert_allclose(late.value, 1.75, **BY_HAND)


def test_hazards_by_hand() -> None:
    columns, roles = hand_rows()
    found = transition_hazards(*columns, **roles)
    np.testing.assert_allclose(
        found.cumulative_hazard[:, 0], np.cumsum([1 / 4, 1 / 3, 0, 1 / 3, 0]), **BY_HAND
    )
    np.testing.assert_allclose(found.cumulative_hazard[:, 1], [0, 0, 0.5, 0.5, 0.5], **BY_HAND)
    # Return: A moves, B does not: influences (1 - 1/2)/2 and -(1/2)/2.
    np.testing.assert_allclose(found.standard_error[2:, 1], 8**-0.5, **BY_HAND)
    # First day: A (1 - 1/4)/4, the three others -1/16 each: sqrt(9 + 3)/16.
    np.testing.assert_allclose(found.standard_error[0, 0], 12**0.5 / 16, **BY_HAND)
    half_width = 1.959963984540054 * found.standard_error[0, 0] / 0.25
    np.testing.assert_allclose(found.ci_upper[0, 0], 0.25 * np.exp(half_width), **BY_HAND)
    assert np.isnan(found.ci_lower[:2, 1]).all()


def test_clusters_by_hand() -> None:
    # At 1 A has left: derivatives of the share active are -3/16 for A and 1/16 for B, C and D.
    # Within {A, B} and {C, D} they sum to -1/8 and 1/8.
    columns, roles = hand_rows()
    found = state_occupation(*columns, **roles, cluster=list("pppppqq"))
    assert found.n_clusters == 2
    np.testing.assert_allclose(found.standard_error[0], 2**0.5 / 8, **BY_HAND)


def test_start_distribution_counts_or_is_given() -> None:
    start, stop = [0, 0, 0, 0], [2, 3, 3, 3]
    moves = (["active", "active", "active", "saved"], ["saved", "", "", ""])
    found = state_occupation(start, stop, *moves, customer=[1, 2, 3, 4])
    np.testing.assert_allclose(found.start_distribution, [0.75, 0.25], **BY_HAND)
    # Three of four in one state: sqrt(3/4 x 1/4 / 4); then two of four.
    np.testing.assert_allclose(found.start_standard_error, (3 / 64) ** 0.5, **BY_HAND)
    np.testing.assert_allclose(found.standard_error[-1], 0.25, **BY_HAND)
    known = state_occupation(
        start, stop, *moves, customer=[1, 2, 3, 4], start_distribution={"active": 1.0}
    )
    assert known.start_standard_error.tolist() == [0, 0]
    np.testing.assert_allclose(known.occupation[-1], [2 / 3, 1 / 3], **BY_HAND)
    # A third moved: binomial of three.
    np.testing.assert_allclose(known.standard_error[-1], (2 / 27) ** 0.5, **BY_HAND)


@pytest.mark.parametrize("kind", KINDS)
def test_occupation_equals_r(multi_state_oracle, kind) -> None:
    columns, roles = read_kind(multi_state_oracle, kind)
    states = multi_state_oracle.value("curves", kind, "states")
    found = state_occupation(*columns, **roles, states=states)
    r = {
        name: multi_state_oracle.numbers("curves", kind, name)
        for name in ("time", "pstate", "std_err", "p0", "start_std_err")
    }
    np.testing.assert_array_equal(found.time, r["time"])
    np.testing.assert_allclose(found.occupation, r["pstate"].T, **CLOSED_FORM)
    np.testing.assert_allclose(found.standard_error, r["std_err"].T, **CLOSED_FORM)
    np.testing.assert_allclose(found.start_distribution, r["p0"], **CLOSED_FORM)
    np.testing.assert_allclose(found.start_standard_error, r["start_std_err"], **CLOSED_FORM)
    if kind != "tickets_full":  # R's count is a sum of weights there.
        n_at_risk = multi_state_oracle.numbers("curves", kind, "n_at_risk")
        np.testing.assert_array_equal(found.n_at_risk, n_at_risk.T)


@pytest.mark.parametrize("kind", KINDS)
def test_time_in_states_equals_r(multi_state_oracle, kind) -> None:
    columns, roles = read_kind(multi_state_oracle, kind)
    horizon = float(multi_state_oracle.value("curves", kind, "horizon"))
    areas = multi_state_oracle.numbers("curves", kind, "area")
    errors = multi_state_oracle.numbers("curves", kind, "area_std_err")
    for j, state in enumerate(multi_state_oracle.value("curves", kind, "states")):
        found = restricted_time_in_state(*columns, **roles, state=state, horizon=horizon)
        np.testing.assert_allclose(found.value, areas[j], **CLOSED_FORM)
        np.testing.assert_allclose(found.standard_error, errors[j], **CLOSED_FORM)


@pytest.mark.parametrize("kind", KINDS)
def test_hazards_equal_r(multi_state_oracle, kind) -> None:
    columns, roles = read_kind(multi_state_oracle, kind)
    found = transition_hazards(*columns, **roles)
    theirs = multi_state_oracle.value("curves", kind, "hazards").values()
    assert len(theirs) == len(found.transitions)
    for r in theirs:
        at = found.at(r["time"], r["from"], r["to"])
        np.testing.assert_allclose(at["cumulative_hazard"], r["cumhaz"], **CLOSED_FORM)
        np.testing.assert_allclose(at["standard_error"], r["std_err"], **CLOSED_FORM)


GRID = np.arange(0.0, 8.0)


def estimate_all(rows: pd.DataFrame, **roles) -> list[np.ndarray]:
    """Shares, hazards, times in state, and their variances, on a fixed grid."""
    roles = {"customer": rows["customer"], "weights": rows["weight"]} | roles
    columns = columns_of(rows)
    shares = state_occupation(*columns, states=STATES, **roles)
    hazards = transition_hazards(*columns, states=STATES, **roles)
    parts = []
    for state in STATES:
        at = shares.at(GRID, state)
        parts += [at["occupation"].to_numpy(), at["standard_error"].to_numpy() ** 2]
    for move in hazards.transitions:
        at = hazards.at(GRID, *move)
        parts += [at["cumulative_hazard"].to_numpy(), at["standard_error"].to_numpy() ** 2]
    time = restricted_time_in_state(*columns, state="left", horizon=3.0, **roles)
    return [*parts, np.array([time.value, time.standard_error**2])]


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **SQUARES)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_the_error_is_the_derivative_by_cluster_weights(rows) -> None:
    columns = columns_of(rows)
    step, squares = 1e-4, None

    def values(weights: pd.Series) -> list[np.ndarray]:
        return estimate_all(rows, weights=weights)[::2]

    for code in set(rows["household"]):
        change = step * (rows["household"] == code)
        ups, downs = values(rows["weight"] * (1 + change)), values(rows["weight"] * (1 - change))
        slopes = [((up - down) / (2 * step)) ** 2 for up, down in zip(ups, downs, strict=True)]
        squares = (
            slopes if squares is None else [a + b for a, b in zip(squares, slopes, strict=True)]
        )
    found = estimate_all(rows, cluster=rows["household"])
    for variance, expected in zip(found[1:-1:2], squares[:-1], strict=True):
        np.testing.assert_allclose(variance, expected, **DERIVATIVE)
    np.testing.assert_allclose(found[-1][1], squares[-1][0], **DERIVATIVE)
    shares = state_occupation(*columns, customer=rows["customer"], weights=rows["weight"])
    np.testing.assert_allclose(shares.occupation.sum(axis=1), 1.0, **BY_HAND)
    assert np.all((shares.occupation >= 0) & (shares.occupation <= 1))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_cutting_a_stay_changes_nothing(rows) -> None:
    split = split_rows(rows)
    assert_same(estimate_all(rows), estimate_all(split))
    whole, pieces = (
        state_occupation(*columns_of(r), customer=r["customer"], states=STATES)
        for r in (rows, split)
    )
    for name in ("time", "n_at_risk", "n_moves"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_order_labels_and_copies_do_not_matter(rows) -> None:
    shuffled = rows.sample(frac=1, random_state=1)
    shuffled = shuffled.assign(customer=shuffled["customer"].map(lambda code: f"c{-code}"))
    assert_same(estimate_all(rows), estimate_all(shuffled))
    # A weight of two is the customer twice, in one cluster.
    twice = pd.concat([rows, rows.assign(customer=rows["customer"] + 1000)], ignore_index=True)
    doubled = estimate_all(rows, weights=np.full(len(rows), 2.0))
    assert_same(
        doubled, estimate_all(twice, weights=np.ones(len(twice)), cluster=twice["customer"] % 1000)
    )


def test_years_scale_the_time_in_state(multi_state_oracle) -> None:
    (start, stop, *moves), roles = read_kind(multi_state_oracle, "tickets_full")
    days = restricted_time_in_state(start, stop, *moves, **roles, state="left", horizon=20)
    years = restricted_time_in_state(
        start / 365.25, stop / 365.25, *moves, **roles, state="left", horizon=20 / 365.25
    )
    np.testing.assert_allclose(days.value, years.value * 365.25, rtol=1e-10)
    np.testing.assert_allclose(days.standard_error, years.standard_error * 365.25, rtol=1e-8)


RATES = np.array([[-0.07, 0.05, 0.02], [0.2, -0.5, 0.3], [0.03, 0.0, -0.03]])


def simulate(n: int, seed: int) -> pd.DataFrame:
    """A Markov process of constant hazards, seen from a late entry to a random end."""
    rng = np.random.default_rng(seed)
    state, now = np.zeros(n, dtype=int), np.zeros(n)
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0, 20, n))
    end = entry + rng.exponential(30, n)
    names, parts = np.array(["active", "requested", "left"]), []
    active = np.arange(n)
    while len(active):
        total = -np.diag(RATES)[state[active]]
        leave = now[active] + rng.exponential(1 / total)
        share = np.maximum(RATES[state[active]], 0) / total[:, None]
        target = (rng.random(len(active))[:, None] > np.cumsum(share, axis=1)).sum(axis=1)
        seen = (leave > entry[active]) & (now[active] < end[active])
        is_move = leave < end[active]
        part = pd.DataFrame(
            {
                "customer": active,
                "start": np.maximum(now[active], entry[active]),
                "stop": np.minimum(leave, end[active]),
                "from": names[state[active]],
                "to": np.where(is_move, names[target], ""),
            }
        )
        parts.append(part[seen])
        state[active], now[active] = target, leave
        active = active[is_move]
    return pd.concat(parts, ignore_index=True)


def test_known_truth_under_late_entry() -> None:
    rows = simulate(5_000, 20240312)
    found = state_occupation(
        *columns_of(rows), customer=rows["customer"], start_distribution={"active": 1.0}
    )
    for time in (5.0, 20.0, 40.0):
        truth = expm(RATES * time)[0]
        for state, share in zip(("active", "requested", "left"), truth, strict=True):
            at = found.occupation_at(time, state)
            assert abs(at.value - share) < 4 * at.standard_error
            assert at.standard_error < 0.02


def test_memory_and_time_do_not_grow_with_customers_times_times() -> None:
    # 20,000 customers by 40,000 distinct times by 3 states would be 19 GB.
    rows = simulate(20_000, 3)
    tracemalloc.start()
    found = state_occupation(*columns_of(rows), customer=rows["customer"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.time) > 40_000
    # About 60,000 breaks and 65,536 padded steps, some 20 matrices of 3 x 3 doubles each.
    assert peak < 300e6


def test_reading_outside_the_curves() -> None:
    columns, roles = hand_rows()
    found = state_occupation(*columns, **roles, origin=2)
    at = found.at([1, 2, 2.5, 5, 6], "active")
    np.testing.assert_array_equal(at["occupation"].isna(), [True, False, False, False, True])
    np.testing.assert_allclose(at["occupation"][1:3], [0.5, 0.5], **BY_HAND)
    np.testing.assert_allclose(at["standard_error"][1], 0.25, **BY_HAND)
    assert at["n_at_risk"].tolist() == [0, 2, 2, 2, 0]
    with pytest.raises(EstimationError, match=r"outside 2 \(the origin\) to 5"):
        found.occupation_at(1, "active")
    with pytest.raises(EstimationError, match="unknown state 'gone'"):
        found.at([3], "gone")
    with pytest.raises(EstimationError, match="nobody moves left -> gone"):
        transition_hazards(*columns, **roles).at([3], "left", "gone")


def test_tables_are_tidy() -> None:
    columns, roles = hand_rows()
    frame = state_occupation(*columns, **roles).to_frame()
    assert frame.shape == (10, 7)
    np.testing.assert_allclose(frame.groupby("time")["occupation"].sum(), 1.0, **BY_HAND)
    moves = transition_hazards(*columns, **roles).to_frame()
    assert moves.groupby("from_state")["n_events"].sum().to_dict() == {"active": 3, "left": 1}


def test_what_cannot_be_estimated_is_refused() -> None:
    columns, roles = hand_rows()
    late = {"state": "active", "horizon": 6}
    with pytest.raises(EstimationError, match="horizon 6 is past the last follow-up 5"):
        restricted_time_in_state(*columns, **roles, **late)
    with pytest.raises(EstimationError, match="unknown state 'gone'"):
        restricted_time_in_state(*columns, **roles, state="gone", horizon=3)
    with pytest.raises(EstimationError, match="horizon 2 is not after the origin 2"):
        restricted_time_in_state(*columns, **roles, state="left", horizon=2, origin=2)
    with pytest.raises(EstimationError, match="no move after time 4"):
        state_occupation(*columns, **roles, origin=4)
    with pytest.raises(EstimationError, match="origin is nan"):
        state_occupation(*columns, **roles, origin=float("nan"))
    with pytest.raises(EstimationError, match="no move in 2 rows"):
        transition_hazards([0, 0], [1, 2], ["active"] * 2, ["", ""], customer=[1, 2])
    with pytest.raises(EstimationError) as caught:
        state_occupation(*columns, **roles, start_distribution={"active": -0.5, "gone": 1.0})
    assert "names ['gone']" in caught.value.problems[0]
    assert "negative" in caught.value.problems[1]
    with pytest.raises(EstimationError, match=r"sums to 0\.9"):
        state_occupation(*columns, **roles, start_distribution={"active": 0.9})


def test_caveats_are_said() -> None:
    columns, roles = hand_rows()
    found = state_occupation(*columns, **roles).caveats
    assert found[0].startswith("Only 4 customers are observed at the origin 0")
    assert found[-1].startswith("4 independent units")
    # Nobody in "saved" is seen from 2 to 4, when one of three who are there would be.
    emptied = state_occupation(
        [0, 0, 0, 3], [1, 2, 5, 5], ["active"] * 3 + ["saved"], ["saved", "saved", "", "left"],
        customer=[1, 2, 3, 4],
    ).caveats  # fmt: skip
    assert any(text.startswith("At 1 times, first 2, nobody in 'saved'") for text in emptied)
    # Back from a gap in another state.
    jumped = state_occupation(
        [0, 3, 0], [1, 5, 2], ["active", "left", "active"], ["", "", "left"], customer=[1, 1, 2]
    )
    assert any("1 times a customer comes back" in text for text in jumped.caveats)
