"""How much faster those not followed to the end would have had to leave, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.adjusted import contrast_adjusted
from loyaltylab.analyses.study_data import DAYS_PER_MONTH
from loyaltylab.analyses.unfinished_follow_up import (
    UnfinishedFollowUp,
    doubt_unfinished_follow_up,
)
from loyaltylab.designs import AdjustedContrast
from loyaltylab.reports.adjusted_sections import tell_unfinished
from loyaltylab.survival import Estimate

ROOT_TOLERANCE = 1e-6  # of the root search, on a multiplier near 1
HORIZON = 10.0


@pytest.fixture(scope="module")
def contrast() -> AdjustedContrast:
    """Any contrast of "yes" and "no"; the tests give it their own differences."""
    n = 40
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "start": 0.0,
            "stop": np.where(np.arange(n) % 4 < 2, 9.0, 40.0),
            "event": np.arange(n) % 4 < 2,
            "exit_cause": np.where(np.arange(n) % 4 < 2, "service", ""),
            "group": np.where(np.arange(n) % 2 == 0, "yes", "no"),
            "segment": np.where(np.arange(n) % 8 < 4, "a", "b"),
        }
    )
    return contrast_adjusted(
        frame,
        group="group",
        exposed="yes",
        reference="no",
        covariates=["segment"],
        horizon_months=30 / DAYS_PER_MONTH,
    )


def days(value: float, *, half_width: float = 0.1) -> Estimate:
    return Estimate(value, 0.05, value - half_width, value + half_width, 0.95, 6, 3, "days", "hand")


def with_differences(
    contrast: AdjustedContrast, *, plain: float, adjusted: Estimate
) -> AdjustedContrast:
    return replace(contrast, naive=days(plain), restricted_mean_difference=adjusted)


def customers() -> pd.DataFrame:
    """Three of each group.

    Yes: one lost on day 2, one leaves on day 6, one stays. At 6 two are at risk, so the curve is
    1/2 from then on. The lost one is expected to stay 4 + 4 x (1/2)^delta days after day 2, so the
    mean is (2 + 4 + 4 x 2^-delta + 6 + 10) / 3, which is 8 with delta 1.
    No: (6 + 7 + 10) / 3 = 23/3. The difference is (4 x 2^-delta - 1) / 3: 1/3 with delta 1.
    """
    return pd.DataFrame(
        {
            "stop": [2.0, 6.0, 10.0, 6.0, 7.0, 10.0],
            "event": [False, True, False, True, True, False],
            "group": ["yes"] * 3 + ["no"] * 3,
        }
    )


def doubt(frame: pd.DataFrame, contrast: AdjustedContrast) -> UnfinishedFollowUp | None:
    return doubt_unfinished_follow_up(frame, contrast, group="group", horizon_days=HORIZON)


def test_the_plain_difference_is_none_at_twice_the_rate(contrast) -> None:
    # 4 x 2^-delta = 1 with delta 2.
    found = doubt(customers(), with_differences(contrast, plain=1 / 3, adjusted=days(1 / 3)))
    assert (found.group, found.n, found.n_unfinished) == ("yes", 3, 1)
    assert found.of_value == pytest.approx(2, abs=ROOT_TOLERANCE)


def test_what_adjustment_took_off_is_kept(contrast) -> None:
    # Adjustment added 1/6: tipped where the plain one is -1/6, so 4 x 2^-delta = 1/2, delta 3.
    found = doubt(customers(), with_differences(contrast, plain=1 / 3, adjusted=days(1 / 2)))
    assert found.of_value == pytest.approx(3, abs=ROOT_TOLERANCE)


def test_out_of_reach_is_none(contrast) -> None:
    # The plain one never gets below -1/3, and -0.4 is asked for.
    adjusted = days(1 / 3 + 0.4)
    found = doubt(customers(), with_differences(contrast, plain=1 / 3, adjusted=adjusted))
    assert found.of_value is None


def test_the_group_that_stays_longer_is_put_in_doubt(contrast) -> None:
    swapped = customers().assign(group=["no"] * 3 + ["yes"] * 3)
    found = doubt(swapped, with_differences(contrast, plain=-1 / 3, adjusted=days(-1 / 3)))
    assert found.group == "no"
    assert found.of_value == pytest.approx(2, abs=ROOT_TOLERANCE)


def test_nothing_is_to_tip_where_the_interval_includes_no_effect(contrast) -> None:
    wide = days(1 / 3, half_width=1.0)
    found = doubt(customers(), with_differences(contrast, plain=1 / 3, adjusted=wide))
    assert found.of_interval == 1
    assert tell_unfinished(found, min_cell=1).endswith(
        "The interval includes no effect already: they need not differ."
    )


def test_it_says_where_all_were_followed_or_none_was(contrast) -> None:
    given = with_differences(contrast, plain=1 / 3, adjusted=days(1 / 3))
    frame = customers()
    everybody = doubt(frame.assign(stop=frame["stop"].where(frame["event"], HORIZON)), given)
    assert everybody == UnfinishedFollowUp("yes", 3, 0, None, None)
    assert "was followed to an exit or the horizon" in tell_unfinished(everybody, min_cell=1)
    nobody = doubt(frame.assign(stop=frame["stop"].clip(upper=9.0)), given)
    assert nobody is None
    assert "nobody was followed to the horizon" in tell_unfinished(nobody, min_cell=1)


def test_it_is_told_in_multiples_of_the_rate() -> None:
    found = UnfinishedFollowUp("reactive", 1200, 300, None, 1.84)
    text = tell_unfinished(found, min_cell=10)
    assert "Of the 1,200 customers in the group 'reactive'" in text
    assert "300 were still there when follow-up ended" in text
    assert "at more than 10 times the rate" in text
    assert "at 1.8 times." in text
    assert "<10 were still there" in tell_unfinished(replace(found, n_unfinished=4), min_cell=10)
