"""Few independent units, and weights without any, are said by every estimator alike."""

from __future__ import annotations

import numpy as np
import pytest

from loyaltylab.survival import (
    cumulative_incidence,
    gray_test,
    kaplan_meier,
    log_rank_test,
    nelson_aalen,
    restricted_mean_retention_time,
    restricted_time_lost,
    retention_pseudo_values,
)

N = 60
ZERO, STOP = np.zeros(N), 1.0 + np.arange(N) % 20
EVENT = np.arange(N) % 3 > 0
CAUSES = np.array(["", "price", "moved"])[np.arange(N) % 3]
GROUP = np.array(["a", "b"])[np.arange(N) % 2]

ESTIMATORS = {
    "kaplan_meier": lambda **k: kaplan_meier(ZERO, STOP, EVENT, **k),
    "nelson_aalen": lambda **k: nelson_aalen(ZERO, STOP, EVENT, **k),
    "cumulative_incidence": lambda **k: cumulative_incidence(ZERO, STOP, CAUSES, **k),
    "restricted_mean": lambda **k: restricted_mean_retention_time(
        ZERO, STOP, EVENT, horizon=15, **k
    ),
    "time_lost": lambda **k: restricted_time_lost(
        ZERO, STOP, CAUSES, cause="price", horizon=15, **k
    ),
    "log_rank": lambda **k: log_rank_test(ZERO, STOP, EVENT, GROUP, **k),
    "gray": lambda **k: gray_test(ZERO, STOP, CAUSES, GROUP, cause="price", **k),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_few_clusters_are_a_caveat_and_thirty_are_not(name) -> None:
    estimate = ESTIMATORS[name]
    few = estimate(cluster=np.arange(N) % 29).caveats
    assert len(few) == 1
    assert few[0].startswith("29 clusters: below 30 robust")
    assert estimate(cluster=np.arange(N) % 30).caveats == ()
    assert estimate().caveats == ()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_weights_without_clusters_are_a_caveat(name) -> None:
    weights = 1.0 + np.arange(N) % 2
    found = ESTIMATORS[name](weights=weights).caveats
    assert len(found) == 1
    assert found[0].startswith("Weights without clusters: every row counts")
    assert ESTIMATORS[name](weights=weights, cluster=np.arange(N)).caveats == ()


def test_pseudo_values_have_no_error_to_be_too_small() -> None:
    found = retention_pseudo_values(ZERO, STOP, EVENT, time=10, customer=np.arange(N) % 29)
    assert found.caveats == ()
