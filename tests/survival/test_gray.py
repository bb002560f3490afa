"""Gray's test: by hand, against R cmprsk, and its size under the null."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincc

from loyaltylab.errors import EstimationError
from loyaltylab.survival import gray_test

BY_HAND = {"rtol": 1e-12, "atol": 1e-14}
# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-9}
TESTS = [
    f"{cause}_{kind}"
    for cause in ("pcm", "death")
    for kind in ("male", "third", "third_rho", "third_strata")
]


def test_scores_by_hand() -> None:
    # Groups a: price 1, moved 2, lost 4; b: price 3, moved 5, lost 6. Cause: price.
    found = gray_test(
        [0] * 6, [1, 2, 4, 3, 5, 6], ["price", "moved", "", "price", "moved", ""], list("aaabbb"),
        cause="price",
    )  # fmt: skip
    # At 1: three at risk in each group, none gone: expected of a 3/6, so 1 - 1/2.
    # At 3: a has one at risk, retention 1/3, incidence 1/3: it stands for 1 x (2/3) / (1/3) = 2;
    # b has three, none gone: 3. Expected of a 2/5. Score of a: 1/2 - 2/5.
    np.testing.assert_allclose(found.score, [0.1, -0.1], **BY_HAND)
    np.testing.assert_allclose(found.statistic, 0.01 / found.covariance[0, 0], **BY_HAND)
    np.testing.assert_allclose(found.covariance.sum(axis=1), [0, 0], atol=1e-14)
    assert (found.n_events.tolist(), found.n_other_exits.tolist()) == ([1, 1], [1, 1])
    assert found.p_value == gammaincc(0.5, found.statistic / 2)
    assert found.caveats[0].startswith("Group 'a' has 1 exits by price")


def test_a_single_time_is_hypergeometric_by_hand() -> None:
    # One time, one cause: two of four leave, both in group a of two. The variance of Gray's
    # score then is that of the log-rank: 2 x 2/4 x 2/4 x (4 - 2) / (4 - 1) = 1/3, score 1.
    found = gray_test(
        [0] * 4, [1, 1, 2, 2], ["price", "price", "", ""], list("aabb"), cause="price"
    )
    np.testing.assert_allclose(found.score, [1.0, -1.0], **BY_HAND)
    np.testing.assert_allclose(found.covariance[0, 0], 1 / 3, **BY_HAND)
    np.testing.assert_allclose(found.statistic, 3.0, **BY_HAND)


def test_a_single_time_with_clusters_by_hand() -> None:
    # The same four. Score of a: 2 - 2 x 2/4. Derivatives: those who leave 1/2 of their own exit
    # less 2/4 x (1 - 2/4) for being at risk, 1/4; those in b, at risk only, 2 x 2/16 = 1/4.
    rows = ([0] * 4, [1, 1, 2, 2], ["price", "price", "", ""], list("aabb"))
    found = gray_test(*rows, cause="price", cluster=range(4))
    np.testing.assert_allclose(found.covariance[0, 0], 4 / 16, **BY_HAND)
    np.testing.assert_allclose(found.statistic, 4.0, **BY_HAND)
    pairs = gray_test(*rows, cause="price", cluster=[1, 2, 1, 2])
    np.testing.assert_allclose(pairs.covariance[0, 0], 2 / 4, **BY_HAND)
    assert found.method.endswith("infinitesimal jackknife")


def simulate_pairs(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Heavy ties, late entry, weights and households of two."""
    start = rng.choice([0.0, 0.0, 1.0, 3.0], n)
    return {
        "start": start,
        "stop": start + rng.integers(1, 10, n),
        "exit_cause": rng.choice(["", "price", "moved"], n),
        "group": rng.integers(0, 3, n),
        "strata": np.arange(n) % 3,
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_covariance_is_the_derivative_by_cluster_weights(seed) -> None:
    rng = np.random.default_rng(seed)
    n, step, expected = 90, 1e-4, np.zeros((3, 3))
    rows, weights, cluster = simulate_pairs(rng, n), rng.uniform(0.3, 3, n), np.arange(n) // 2
    for code in range(n // 2):
        change = step * (cluster == code)
        up, down = (
            gray_test(**rows, cause="price", weights=weights * (1 + sign * change)).score
            for sign in (1, -1)
        )
        slope = (up - down) / (2 * step)
        expected += np.outer(slope, slope)
    found = gray_test(**rows, cause="price", weights=weights, cluster=cluster)
    # A central difference errs by the step squared.
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-6)


def test_copies_of_customers_add_nothing() -> None:
    rng = np.random.default_rng(7)
    rows = simulate_pairs(rng, 120)
    once = gray_test(**rows, cause="price", cluster=np.arange(120))
    twice = {name: np.tile(values, 2) for name, values in rows.items()}
    copied = gray_test(**twice, cause="price", cluster=np.tile(np.arange(120), 2))
    doubled = gray_test(**rows, cause="price", weights=np.full(120, 2.0))
    for other in (copied, doubled):
        np.testing.assert_allclose(once.statistic, other.statistic, rtol=1e-9)
    assert doubled.caveats[-1].startswith("Weights without clusters")
    naive = gray_test(**twice, cause="price")
    assert naive.statistic > 1.7 * once.statistic


def test_both_variances_agree_in_large_samples() -> None:
    # With 4,000 independent customers the two differ by sampling only, of the order of 1/60.
    rows = simulate(np.random.default_rng(20240319), 4_000)
    gray = gray_test(*rows, cause="price").covariance
    jackknife = gray_test(*rows, cause="price", cluster=range(len(rows[0]))).covariance
    np.testing.assert_allclose(gray, jackknife, rtol=0.06)


@pytest.mark.parametrize("name", TESTS)
def test_equals_r(competing_models_oracle, name) -> None:
    rows = competing_models_oracle.frame("mgus")
    cause, group, *kind = name.split("_")
    found = gray_test(
        0 * rows["months"],
        rows["months"],
        rows["exit"],
        rows[group],
        cause=cause,
        strata=rows["male"] if kind == ["strata"] else None,
        rho=1.0 if kind == ["rho"] else 0.0,
    )
    r = competing_models_oracle.value("tests", name)
    np.testing.assert_allclose(found.statistic, r["statistic"], **CLOSED_FORM)
    if r["p_value"] > 1e-12:  # pchisq(lower = FALSE) is 1 - p there: nothing is left of it.
        np.testing.assert_allclose(found.p_value, r["p_value"], rtol=1e-6)
    assert found.degrees_of_freedom == r["df"]


def simulate(rng: np.random.Generator, n: int):
    """Two causes, three groups without a difference, entry over the first quarter."""
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0, 3, n))
    leaves = rng.exponential(10, n)
    stop = np.minimum(leaves, entry + rng.uniform(4, 15, n))
    exits = np.where(leaves > stop, "", np.where(rng.random(n) < 0.5, "price", "moved"))
    seen = leaves > entry
    return entry[seen], stop[seen], exits[seen], rng.integers(0, 3, n)[seen]


