"""What the page on the desk says of its own, with numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.after_desk import WonBack
from loyaltylab.analyses.saved_customers import describe_saved
from loyaltylab.reports.sections_desk import (
    show_delay_rule,
    show_half_life,
    show_saves,
    show_states,
    show_won_back,
)
from loyaltylab.survival import Estimate, state_occupation

MONTH = 30.4375


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that goes to the page, as it goes there; outside a kernel nothing receives it."""
    sent: list[str] = []
    monkeypatch.setattr(
        "IPython.display.publish_display_data",
        lambda data, **_: sent.append(" ".join(data.values()).replace("\xa0", " ")),
    )
    return sent


def share(value: float, half: float = 0.01, n_events: int = 50) -> Estimate:
    return Estimate(
        value=value,
        standard_error=half / 1.96,
        ci_lower=value - half,
        ci_upper=value + half,
        confidence_level=0.95,
        n=200,
        n_events=n_events,
        unit="share",
        method="by hand",
    )


def test_rates_before_and_after_the_end_of_the_offer_are_per_month(page: list[str]) -> None:
    """Offers of 6 months taken by 40: each is watched for 12 months, or left before.

    Ten leave 3 months after the offer, twenty 9 months after it, ten stay. Within 6 months of the
    end of the offer: before it 10 x 3 + 30 x 6 = 210 months and 10 exits, 4.8 per 100; after it
    20 x 3 + 10 x 6 = 120 months and 20 exits, 16.7 per 100.
    """
    months = np.repeat([3.0, 9.0, 12.0], [10, 20, 10])
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(40)],
            "start": 0.0,
            "stop": months * MONTH,
            "event": months < 12,
            "offer_days": 6 * MONTH,
        }
    )
    saved = describe_saved(frame, months_around_end=(-6.0, 0.0, 6.0), confidence_level=0.95)
    show_half_life(saved, months=[3, 6], min_cell=5)
    text = " ".join(page)
    assert "Per 100 customer-months 4.8 leave before the offer ends and 16.7 after" in text
    assert "20 exits after it" in text
    assert "Half of the saved have left after 9.0" in text
    page.clear()
    show_half_life(saved, months=[3], min_cell=11)
    assert "Per 100 customer-months" not in " ".join(page)  # ten exits before it


@pytest.mark.parametrize(
    ("late", "words"), [(0.001, "The desk only delays leaving"), (0.15, "The gain lasts")]
)
def test_the_rule_of_delay_compares_an_early_with_the_late_reading(
    page: list[str], late: float, words: str
) -> None:
    differences = {1: share(0.10), 24: share(late)}
    show_delay_rule(differences, early_months=[1], late_month=24, margin=0.02)
    text = " ".join(page)
    assert words in text
    assert "within 2 points counts as none" in text


def test_customers_kept_by_a_hundred_contacts_are_the_difference(page: list[str]) -> None:
    differences = {12: share(0.253), 24: share(-0.017), 36: share(0.5, n_events=3)}
    show_saves(differences, accepted=0.44, min_cell=5)
    text = " ".join(page)
    assert "25.3" in text
    assert "24.3 to 26.3" in text
    assert "−1.7" in text
    assert "50.0" not in text  # on three exits
    assert "44" in text


def test_those_won_back_are_told_by_group_with_the_difference(page: list[str]) -> None:
    won_back = WonBack({"none": share(0.08), "reactive": share(0.05)}, share(-0.03))
    show_won_back(won_back, months=12)
    text = " ".join(page)
    assert "back within 12 months" in text
    assert "3.0 percentage points lower" in text


def test_states_with_few_customers_have_no_share(page: list[str]) -> None:
    """Of 20 customers 12 leave after a month and 3 are saved on the way."""
    n = 20
    to = ["left"] * 12 + ["saved"] * 3 + [""] * 5
    stop = np.where(np.array(to) == "", 3 * MONTH, MONTH)
    occupied = state_occupation(
        np.zeros(n),
        stop,
        ["requested"] * n,
        to,
        customer=[f"c{i}" for i in range(n)],
        states=("requested", "saved", "left"),
        confidence_level=0.95,
    )
    show_states({"reactive": occupied}, months=[2, 9], min_cell=5)
    text = " ".join(page)
    assert "&lt;5 customers" in text  # the three
    assert "60" in text  # the twelve of twenty
    assert ">9<" not in text  # beyond follow-up
