"""The gate: what passes, what does not, and that everything wrong is said at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    build_counting_process,
    cumulative_incidence,
    find_overlapping_rows,
    fit_cox,
    kaplan_meier,
    restricted_mean_retention_time,
)

START, STOP, EVENT = [0.0, 0.0, 2.0], [3.0, 5.0, 6.0], [1, 0, 1]


@pytest.mark.parametrize(
    "event",
    [
        [1, 0, 1],
        [True, False, True],
        [1.0, 0.0, 1.0],
        np.array([1, 0, 1], dtype=np.int8),
        pd.Series([True, False, True], dtype="boolean", index=[7, 8, 9]),
        pd.Series([1, 0, 1], dtype="Int64"),
    ],
)
def test_events_of_any_honest_type(event) -> None:
    process = build_counting_process(START, STOP, event=event)
    assert process.event.tolist() == [True, False, True]
    assert (process.n_rows, process.n_events, process.n_clusters) == (3, 2, 3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"start": [0, np.nan, 2]}, r"start is missing or infinite in 1 of 3 rows .*: 1\)"),
        ({"stop": [3, np.inf, 6]}, "stop is missing or infinite in 1 of 3 rows"),
        ({"start": [-1, 0, 2]}, r"start is negative in 1 of 3 rows \(positions from 0: 0\)"),
        ({"stop": [0, 5, 2]}, r"stop <= start in 2 of 3 rows \(positions from 0: 0, 2\)"),
        ({"stop": [0, 5, 2]}, r"\(start, stop\] must have positive length"),
        ({"event": [0, 1, 2]}, r"codes other than 0 and 1 \(2\) .*cumulative_incidence"),
        ({"event": ["yes", "no", "no"]}, "event has type object"),
        ({"event": pd.array([True, None, False])}, "event is missing in 1 of 3 rows"),
        ({"weights": [1, np.nan, 1]}, "weights is missing or infinite in 1 of 3 rows"),
        ({"weights": [1, -0.5, 1]}, "weights are negative in 1 of 3 rows"),
        ({"weights": [0, 0, 0]}, "no weight is positive"),
        ({"cluster": ["a", None, "b"]}, "cluster is missing in 1 of 3 rows"),
        ({"cluster": ["a", "a", "a"]}, "all rows belong to one cluster"),
        ({"strata": ["a", None, "b"]}, "strata is missing in 1 of 3 rows"),
        ({"stop": [3, 5]}, r"lengths differ \(start 3, stop 2, event 3\)"),
        ({"start": [], "stop": [], "event": []}, "no rows"),
        ({"stop": pd.date_range("2024-01-01", periods=3)}, "stop has type datetime64"),
        ({"stop": pd.to_timedelta([3, 5, 6], unit="D")}, "convert dates and durations"),
    ],
)
def test_bad_columns_are_refused(columns, message) -> None:
    given = {"start": START, "stop": STOP, "event": EVENT} | columns
    start, stop = given.pop("start"), given.pop("stop")
    with pytest.raises(EstimationError, match=message):
        build_counting_process(start, stop, **given)


def test_every_problem_is_listed_once() -> None:
    with pytest.raises(EstimationError) as caught:
        build_counting_process(
            [0, -1, np.nan], [3, -2, 5], event=[0, 3, 1], weights=[-1, 1, 1], cluster=["a", None, 1]
        )
    names = [problem.split(" in ")[0] for problem in caught.value.problems]
    assert names == [
        "start is missing or infinite",
        "start is negative",
        "stop <= start",
        "event holds codes other than 0 and 1 (3)",
        "weights are negative",
        "cluster is missing",
    ]


def test_only_the_first_positions_are_listed() -> None:
    with pytest.raises(EstimationError, match=r"in 9 of 9 rows .*0, 1, 2, 3, 4, \.\.\.\)"):
        kaplan_meier(np.ones(9), np.ones(9), np.ones(9))


def test_labels_of_clusters_never_reach_an_error() -> None:
    with pytest.raises(EstimationError) as caught:
        kaplan_meier([0, 0], [0, 1], [1, 0], cluster=["ada@example.org", "bob@example.org"])
    assert "example.org" not in str(caught.value)


@pytest.mark.parametrize(
    "estimate",
    [
        lambda start, stop: kaplan_meier(start, stop, [1, 0]),
        lambda start, stop: restricted_mean_retention_time(start, stop, [1, 0], horizon=1),
        lambda start, stop: cumulative_incidence(start, stop, ["price", ""]),
        lambda start, stop: fit_cox(start, stop, [1, 0], pd.DataFrame({"x": [0, 1]})),
    ],
)
def test_every_estimator_passes_through_the_gate(estimate) -> None:
    with pytest.raises(EstimationError, match="stop <= start in 1 of 2 rows"):
        estimate([0, 4], [3, 4])


def test_causes_and_strata_are_coded_in_order() -> None:
    process = build_counting_process(
        START, STOP, exit_cause=["service", "", "price"], strata=["pro", "basic", "pro"]
    )
    assert process.causes == ("price", "service")
    assert process.code.tolist() == [2, 0, 1]
    assert process.strata == ("basic", "pro")
    assert process.stratum.tolist() == [1, 0, 1]


def test_overlaps_are_found_with_the_row_they_run_into() -> None:
    #        row 0: (0, 10]   row 1: (2, 4]   row 2: (5, 6]   row 3: (10, 12]   row 4: (1, 3]
    found = find_overlapping_rows([0, 2, 5, 10, 1], [10, 4, 6, 12, 3], ["a", "a", "a", "a", "b"])
    assert found["row"].tolist() == [1, 2]  # Row 2 clears row 1 but not row 0.
    assert found["earlier_row"].tolist() == [0, 0]
    assert found["overlap_start"].tolist() == [2, 5]
    assert found["overlap_stop"].tolist() == [4, 6]


def test_rows_that_only_touch_do_not_overlap() -> None:
    found = find_overlapping_rows([4, 0], [9, 4], ["a", "a"])
    assert found.empty
    assert found.columns.tolist() == ["row", "earlier_row", "overlap_start", "overlap_stop"]


@pytest.mark.parametrize("role", ["cluster", "strata"])
@pytest.mark.parametrize("labels", [[1, "1", 2], [True, "True", "no"], [2.5, "2.5", "2.5"]])
def test_labels_that_read_alike_but_differ_are_refused(role: str, labels: list[object]) -> None:
    with pytest.raises(EstimationError) as caught:
        build_counting_process([0] * 3, [1, 2, 3], event=[1, 1, 0], **{role: labels})
    assert any("differ in type but read alike" in text for text in caught.value.problems)


def test_labels_of_several_types_that_read_apart_are_fine() -> None:
    rows = build_counting_process([0] * 3, [1, 2, 3], event=[1, 1, 0], strata=[1, "a", 2])
    assert rows.strata == ("1", "2", "a")


def test_overlaps_are_those_of_survcheck(checks_oracle) -> None:
    rows = checks_oracle.frame("overlap")
    found = find_overlapping_rows(rows["tstart"], rows["tstop"], rows["id"])
    assert found["row"].tolist() == checks_oracle.value("overlap_rows")
    np.testing.assert_allclose(found["overlap_stop"] - found["overlap_start"], 1.0)


def test_overlaps_of_rows_that_are_none_are_refused() -> None:
    with pytest.raises(EstimationError, match="stop <= start in 1 of 2 rows"):
        find_overlapping_rows([0, 1], [0, 2], ["a", "a"])
    with pytest.raises(EstimationError, match="lengths differ"):
        find_overlapping_rows([0], [1, 2], ["a", "a"])
    with pytest.raises(EstimationError, match="missing in 1 of 2 rows"):
        find_overlapping_rows([0, 1], [1, 2], ["a", None])
