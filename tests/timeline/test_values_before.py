"""What was known just before time zero: nothing learnt at it or later."""

from __future__ import annotations

import pandas as pd
import pytest

from loyaltylab.errors import TableError
from loyaltylab.timeline import values_before


def make_rows() -> pd.DataFrame:
    """a: 0 contacts to day 5, then 1 to day 9, then 2; b: late entry on day 3 with 7 contacts."""
    return pd.DataFrame(
        {
            "customer_id": list("aaab"),
            "spell_number": 1,
            "start": [0.0, 5.0, 9.0, 3.0],
            "stop": [5.0, 9.0, 20.0, 8.0],
            "contacts": [0.0, 1.0, 2.0, 7.0],
        }
    )


@pytest.mark.parametrize(
    ("customer", "moment", "known"),
    [
        ("a", 5.0, 0.0),  # the contact of day 5 itself is not known before it
        ("a", 5.1, 1.0),
        ("a", 9.0, 1.0),
        ("a", 20.0, 2.0),
        ("b", 3.0, 7.0),  # the very moment of entry
        ("b", 8.0, 7.0),
    ],
)
def test_value_is_that_of_the_row_that_reaches_time_zero(customer, moment, known) -> None:
    followed = pd.DataFrame({"customer_id": [customer], "tenure_days": [moment]})
    assert values_before(make_rows(), followed, covariates=["contacts"])["contacts"][0] == known


def test_order_and_index_are_those_of_the_follow_up() -> None:
    followed = pd.DataFrame(
        {"customer_id": ["b", "a", "a"], "tenure_days": [4.0, 10.0, 1.0]}, index=[7, 3, 5]
    )
    found = values_before(make_rows(), followed, covariates=["contacts"])
    assert found.index.tolist() == [7, 3, 5]
    assert found["contacts"].tolist() == [7.0, 2.0, 0.0]


@pytest.mark.parametrize("moment", [2.0, 8.5])
def test_somebody_not_at_risk_is_refused(moment: float) -> None:
    followed = pd.DataFrame({"customer_id": ["b"], "tenure_days": [moment]})
    with pytest.raises(TableError, match="1 customers are not at risk"):
        values_before(make_rows(), followed, covariates=["contacts"])


def test_unknown_covariates_and_several_lives_are_refused() -> None:
    followed = pd.DataFrame({"customer_id": ["a"], "tenure_days": [1.0]})
    with pytest.raises(TableError, match="no covariate visits"):
        values_before(make_rows(), followed, covariates=["visits"])
    two_lives = make_rows().assign(spell_number=[1, 1, 2, 1])
    with pytest.raises(TableError, match="1 customers have rows of several spells"):
        values_before(two_lives, followed, covariates=["contacts"])
