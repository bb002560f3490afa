"""What follows a request to cancel, by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from desk_tables import contracts, offers, requests, study_of, study_of_doubles, twice

from loyaltylab.analyses import after_desk
from loyaltylab.analyses.after_desk import (
    accepted_share,
    desk_arms,
    occupy_states,
    returns_after_exit,
    state_rows,
)
from loyaltylab.analyses.study_data import Cohort
from loyaltylab.errors import NotEstimableError

LEVEL = 0.95


def test_states_follow_one_another() -> None:
    rows = state_rows(study_of(offers=offers(), contracts=contracts()), requests())
    told = list(rows.drop(columns="desk").itertuples(index=False, name=None))
    assert told == [
        ("a", 0, 10, "requested", "saved"),
        ("a", 10, 100, "saved", "left"),
        ("a", 100, 150, "left", "won back"),
        ("b", 0, 200, "requested", "left"),
        ("b", 200, 500, "left", ""),  # away until the window ends
        ("c", 0, 500, "requested", ""),
    ]


def test_shares_in_states_are_counts_without_censoring() -> None:
    study = study_of_doubles(offers=offers(), contracts=contracts())
    found = occupy_states(study, twice(requests()), confidence_level=LEVEL)["reactive"]
    # On day 50 a is saved, c has requested; on day 160 a is back.
    assert found.occupation_at(50, "saved").value == pytest.approx(0.5)
    assert found.occupation_at(160, "won back").value == pytest.approx(0.5)
    assert found.occupation_at(160, "requested").value == pytest.approx(0.5)


def test_an_offer_counts_as_a_save_only_if_it_was_one_and_was_taken() -> None:
    # Of a and c, whom the desk met, only a took a save.
    assert accepted_share(study_of(offers=offers()), requests()) == 0.5


def test_returns_are_shares_of_those_who_left() -> None:
    later = contracts().assign(started_at=contracts()["started_at"] + pd.Timedelta(days=100))
    back = pd.concat([contracts(), later[later["customer_id"] == "a"].assign(customer_id="b2")])
    study = study_of_doubles(contracts=contracts())
    study = replace(study, tables={"contracts": back})
    found = returns_after_exit(study, twice(requests()), within_months=3, confidence_level=LEVEL)
    # a of a and a2 was back after 50 days, and so was b2 of b and b2.
    assert found.shares["reactive"].value == pytest.approx(0.5)
    assert found.shares["none"].value == pytest.approx(0.5)
    assert found.difference.value == pytest.approx(0)


def test_without_the_offers_nothing_is_told() -> None:
    with pytest.raises(NotEstimableError, match="needs the tables offers"):
        state_rows(study_of(contracts=contracts()), requests())


def test_both_arms_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"desk": ["reactive", "integrated"]})
    monkeypatch.setattr(after_desk, "desk_cohort", lambda _: Cohort(frame, {"total": 2}))
    with pytest.raises(NotEstimableError, match="there is no none"):
        desk_arms(study_of())