def test_size_under_delayed_entry() -> None:
    rng = np.random.default_rng(20240314)
    n_simulations = 600
    rejected = sum(
        gray_test(*simulate(rng, 300), cause="price").p_value < 0.05 for _ in range(n_simulations)
    )
    # Binomial with mean 30, sd 5.3; three of them either side, and one for the approximation.
    assert 30 - 22 <= rejected <= 30 + 22


def test_order_cuts_units_and_labels_do_not_matter() -> None:
    start, stop, exits, group = simulate(np.random.default_rng(1), 200)
    found = gray_test(start, stop, exits, group, cause="price")
    order = np.random.default_rng(2).permutation(len(start))
    names = np.array(["zebra", "ape", "cat"])[group]
    shuffled = gray_test(start[order], stop[order], exits[order], names[order], cause="price")
    years = gray_test(start / 365.25, stop / 365.25, exits, group, cause="price")
    middle = (start + stop) / 2
    cut = gray_test(
        np.concatenate([start, middle]),
        np.concatenate([middle, stop]),
        np.concatenate([np.full(len(start), ""), exits]),
        np.concatenate([group, group]),
        cause="price",
    )
    for other in (shuffled, years, cut):
        np.testing.assert_allclose(found.statistic, other.statistic, rtol=1e-9)
    np.testing.assert_allclose(sorted(found.score), sorted(shuffled.score), rtol=1e-9)


def test_exits_after_a_group_has_ended_are_left_out() -> None:
    # Both of a who are there leave at 1 and 2; a third enters at 3. Without it, the same test.
    rows = ([0, 0, 0, 0, 0, 3], [1, 2, 3, 5, 6, 4], [*["price"] * 3, "", "moved", "price"])
    found = gray_test(*rows, list("aabbba"), cause="price")
    without = gray_test(*(column[:5] for column in rows), list("aabbb"), cause="price")
    np.testing.assert_allclose(found.statistic, without.statistic, **BY_HAND)
    assert found.caveats[-1].startswith("1 exits come after everyone at risk in their group")


def test_table() -> None:
    found = gray_test(
        [0] * 4, [1, 1, 2, 2], ["price", "price", "", ""], list("aabb"), cause="price"
    )
    frame = found.to_frame()
    assert frame["group"].tolist() == ["a", "b"]
    np.testing.assert_allclose(frame["score_error"], [3**-0.5] * 2, **BY_HAND)


def test_what_cannot_be_tested_is_refused() -> None:
    rows = ([0, 0, 2, 2], [1, 2, 3, 4], ["price", "", "price", ""])
    with pytest.raises(EstimationError) as caught:
        gray_test([0, 0, 2, -2], *rows[1:], ["a", None, "b", "b"], cause="price", rho=np.inf)
    assert "group is missing in 1 of 4 rows" in caught.value.problems[0]
    assert "rho is inf" in caught.value.problems[1]
    assert "start is negative" in caught.value.problems[2]
    with pytest.raises(EstimationError, match="at least two groups"):
        gray_test(*rows, list("aaaa"), cause="price")
    with pytest.raises(EstimationError, match="no exit by 'moved'"):
        gray_test(*rows, list("aabb"), cause="moved")
    with pytest.raises(EstimationError, match="never at risk together"):
        gray_test(*rows, list("aabb"), cause="price")
    with pytest.raises(EstimationError, match=r"read alike \('1'\)"):
        gray_test(*rows, [1, "1", 2, 2], cause="price")
    with pytest.raises(EstimationError, match="group has 3 values, stop has 4"):
        gray_test(*rows, list("aab"), cause="price")
