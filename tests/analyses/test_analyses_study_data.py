"""First lives, what was known at time zero, and which covariates can be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.study_data import (
    DAYS_PER_MONTH,
    add_baseline,
    baseline_names,
    keep_groups,
    month_cuts,
    need,
)
from loyaltylab.analyses.teams import team_starts
from loyaltylab.errors import NotEstimableError
from loyaltylab.timeline import follow_up_from


def test_only_first_lives_are_studied(small_study) -> None:
    assert (small_study.lives["spell_number"] == 1).all()
    assert (small_study.rows["spell_number"] == 1).all()
    assert small_study.lives["customer_id"].is_unique


def test_baseline_is_what_happened_before(small_study) -> None:
    """Counted again from the tables: contacts in the 180 days before the attempt, not at it."""
    contacts = small_study.tables["contacts"]
    index = contacts[["customer_id"]].assign(index_at=contacts["opened_at"])
    followed = follow_up_from(small_study.lives, index).frame.head(300)
    found = add_baseline(small_study, followed)
    for line in found.head(60).itertuples():
        mine = contacts.loc[contacts["customer_id"] == line.customer_id, "opened_at"]
        since = line.index_at - pd.Timedelta(days=180)
        origin = line.index_at - pd.Timedelta(days=line.tenure_days)
        counted = ((mine < line.index_at) & (mine > since) & (mine >= origin)).sum()
        assert line.recent_contacts == counted
    np.testing.assert_allclose(found["tenure_months"], followed["tenure_days"] / DAYS_PER_MONTH)
    prices = small_study.tables["contracts"].drop_duplicates("customer_id")
    expected = followed["customer_id"].map(prices.set_index("customer_id")["price_eur"])
    np.testing.assert_allclose(np.exp(found["log_price"]), expected)


def test_prices_that_are_not_all_known_are_left_out(small_study) -> None:
    contracts = small_study.tables["contracts"].assign(price_eur=np.nan)
    data = replace(small_study, tables={**small_study.tables, "contracts": contracts})
    contacts = small_study.tables["contacts"]
    index = contacts[["customer_id"]].assign(index_at=contacts["opened_at"])
    assert "log_price" not in add_baseline(data, follow_up_from(data.lives, index).frame.head(9))


def test_a_covariate_needs_ten_who_differ_in_each_group() -> None:
    frame = pd.DataFrame(
        {
            "group": ["x"] * 20 + ["y"] * 20,
            "recent_contacts": [1.0] * 10 + [0.0] * 10 + [2.0] * 10 + [0.0] * 10,
            "recent_denials": [1.0] * 9 + [0.0] * 11 + [1.0] * 10 + [0.0] * 10,
            "tenure_months": np.arange(40.0),
            "own": [1.0, 0.0] * 20,
        }
    )
    names = baseline_names(frame, group="group", further=("own",))
    assert names == ["recent_contacts", "tenure_months", "own"]


def test_groups_are_kept_and_numbered_anew() -> None:
    frame = pd.DataFrame({"group": ["x", "y", "z", "x"], "stop": [1.0, 2.0, 3.0, 4.0]})
    kept = keep_groups(frame, group="group", names=("x", "z"))
    assert kept["stop"].tolist() == [1.0, 3.0, 4.0]
    assert kept.index.tolist() == [0, 1, 2]
    assert len(frame) == 4


def test_months_are_cut_at_their_first_moments(small_study) -> None:
    """From 15 January to 20 April the whole months are February and March."""

    def at(text: str) -> pd.Timestamp:
        return pd.Timestamp(text, tz="UTC")

    data = replace(
        small_study,
        window_start_at=at("2021-01-15 08:00"),
        window_end_at=at("2021-04-20"),
    )
    edges = [at("2021-02-01"), at("2021-03-01"), at("2021-04-01")]
    assert month_cuts(data).tolist() == edges
    # The month that holds 10 February ends on 1 March.
    assert month_cuts(data, until=at("2021-02-10")).tolist() == edges[:2]
    assert month_cuts(data, until=data.window_end_at).tolist() == edges


def test_missing_tables_are_named(small_study) -> None:
    need(small_study, "contacts")
    with pytest.raises(NotEstimableError, match="needs the tables offers_of_old, visits"):
        need(small_study, "offers_of_old", "contacts", "visits")


def test_the_first_start_of_a_team_counts() -> None:
    policies = pd.DataFrame(
        {
            "policy": ["integrated_team"] * 4 + ["cancellation_friction"],
            "site": [pd.NA, "a", "a", "b", "c"],
            "value": [0.0, 1.0, 1.0, 0.0, 1.0],
            "effective_at": pd.to_datetime(
                ["2020-01-01", "2020-05-01", "2020-03-01", "2020-04-01", "2020-02-01"], utc=True
            ),
        }
    )
    found = team_starts({"policies": policies})
    assert found.to_dict() == {"a": pd.Timestamp("2020-03-01", tz="UTC")}
    assert team_starts({}).empty
    assert team_starts({"policies": policies.drop(columns="site")}).empty
