"""The friction index and the agreement of auditors: by hand, against R, what must not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.measures.friction_index import (
    ITEMS,
    WayOut,
    cost_of_minutes,
    friction_index,
    friction_minutes,
    score_items,
)
from loyaltylab.measures.rater_agreement import intraclass_correlation, weighted_kappa

ORACLE = json.loads((Path(__file__).parents[1] / "oracles/rater_agreement.json").read_text())
CLOSED_FORM = 1e-10  # the same sums in another order
# A paper signed up for online and left only by telephone: a menu of two levels, 15 minutes until
# somebody answers, 60 hours a week; then an offer, and done within a minute.
PAPER = WayOut(
    signup_channels=1,
    missing_channels=1,
    steps_in=4,
    steps_out=4,
    minutes_to_a_person=15.0,
    menu_levels=2,
    open_hours=60.0,
    notice_days=30,
    needs_call=True,
    forced_offers=1,
    clicks_to_instructions=3,
    is_confirmed=True,
    is_off_the_list=False,
)


def test_a_paper_that_must_be_called_is_hard_to_reach_and_easy_to_leave() -> None:
    """Access: 1, 15/30, 2/4, 1 - 60/168, 1: 3.642857 of 5. Process: 0 and 1/4."""
    scores = score_items(PAPER)
    index = friction_index(scores)
    assert index.access == pytest.approx((1 + 0.5 + 0.5 + (1 - 60 / 168) + 1) / 5)
    assert index.access == pytest.approx(0.7, abs=0.05)
    assert index.process == pytest.approx(0.125)
    assert index.process == pytest.approx(0.1, abs=0.05)
    rest = 30 / 92 + 3 / 6 + 1
    assert index.equal == pytest.approx((5 * index.access + 2 * index.process + rest) / 10)


def test_items_stop_at_0_and_1() -> None:
    """Four times the steps are two doublings of three; fewer steps out than in are none."""
    assert score_items(replace(PAPER, steps_out=16))["extra_steps"] == pytest.approx(2 / 3)
    assert score_items(replace(PAPER, steps_out=400))["extra_steps"] == 1
    assert score_items(replace(PAPER, steps_out=2))["extra_steps"] == 0
    far = replace(PAPER, minutes_to_a_person=90, notice_days=400, menu_levels=9)
    scores = score_items(far)
    assert scores["minutes_to_a_person"] == scores["notice"] == scores["menu_levels"] == 1
    clean = replace(PAPER, is_off_the_list=True)
    assert score_items(clean)["unconfirmed"] == 0


@given(st.sampled_from(list(ITEMS)), st.floats(0, 1))
def test_no_item_lowers_friction(item: str, more: float) -> None:
    low = dict.fromkeys(ITEMS, 0.0)
    high = friction_index({**low, item: more})
    assert high.equal == pytest.approx(more / 10)
    assert min(high.access, high.process) >= 0


def test_minutes_count_failed_attempts_and_are_worth_a_wage() -> None:
    """Two attempts a customer: 2 x 4 minutes to look up, 1.5 x 20 waiting, 1 x 1 to ask."""
    steps = pd.DataFrame({"n_per_customer": [2.0, 1.5, 1.0], "minutes": [4.0, 20.0, 1.0]})
    assert friction_minutes(steps) == pytest.approx(39)
    assert cost_of_minutes(39, wage_per_hour=20) == pytest.approx(13)
    with pytest.raises(TableError, match="neither missing nor negative"):
        friction_minutes(steps.assign(minutes=[4.0, -1.0, np.nan]))
    with pytest.raises(TableError, match="above 0"):
        cost_of_minutes(39, wage_per_hour=0)


def test_everything_wrong_with_an_audit_is_said() -> None:
    with pytest.raises(TableError, match=r"menu_levels is -1; .* 200 open hours"):
        score_items(replace(PAPER, menu_levels=-1, open_hours=200, missing_channels=2))
    with pytest.raises(TableError, match="no channels or steps"):
        score_items(replace(PAPER, steps_in=0))
    scores = {**dict.fromkeys(ITEMS, 0.5), "charm": 0.1, "notice": 2.0}
    del scores["menu_levels"]
    with pytest.raises(TableError) as caught:
        friction_index(scores)
    for part in ("'menu_levels' is missing", "'charm' is unknown", "'notice' is 2.0"):
        assert part in str(caught.value)


def test_agreement_is_that_of_shrout_and_fleiss_and_of_r() -> None:
    """Their table 4 gives 0.29 for one judge and 0.62 for the mean of four."""
    single, mean = intraclass_correlation(pd.DataFrame(ORACLE["ratings"]))
    assert single == pytest.approx(ORACLE["icc"]["single"], abs=CLOSED_FORM)
    assert mean == pytest.approx(ORACLE["icc"]["mean"], abs=CLOSED_FORM)
    assert (round(single, 2), round(mean, 2)) == (0.29, 0.62)


def test_a_stricter_rater_lowers_agreement() -> None:
    """Subjects 1 to 3, the second rater one higher: mean squares 2, 1.5 and 0, so that one
    rater has 2 / (2 + 2 * 1.5 / 3) and the mean of both 2 / (2 + 1.5 / 3)."""
    found = intraclass_correlation(pd.DataFrame({"one": [1, 2, 3], "two": [2, 3, 4]}))
    assert found == pytest.approx((2 / 3, 0.8))


def test_kappa_is_that_of_r_and_by_hand() -> None:
    found = weighted_kappa(ORACLE["first"], ORACLE["second"], levels=[0, 1, 2])
    assert found == pytest.approx(ORACLE["kappa"], abs=CLOSED_FORM)
    # Observed distance 1/4. By chance: half 0 and half 2 against 0 twice, 1 and 2: the mean of
    # (0, 0, 1, 4) and (4, 4, 1, 0) is 14/8.
    by_hand = weighted_kappa([0, 0, 2, 2], [0, 0, 1, 2], levels=[0, 1, 2])
    assert by_hand == pytest.approx(1 - (1 / 4) / (14 / 8))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=20))
def test_kappa_knows_no_first_rater(pairs: list[tuple[int, int]]) -> None:
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    if len({*one, *two}) == 1:
        return
    there = weighted_kappa(one, two, levels=[0, 1, 2])
    assert there == pytest.approx(weighted_kappa(two, one, levels=[0, 1, 2]))
    assert there <= 1


def test_agreement_without_meaning_is_refused() -> None:
    with pytest.raises(TableError, match="1 scores missing"):
        intraclass_correlation(pd.DataFrame({"one": [1, 2], "two": [1, np.nan]}))
    with pytest.raises(TableError, match="All scores are equal"):
        intraclass_correlation(pd.DataFrame({"one": [1, 1], "two": [1, 1]}))
    for one, two, words in (
        ([0, 1], [0], "as many"),
        ([0, 7], [0, 1], "outside the levels"),
        ([1, 1], [1, 1], "one and the same"),
    ):
        with pytest.raises(TableError, match=words):
            weighted_kappa(one, two, levels=[0, 1, 2])
