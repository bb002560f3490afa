"""Clustered errors beside R's shared frailty: what decision 11 rests on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.survival import fit_cox

# Both ends iterate to the same optimum, see test_cox.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}


def fit(rows: pd.DataFrame, **roles):
    return fit_cox(rows["start"], rows["stop"], rows["event"], rows[["x"]], **roles)


@pytest.mark.parametrize("name", ["contacts", "homes"])
def test_both_errors_equal_r(frailty_oracle, name) -> None:
    rows = frailty_oracle.frame(name)
    found = fit(rows, cluster=rows["id"])
    r = {
        key: frailty_oracle.numbers("fits", name, key) for key in frailty_oracle.value("fits", name)
    }
    np.testing.assert_allclose(found.coefficients[0], r["coef"], **ITERATED)
    np.testing.assert_allclose(found.naive_standard_error[0], r["naive_se"], **ITERATED)
    np.testing.assert_allclose(found.standard_error[0], r["robust_se"], **ITERATED)


def test_for_repeated_events_clusters_say_what_a_frailty_says(frailty_oracle) -> None:
    rows = frailty_oracle.frame("contacts")
    found = fit(rows, cluster=rows["id"])
    r = {
        key: frailty_oracle.numbers("fits", "contacts", key)
        for key in ("frailty_coef", "frailty_se")
    }
    # A tenth of an error in the value; a tenth of the error itself.
    assert abs(found.coefficients[0] - r["frailty_coef"]) < 0.1 * found.standard_error[0]
    assert abs(found.standard_error[0] / r["frailty_se"] - 1) < 0.1
    assert found.naive_standard_error[0] < 0.65 * r["frailty_se"]


def test_for_single_exits_the_group_ratio_is_nearer_to_one(frailty_oracle) -> None:
    rows = frailty_oracle.frame("homes")
    found = fit(rows, cluster=rows["id"])
    assert 0 < found.coefficients[0] < 0.8 * frailty_oracle.numbers("fits", "homes", "frailty_coef")


def test_coverage_of_repeated_events() -> None:
    # 200 worlds of 120 customers with gamma frailty of variance 0.6 and rate ratio e^0.5.
    # True coverage 95 %: binomial sd 1.5 points, 3 sd below is 90.4; few clusters cost a point.
    rng = np.random.default_rng(31)
    n, covered = 120, np.zeros(2)
    x = np.arange(n) % 2
    for _ in range(200):
        rate = 3 * rng.gamma(1 / 0.6, 0.6, n) * np.exp(0.5 * x)
        counts = rng.poisson(rate)
        who = np.repeat(np.arange(n), counts)
        at = rng.random(len(who))
        order = np.lexsort((at, who))
        who, at = who[order], at[order]
        first = np.concatenate([[True], who[1:] != who[:-1]])
        events = pd.DataFrame(
            {"id": who, "start": np.where(first, 0.0, np.roll(at, 1)), "stop": at, "event": True}
        )
        last = pd.Series(0.0, index=range(n))
        last.update(events.groupby("id")["stop"].max())
        ends = pd.DataFrame({"id": range(n), "start": last, "stop": 1.0, "event": False})
        rows = pd.concat([events, ends], ignore_index=True)
        rows = rows.assign(x=rows["id"] % 2)
        found = fit(rows, cluster=rows["id"])
        distance = abs(found.coefficients[0] - 0.5)
        errors = np.array([found.standard_error[0], found.naive_standard_error[0]])
        covered += distance < 1.959963984540054 * errors
    assert 180 <= covered[0] <= 200
    assert covered[1] < 160
