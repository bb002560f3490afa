"""Promises kept, speed and helpfulness: side by side, together, and ranked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loyaltylab.analyses.service_components import (
    ServiceComponents,
    align_influence,
    analyse_components,
    component_cohorts,
    rank_components,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.errors import NotEstimableError

NAMES = ("promises kept", "speed", "helpfulness")


@pytest.fixture(scope="module")
def found(small_study: StudyData) -> ServiceComponents:
    cohorts = component_cohorts(small_study)
    return analyse_components(cohorts, horizon_months=12, n_replicates=200, seed=5)


def test_a_ranking_far_apart_always_holds() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(scale=0.1, size=(400, 3))
    noise -= noise.mean(axis=0)
    values = np.array([1.0, 900.0, 500.0])
    ranking, whole, first = rank_components(values, noise, names=NAMES, n_replicates=200, seed=2)
    assert ranking == ("speed", "helpfulness", "promises kept")
    assert (whole, first) == (1.0, 1.0)


def test_a_ranking_of_equals_holds_by_luck() -> None:
    # Three alike and independent: six orders, so about a sixth, and a third in front.
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(2000, 3))
    noise -= noise.mean(axis=0)
    values = np.array([3e-9, 2e-9, 1e-9])
    ranking, whole, first = rank_components(values, noise, names=NAMES, n_replicates=2000, seed=2)
    assert ranking == NAMES
    assert whole == pytest.approx(1 / 6, abs=0.05)  # four binomial errors are 0.033
    assert first == pytest.approx(1 / 3, abs=0.06)


def test_the_sum_counts_customers_who_are_in_several(found: ServiceComponents) -> None:
    values, influence = align_influence(found.analyses)
    gaps = [one.contrast.restricted_mean_difference for one in found.analyses.values()]
    assert found.together.value == pytest.approx(sum(gap.value for gap in gaps))
    assert values.tolist() == [gap.value for gap in gaps]
    errors = np.sqrt(np.sum(influence**2, axis=0))
    assert errors == pytest.approx([gap.standard_error for gap in gaps])
    assert found.together.standard_error == pytest.approx(
        np.sqrt(np.sum(influence.sum(axis=1) ** 2))
    )
    assert found.together.unit == "days"


def test_every_component_is_checked(found: ServiceComponents) -> None:
    assert set(found.analyses) == set(NAMES)
    assert len(found.falsifications) == len(NAMES)
    assert all(check.name.startswith(NAMES) for check in found.diagnostics)
    assert sorted(found.ranking) == sorted(NAMES)
    assert 0 <= found.ranking_share <= found.first_share <= 1
    assert found.strongest_confounder is None or found.strongest_confounder >= 1


def test_what_was_known_is_that_before_the_opening(small_study: StudyData) -> None:
    """Whether a contact is still open a week later must not be among the covariates."""
    helpful = component_cohorts(small_study)["helpfulness"]
    share = helpful.groupby("service")["open_contacts"].mean()
    assert share["bad"] < 0.5  # nearly all unsolved contacts are open themselves
    assert (helpful["index_at"] >= helpful["opened_at"]).all()


def test_without_what_tells_of_service_it_is_not_estimable(small_study: StudyData) -> None:
    with pytest.raises(NotEstimableError, match="needs the tables contacts"):
        component_cohorts(replace(small_study, tables={}))
    none = small_study.tables["contacts"].head(0)
    empty = replace(small_study, tables={**small_study.tables, "contacts": none})
    with pytest.raises(NotEstimableError, match="needs promises, waits or closings"):
        component_cohorts(empty)


def test_leavers_of_the_sum_are_counted_once(found: ServiceComponents) -> None:
    each = [one.contrast.restricted_mean_difference for one in found.analyses.values()]
    assert max(one.n_events for one in each) <= found.together.n_events
    assert found.together.n_events < sum(one.n_events for one in each)
