"""Log-rank tests: by hand, against R survival and lifelines, and what must not matter."""

from __future__ import annotations

import math

import lifelines.statistics
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import log_rank_test, pairwise_log_rank_tests

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}
# The same sums in another order, divided by a covariance that may be ill-conditioned.
REORDERED = {"rtol": 1e-6, "atol": 1e-8}

# Group a: (0, 2] leaves, (0, 4] leaves. Group b: (1, 4] leaves, (3, 6] leaves, (0, 5] censored.
START, STOP = [0, 0, 1, 3, 0], [2, 4, 4, 6, 5]
EVENT, GROUP = [1, 1, 1, 1, 0], ["a", "a", "b", "b", "b"]


def test_delayed_entry_and_ties_by_hand() -> None:
    test = log_rank_test(START, STOP, EVENT, GROUP)
    # At 2: 4 at risk, 2 of a (the row from 3 is not in yet), 1 leaves: E .5, V 1/2 x 1/2 = 1/4.
    # At 4: 4 at risk, 1 of a, 2 leave: E .5, V 2 x 1/4 x 3/4 x (4 - 2) / (4 - 1) = 1/4.
    # At 6: 1 at risk, none of a: nothing. Observed of a 2, expected 1: (2 - 1)^2 / (1/2) = 2.
    np.testing.assert_allclose(test.observed, [2, 2], **BY_HAND)
    np.testing.assert_allclose(test.expected, [1, 3], **BY_HAND)
    np.testing.assert_allclose(test.covariance, [[0.5, -0.5], [-0.5, 0.5]], **BY_HAND)
    np.testing.assert_allclose(test.statistic, 2.0, **BY_HAND)
    # P(chi-squared on 1 > 2) = 2 (1 - Phi(1.41421356)) = .15729921.
    np.testing.assert_allclose(test.p_value, 0.15729920705, rtol=1e-9)
    assert (test.groups, test.degrees_of_freedom) == (("a", "b"), 1)
    assert test.to_frame().loc["b"].tolist() == [3, 2, 2, 3]


def test_late_weights_by_hand() -> None:
    # Pooled retention just before 2, 4, 6: 1, 3/4, 3/4 x 1/2. With gamma = 1 the weights are
    # 0, 1/4, 5/8: a is expected 1/4 x .5 against 1/4 x 1 seen; V (1/4)^2 x 1/4.
    test = log_rank_test(START, STOP, EVENT, GROUP, gamma=1)
    np.testing.assert_allclose(test.observed, [0.25, 0.25 + 0.625], **BY_HAND)
    np.testing.assert_allclose(test.expected, [0.125, 0.375 + 0.625], **BY_HAND)
    np.testing.assert_allclose(test.statistic, 0.125**2 / (1 / 64), **BY_HAND)
    # With rho = 2 and gamma = 1: 0, 9/16 x 1/4, 9/64 x 5/8.
    both = log_rank_test(START, STOP, EVENT, GROUP, rho=2, gamma=1)
    np.testing.assert_allclose(both.observed[0], 9 / 64, **BY_HAND)


def test_robust_score_by_hand() -> None:
    # Scores of a. First row: leaves at 2, (1 - 1/2)(1 - 1/4) = .375. Second: at 2 -(1/2)(1/4) =
    # -.125, at 4 (1 - 1/4)(1 - 2/4) = .375. Third: at 2 -(0 - 1/2)/4 = .125, at 4
    # -(1/4)(1 - 1/2) = -.125. Fourth: at 4 (1/4)(1/2) = .125, at 6 0. Fifth: .125 + .125.
    scores = np.array([0.375, 0.25, 0.0, 0.125, 0.25])
    np.testing.assert_allclose(scores.sum(), 1.0, **BY_HAND)  # Observed minus expected.
    by_row = log_rank_test(START, STOP, EVENT, GROUP, cluster=range(5))
    np.testing.assert_allclose(by_row.covariance[0, 0], (scores**2).sum(), **BY_HAND)
    pairs = log_rank_test(START, STOP, EVENT, GROUP, cluster=[0, 0, 1, 1, 2])
    by_pair = np.array([0.625, 0.125, 0.25])
    np.testing.assert_allclose(pairs.statistic, 1.0 / (by_pair**2).sum(), **BY_HAND)
    assert "3 clusters: below 30" in pairs.caveats[-1]


