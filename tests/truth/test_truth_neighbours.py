"""Service exits near a neighbour's, counted by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from loyaltylab.truth.neighbours import compare_with_neighbours

START = pd.Timestamp("2020-01-01", tz="UTC")
EXACT = 1e-12


def on(days: list[float]) -> pd.Series:
    return pd.Series([START + pd.Timedelta(days=day) for day in days])


def make(
    exits: dict[str, float], causes: list[str]
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Customers a to e, watched for 100 days or until they left; b, c and d are a's neighbours."""
    stays = pd.DataFrame({"customer_id": list("abcde")})
    stays["from_at"] = START
    stays["until_at"] = on([exits.get(name, 100.0) for name in "abcde"])
    tables = {
        "exits": pd.DataFrame(
            {
                "customer_id": list(exits),
                "service_end_at": on(list(exits.values())),
                "cause_verified": causes,
            }
        ),
        "links": pd.DataFrame({"customer_id": ["a", "a", "b"], "neighbour_id": ["b", "c", "d"]}),
    }
    return tables, stays


def test_time_near_a_leaver_counts_once_and_only_while_there() -> None:
    # b leaves on day 10, c on day 20, so a is near from 10 to 50 and leaves on day 30. d leaves on
    # day 60, when b is gone. Near: a's days 10 to 30, one exit (a). Days: 30 + 10 + 20 + 60 + 100.
    tables, stays = make({"b": 10, "c": 20, "a": 30, "d": 60}, ["service"] * 4)
    ratio, error, n = compare_with_neighbours(tables, stays=stays)
    assert n == 1
    assert ratio == pytest.approx((1 / 20) / (3 / 200), abs=EXACT)
    assert error == pytest.approx(ratio * math.sqrt(1 + 1 / 3), abs=EXACT)


def test_other_causes_neither_influence_nor_count() -> None:
    tables, stays = make({"b": 10, "a": 30, "d": 60}, ["life_event", "service", "service"])
    ratio, error, n = compare_with_neighbours(tables, stays=stays)
    assert n == 0
    assert math.isnan(ratio) and math.isnan(error)


def test_an_exit_at_the_very_moment_is_not_after_it() -> None:
    tables, stays = make({"b": 30, "a": 30}, ["service"] * 2)
    assert compare_with_neighbours(tables, stays=stays)[2] == 0
    assert compare_with_neighbours(tables, stays=stays, memory_days=0)[2] == 0
