"""What the page on word of mouth says and shows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from loyaltylab.analyses.neighbour_checks import WordOfMouth
from loyaltylab.analyses.neighbour_rows import REASONS
from loyaltylab.findings.disclosure import guard_all
from loyaltylab.reports.word_of_mouth import (
    alternatives_forest,
    excess_requests,
    exposure_table,
    lag_forest,
    main_forest,
    site_range,
    word_of_mouth_answer,
)
from loyaltylab.survival import Estimate

RATIO = Estimate(1.25, 0.1, 1.03, 1.52, 0.95, 900, 80, "ratio", "by hand")
WINDOWS = ("long before", "before", "recent", "later")


def found(**changes: Any) -> WordOfMouth:
    names = [f"{reason} {window}" for reason in REASONS for window in WINDOWS]
    exposed = pd.DataFrame({"customers": 900, "months": 4000.0, "events": 80}, index=names)
    ratios = dict.fromkeys(
        (
            "naive", "service", "control", "between_reasons", "price", "change_service",
            "change_control", "contrast", "placebo",
        ),
        RATIO,
    )  # fmt: skip
    content: dict[str, Any] = {
        **ratios,
        "by_lag": {reason: {"-90 to 0": RATIO, "0 to 30": RATIO} for reason in REASONS},
        "alternatives": {"days that count": {"30 days": RATIO}, "errors by": {}},
        "without_site": {"without north": RATIO, "without south": replace(RATIO, value=1.3)},
        "exposed": exposed,
        "audit": {},
    }
    return WordOfMouth(**{**content, **changes})


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ((1.03, 1.52), "takes neighbours along:"),
        ((0.9, 1.52), "do not settle"),
        ((0.5, 0.9), "less than expected"),
        ((math.nan, math.nan), "do not settle"),
    ],
)
def test_the_answer_follows_the_interval_of_the_contrast(
    limits: tuple[float, float], words: str
) -> None:
    contrast = replace(RATIO, ci_lower=limits[0], ci_upper=limits[1])
    assert words in word_of_mouth_answer(found(contrast=contrast), memory_days=90)


def test_forests_hold_every_ratio_under_its_heading() -> None:
    assert len(main_forest(found())) == 8
    assert len(main_forest(found(price=None))) == 7
    lags = lag_forest(found())
    assert lags["label"].tolist() == ["−90 to 0 days", "0 to 30 days"] * 2
    assert alternatives_forest(found())["group"].tolist() == ["on this page", "days that count"]


def test_excess_requests_by_hand() -> None:
    # 80 requests in 4000 months are 2 per 100; a fifth of them, 1 - 1 / 1.25, is 0.4.
    excess = excess_requests(found())
    assert excess is not None
    assert excess.value == pytest.approx(0.4)
    assert excess.ci_lower == pytest.approx(2 * (1 - 1 / 1.03))


def test_small_cells_are_not_shown() -> None:
    few = found().exposed.assign(events=4)
    table = exposure_table(found(exposed=few), min_cell=10)
    assert set(table["requests"]) == {"<10"}
    assert set(table["per 100 customer-months"]) == {"not shown"}
    guarded = guard_all(found(contrast=replace(RATIO, n_events=4)), min_cell=10)
    assert excess_requests(guarded) is None


def test_the_range_over_sites() -> None:
    assert site_range(found()) == "1.25 to 1.30"
    assert site_range(found(without_site={})) == "one site only"