def test_pairs_by_hand() -> None:
    # a leaves at 1 and 2, before the others of either pair. At 1: 2 of 4 are a, E 1/2, V 1/4; at
    # 2: 1 of 3, E 1/3, V 2/9. (2 - 5/6)^2 / (17/36) = 49/17. b leaves at 3 and 4, c at 2.5 and
    # 4: E of b 1/2 + 2/3 + 1 with V 1/4 + 2/9 + 0: (2 - 13/6)^2 / (17/36) = 1/17.
    found = pairwise_log_rank_tests([0] * 6, [1, 2, 3, 4, 2.5, 4], [1] * 6, list("aabbcc"))
    assert (found["group_a"] + found["group_b"]).tolist() == ["ab", "ac", "bc"]
    np.testing.assert_allclose(found["statistic"], [49 / 17, 49 / 17, 1 / 17], **BY_HAND)
    # P(chi-squared on 1 > x) = erfc(sqrt(x / 2)). Holm: the smallest three times, the next twice
    # but no smaller than that, the last once.
    small, large = (math.erfc(math.sqrt(x / 2)) for x in (49 / 17, 1 / 17))
    np.testing.assert_allclose(found["p_value"], [small, small, large], rtol=1e-9)
    np.testing.assert_allclose(found["p_value_holm"], [3 * small, 3 * small, large], rtol=1e-9)


@pytest.mark.parametrize("kind", ["0", "1", "half", "strata_0", "strata_1"])
def test_right_censored_test_equals_r(log_rank_oracle, kind) -> None:
    rows = log_rank_oracle.frame("veteran")
    test = log_rank_test(
        np.zeros(len(rows)),
        rows["time"],
        rows["status"],
        rows["celltype"],
        strata=rows["trt"] if "strata" in kind else None,
        rho={"0": 0, "1": 1, "half": 0.5}[kind.split("_")[-1]],
    )
    name = f"veteran_{kind}"
    order = np.argsort(log_rank_oracle.value("celltypes"))  # R keeps the factor's own order.
    for ours, key in ((test.observed, "observed"), (test.expected, "expected")):
        theirs = log_rank_oracle.numbers("tests", name, key)
        np.testing.assert_allclose(ours, theirs[order], **CLOSED_FORM)
    covariance = log_rank_oracle.numbers("tests", name, "covariance")
    np.testing.assert_allclose(test.covariance, covariance[np.ix_(order, order)], **CLOSED_FORM)
    chisq = log_rank_oracle.value("tests", name, "chisq")
    np.testing.assert_allclose(test.statistic, chisq, **CLOSED_FORM)


@pytest.mark.parametrize("kind", ["tenths", "tenths_strata", "heart"])
def test_delayed_entry_equals_r(log_rank_oracle, kind) -> None:
    rows = log_rank_oracle.frame(kind.split("_")[0])
    test = log_rank_test(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows["transplant" if kind == "heart" else "plan"],
        strata=rows["region"] if kind.endswith("strata") else None,
    )
    expected = log_rank_oracle.value("delayed", kind)
    np.testing.assert_allclose(test.statistic, expected, **CLOSED_FORM)


@pytest.mark.parametrize("kind", ["clustered", "weighted", "all"])
def test_robust_test_equals_r(log_rank_oracle, kind) -> None:
    rows = log_rank_oracle.frame("ticks")
    test = log_rank_test(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows["plan"],
        strata=rows["region"] if kind == "all" else None,
        weights=None if kind == "clustered" else rows["weight"],
        cluster=None if kind == "weighted" else rows["cluster"],
    )
    expected = log_rank_oracle.numbers("clustered", f"ticks_{kind}")
    np.testing.assert_allclose(test.statistic, expected, **CLOSED_FORM)


def test_repeat_events_equal_r(log_rank_oracle) -> None:
    rows = log_rank_oracle.frame("cgd")
    test = log_rank_test(
        rows["tstart"], rows["tstop"], rows["status"], rows["treat"], cluster=rows["id"]
    )
    expected = log_rank_oracle.numbers("clustered", "cgd_clustered")
    np.testing.assert_allclose(test.statistic, expected.item(), **CLOSED_FORM)


def test_late_weights_equal_lifelines(log_rank_oracle) -> None:
    rows = log_rank_oracle.frame("veteran")
    one, other = rows[rows["trt"] == 1], rows[rows["trt"] == 2]
    peer = lifelines.statistics.logrank_test(
        one["time"],
        other["time"],
        one["status"],
        other["status"],
        weightings="fleming-harrington",
        p=0.5,
        q=1.5,
    )
    test = log_rank_test(
        np.zeros(len(rows)), rows["time"], rows["status"], rows["trt"], rho=0.5, gamma=1.5
    )
    np.testing.assert_allclose(test.statistic, peer.test_statistic, rtol=1e-7)


def test_pairs_equal_r(log_rank_oracle) -> None:
    rows = log_rank_oracle.frame("veteran")
    found = pairwise_log_rank_tests(
        np.zeros(len(rows)), rows["time"], rows["status"], rows["celltype"]
    )
    pairs = log_rank_oracle.frame("pairs")
    assert found[["group_a", "group_b"]].equals(pairs[["group_a", "group_b"]])
    for name in ("p_value", "p_value_holm"):
        np.testing.assert_allclose(found[name], pairs[name], **CLOSED_FORM)


