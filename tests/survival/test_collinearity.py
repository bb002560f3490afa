"""Groups of collinear columns, whatever their order and scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import find_collinear_columns


@pytest.fixture
def columns() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    plan = rng.integers(0, 3, 50)
    frame = pd.DataFrame({f"plan_{code}": (plan == code).astype(float) for code in range(3)})
    frame["age"] = rng.normal(40, 9, 50)
    frame["calls"] = rng.poisson(2, 50)
    return frame


def test_full_set_of_dummies_is_a_group(columns) -> None:
    assert find_collinear_columns(columns) == (("plan_0", "plan_1", "plan_2"),)
    assert find_collinear_columns(columns.drop(columns="plan_0")) == ()


def test_sums_copies_and_constants_are_separate_groups(columns) -> None:
    frame = columns.drop(columns="plan_0").assign(
        total=columns["age"] + 3 * columns["calls"], copy=1e-6 * columns["plan_1"], one=7.0
    )
    assert find_collinear_columns(frame) == (
        ("plan_1", "copy"),
        ("age", "calls", "total"),
        ("one",),
    )


def test_order_of_columns_does_not_matter(columns) -> None:
    frame = columns.assign(copy=columns["plan_1"], double=2 * columns["calls"])
    found = {frozenset(group) for group in find_collinear_columns(frame)}
    assert found == {
        frozenset({"plan_0", "plan_1", "plan_2", "copy"}),
        frozenset({"calls", "double"}),
    }
    shuffled = frame[frame.columns[::-1]]
    assert {frozenset(group) for group in find_collinear_columns(shuffled)} == found


def test_close_columns_are_not_collinear(columns) -> None:
    noise = np.random.default_rng(2).normal(size=50)
    assert find_collinear_columns(columns[["age"]].assign(near=columns["age"] + 1e-5 * noise)) == ()


def test_more_columns_than_rows_are_all_collinear() -> None:
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(3, 5)), columns=list("abcde"))
    assert find_collinear_columns(frame) == (("a", "b", "c", "d", "e"),)


def test_empty_frames_have_no_groups() -> None:
    assert find_collinear_columns(pd.DataFrame({"x": []})) == ()
    assert find_collinear_columns(pd.DataFrame(index=range(3))) == ()


def test_groups_hold_the_columns_that_r_leaves_without_a_number(checks_oracle) -> None:
    # R drops the last column of every dependency; each group here holds exactly one too many.
    columns = checks_oracle.frame("columns")
    found = find_collinear_columns(columns)
    assert found == (("age", "years"), ("small", "middle", "large"), ("nodes", "pgr", "both"))
    assert sorted(group[-1] for group in found) == sorted(checks_oracle.value("aliased"))
    assert find_collinear_columns(columns.drop(columns=checks_oracle.value("aliased"))) == ()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(columns, bad) -> None:
    columns.loc[3, "age"] = bad
    with pytest.raises(EstimationError, match=r"columns \['age'\] have missing or infinite"):
        find_collinear_columns(columns)
