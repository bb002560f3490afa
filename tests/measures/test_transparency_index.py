"""The transparency index, its consistency and the truth of announced waits: by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.measures.transparency_index import (
    ITEMS,
    internal_consistency,
    transparency_index,
    wait_promise_accuracy,
)


def test_points_are_shared_out_of_24() -> None:
    """Twelve items; one plain and one partly told are 3 of 24 points."""
    scores = {**dict.fromkeys(ITEMS, 0), "rights": 2, "notice": 1}
    assert len(ITEMS) == 12
    assert transparency_index(scores) == pytest.approx(3 / 24)
    assert transparency_index(dict.fromkeys(ITEMS, 2)) == 1


def test_everything_wrong_with_an_audit_is_said() -> None:
    scores = {**dict.fromkeys(ITEMS, 1), "rights": 3, "charm": 1}
    del scores["notice"]
    with pytest.raises(TableError) as caught:
        transparency_index(scores)
    for part in ("'notice' is missing", "'charm' is unknown", "'rights' is 3"):
        assert part in str(caught.value)


def test_consistency_by_hand() -> None:
    """Totals 0, 1, 3, 3, 2 have a variance of 34/25; shares 3/5, 3/5, 3/5 one of 18/25:
    3/2 (1 - 18/34). Items outside the subscale do not count."""
    scores = pd.DataFrame(
        {"a": [0, 1, 1, 1, 0], "b": [0, 0, 1, 1, 1], "c": [0, 0, 1, 1, 1], "d": [9, 9, 9, 9, 9]}
    )
    found = internal_consistency(scores, reflective=["a", "b", "c"])
    assert found == pytest.approx(3 / 2 * (1 - 18 / 34))


@given(st.permutations(range(5)))
def test_the_order_of_audits_does_not_matter(order: list[int]) -> None:
    scores = pd.DataFrame({"a": [0, 1, 1, 1, 0], "b": [0, 0, 1, 1, 1]})
    assert internal_consistency(scores.iloc[order], reflective=["a", "b"]) == pytest.approx(
        internal_consistency(scores, reflective=["b", "a"])
    )


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (pd.DataFrame({"a": [0, 1]}), "b are no columns"),
        (pd.DataFrame({"a": [0], "b": [1]}), "given 2 and 1"),
        (pd.DataFrame({"a": [0, 2], "b": [1, 0]}), "0 or 1"),
        (pd.DataFrame({"a": [0, 1], "b": [1, 0]}), "same total"),
    ],
)
def test_consistency_without_meaning_is_refused(scores: pd.DataFrame, words: str) -> None:
    with pytest.raises(TableError, match=words):
        internal_consistency(scores, reflective=["a", "b"])


def test_waits_are_held_against_what_was_announced() -> None:
    """Kept: 3 of 5 and 5 of 5 minutes; not 6 of 5; two are not known."""
    contacts = pd.DataFrame(
        {
            "wait_minutes": [3.0, 5.0, 6.0, np.nan, 2.0],
            "announced_wait_minutes": [5.0, 5.0, 5.0, 5.0, np.nan],
        }
    )
    assert wait_promise_accuracy(contacts) == (2, 3)