row = st.tuples(
    st.integers(0, 8), st.integers(1, 9), st.booleans(), st.integers(0, 2), st.integers(0, 1)
)
tables = st.lists(row, min_size=12, max_size=40).map(
    lambda rows: pd.DataFrame(
        {
            "start": [float(r[0]) for r in rows],
            "stop": [float(r[0] + r[1]) for r in rows],
            "event": [r[2] for r in rows],
            "group": [r[3] for r in rows],
            "strata": [r[4] for r in rows],
            "person": range(len(rows)),
        }
    )
)
ROLES = ("start", "stop", "event", "group")


def attempt(rows, **options):
    """Test the rows, or skip the example when they cannot tell the groups apart."""
    try:
        return log_rank_test(*(rows[name] for name in ROLES), **options)
    except EstimationError:
        assume(False)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(tables, st.sampled_from([(0, 0), (1, 0), (0.5, 2)]))
def test_splits_order_units_and_labels_do_not_matter(rows, exponents) -> None:
    options = {"rho": exponents[0], "gamma": exponents[1]}
    plain = attempt(rows, strata=rows["strata"], **options)
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], event=False)
    split = pd.concat([rows.assign(start=rows["start"].mask(is_cut, middle)), early])
    years = rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)
    labels = rows.assign(group=rows["group"].map({0: "z", 1: "y", 2: "x"}))
    for other in (split, rows.iloc[::-1], years, labels):
        test = attempt(other, strata=other["strata"], **options)
        np.testing.assert_allclose(test.statistic, plain.statistic, **REORDERED)
    robust = attempt(rows, cluster=rows["person"], **options)
    again = attempt(split, cluster=split["person"], **options)
    np.testing.assert_allclose(robust.covariance, again.covariance, **REORDERED)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_weight_two_is_the_row_twice(rows) -> None:
    copies = pd.concat([rows, rows[::2]])
    weights = np.where(np.arange(len(rows)) % 2 == 0, 2.0, 1.0)
    weighted = attempt(rows, weights=weights, cluster=rows["person"], rho=1)
    copied = attempt(copies, cluster=copies["person"], rho=1)
    for name in ("observed", "expected", "covariance"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(copied, name), **REORDERED)
    np.testing.assert_allclose(weighted.observed.sum(), weighted.expected.sum(), **REORDERED)


def test_level_is_kept_under_clusters() -> None:
    # Pairs that share a frailty and a group: a test that took the rows for independent would
    # reject far more often than 5 %.
    rng = np.random.default_rng(11)
    naive, robust = [], []
    for _ in range(400):
        cluster = np.repeat(np.arange(60), 4)
        frailty = np.repeat(rng.gamma(1.0, 1.0, 60), 4)
        stop = rng.exponential(1 / frailty) + 1e-9
        rows = (np.zeros(240), np.minimum(stop, 3.0), stop < 3.0, cluster % 2)
        naive.append(log_rank_test(*rows).p_value < 0.05)
        robust.append(log_rank_test(*rows, cluster=cluster).p_value < 0.05)
    # Three binomial errors about 5 %: 3 sqrt(.05 x .95 / 400) = .033.
    assert abs(np.mean(robust) - 0.05) < 0.033
    assert np.mean(naive) > 0.15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": ["a"] * 5}, "all rows belong to group 'a'"),
        ({"group": ["a", "b"]}, "group has 2 values, stop has 5"),
        ({"group": ["a", None, "b", "b", "b"]}, "group is missing"),
        ({"event": [0] * 5}, "0 events"),
        ({"rho": -1.0}, "rho is -1.0"),
        ({"gamma": float("nan")}, "gamma is nan"),
        ({"group": ["a", "b", "b", "b", "c"], "stop": [2, 4, 4, 6, 1]}, r"Nobody of \['c'\]"),
        ({"strata": ["p", "p", "q", "q", "q"]}, "cannot all be told apart"),
    ],
)
def test_what_cannot_be_tested_is_refused(change, message) -> None:
    given_rows = {"start": START, "stop": STOP, "event": EVENT, "group": GROUP} | change
    with pytest.raises(EstimationError, match=message):
        log_rank_test(**given_rows)
    with pytest.raises(EstimationError, match=message):
        pairwise_log_rank_tests(**given_rows)


def test_all_failures_are_reported_at_once() -> None:
    with pytest.raises(EstimationError) as failure:
        log_rank_test([0, 0], [1, 0], [1, 2], ["a", "a"], rho=-1)
    assert len(failure.value.problems) == 4


def test_few_events_are_a_caveat() -> None:
    test = log_rank_test(START, STOP, EVENT, GROUP)
    assert test.caveats[0] == ("Group 'a' has 2 events: below 10 the chi-squared p-value is rough.")
