"""How long a save lasts, by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from desk_tables import offers, study_of

from loyaltylab.analyses.saved_customers import (
    accepted_saves,
    describe_saved,
    rates_around_offer_end,
    saved_cohort,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH
from loyaltylab.errors import EstimationError, NotEstimableError

LEVEL = 0.95
MONTH = DAYS_PER_MONTH


def saved(stops: list[float], events: list[bool], offer_months: float = 2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": range(len(stops)),
            "start": 0.0,
            "stop": [stop * MONTH for stop in stops],
            "event": events,
            "offer_days": offer_months * MONTH,
        }
    )


def test_only_saves_that_were_taken_count() -> None:
    found = accepted_saves(offers())
    assert found["customer_id"].tolist() == ["a"]
    assert found["offer_days"].tolist() == [60]


def test_rates_count_from_the_end_of_the_offer() -> None:
    # Offers end at month 2. Exits at months 1 and 3; one is there until month 4.
    frame = saved([1, 3, 4], [True, True, False])
    found = rates_around_offer_end(frame, months_around_end=(-6, 0, 2), confidence_level=LEVEL)
    # Before: 1 exit in 1 + 2 + 2 months. After: 1 exit in 1 + 2 months.
    assert found["person_time"].tolist() == pytest.approx([5, 3])
    assert found["rate"].tolist() == pytest.approx([100 / 5, 100 / 3])
    assert found["label"].tolist() == [
        "6 to 0 months before the end",
        "0 to 2 months after the end",
    ]


def test_the_half_life_is_the_median() -> None:
    frame = saved([1, 2.5, 3, 4], [True, True, True, False])
    found = describe_saved(frame, months_around_end=(-2, 0, 2), confidence_level=LEVEL)
    # Half are left from month 2.5 until month 3: the midpoint of the flat piece.
    assert found.half_life is not None
    assert found.half_life.value == pytest.approx(2.75 * MONTH)


def test_no_half_life_while_more_than_half_are_there() -> None:
    frame = saved([1, 3, 4], [True, False, False])
    found = describe_saved(frame, months_around_end=(-2, 0, 2), confidence_level=LEVEL)
    assert found.half_life is None


@pytest.mark.parametrize("cuts", [(-6.0, 6.0), (0.0, 1.0, 2.0), (-1.0, 2.0, 0.0)])
def test_cuts_must_hold_the_end(cuts: tuple[float, ...]) -> None:
    with pytest.raises(EstimationError, match="rule: increasing"):
        rates_around_offer_end(saved([1], [True]), months_around_end=cuts, confidence_level=LEVEL)


def test_offers_without_an_end_are_said() -> None:
    lives = study_of().lives.assign(
        spell_number=1,
        entry_at=study_of().window_start_at,
        origin_at=study_of().window_start_at,
        exit_cause="",
        segment=None,
        site=None,
    )
    study = study_of(offers=offers().assign(ends_at=pd.Series([pd.NaT] * 3).dt.tz_localize("UTC")))
    object.__setattr__(study, "lives", lives)
    with pytest.raises(NotEstimableError, match="ends_at"):
        saved_cohort(study)
