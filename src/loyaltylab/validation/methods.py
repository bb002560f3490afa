"""What is tried: every method, what it estimates, and where its truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

from loyaltylab.analyses.primary import (
    HORIZON_MONTHS,
    NAIVE_REASONS,
    PLACEBO,
    TRUTHS,
    estimate_naive,
    estimate_primary,
)
from loyaltylab.analyses.remedy_timing import NAIVE_REASON as REMEDY_REASON
from loyaltylab.analyses.remedy_timing import estimate_naive_remedy, estimate_remedy_timing
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.analyses.switching_cost import estimate_switching
from loyaltylab.analyses.word_of_mouth import estimate_word_of_mouth, naive_word_of_mouth
from loyaltylab.survival import Estimate

Unit = Literal["months", "log ratio", "share"]
EVERY_WORLD = ("literature", "null", "adverse", "confounded")
# In the null preset there is neither friction nor a term: whoever tries to leave is gone within
# the notice and nothing is left to compare. A placebo date stands for no effect elsewhere.
WITH_FRICTION = ("literature", "adverse", "confounded")


@dataclass(frozen=True)
class Method:
    """One way to estimate one quantity.

    Attributes
    ----------
    name : str
        The hypothesis, with a word where a second method serves it.
    unit : {"months", "log ratio", "share"}
    estimate : callable
        From data and a confidence level; days for months, a ratio for its logarithm.
    truth : str or mapping of str to float
        The estimand of data/truth, or the value in each world where it is known.
    worlds : tuple of str
        Where it is tried.
    naive : callable, optional
        The common mistake; None where it could not be made.
    naive_reason : str
        What the mistake is.
    """

    name: str
    unit: Unit
    estimate: Callable[[StudyData, float], Estimate]
    truth: str | Mapping[str, float]
    worlds: tuple[str, ...] = EVERY_WORLD
    naive: Callable[[StudyData, float], Estimate | None] | None = None
    naive_reason: str = ""

    @property
    def hypothesis(self) -> str:
        """Which hypothesis it serves."""
        return self.name.split()[0]


def _primary(data: StudyData, level: float, *, name: str) -> Estimate:
    return estimate_primary(data, name, confidence_level=level).estimate


def _naive(data: StudyData, level: float, *, name: str) -> Estimate | None:
    return estimate_naive(data, name, confidence_level=level)


def _remedy(data: StudyData, level: float) -> Estimate:
    return estimate_remedy_timing(data, confidence_level=level)


def _naive_remedy(data: StudyData, level: float) -> Estimate:
    return estimate_naive_remedy(data, confidence_level=level)


def _switching(data: StudyData, level: float) -> Estimate:
    return estimate_switching(data, confidence_level=level)


def _word_of_mouth(data: StudyData, level: float) -> Estimate:
    return estimate_word_of_mouth(data, confidence_level=level)


def _naive_word_of_mouth(data: StudyData, level: float) -> Estimate:
    return naive_word_of_mouth(data, confidence_level=level)


def _confirmatory(name: str) -> Method:
    return Method(
        name=name,
        unit="months",
        estimate=partial(_primary, name=name),
        truth=TRUTHS[name],
        worlds=WITH_FRICTION if name == "H22" else EVERY_WORLD,
        naive=partial(_naive, name=name),
        naive_reason=NAIVE_REASONS[name],
    )


METHODS: MappingProxyType[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            *(_confirmatory(name) for name in HORIZON_MONTHS),
            Method(
                name="H02",
                unit="months",
                estimate=_remedy,
                truth="H02.remedy_first.direct.restricted_mean_24",
                naive=_naive_remedy,
                naive_reason=REMEDY_REASON,
            ),
            Method(
                name="H06",
                unit="share",
                estimate=_switching,
                truth="H06.switching_high_low.direct.retention_12",
                # What leaving costs a customer counts in every world, in the null preset too.
            ),
            Method(
                name="H25",
                unit="log ratio",
                estimate=_word_of_mouth,
                # Nobody hears of leavers in the null preset; elsewhere the ratio has no one value.
                truth={"null": 0.0},
                worlds=("literature", "null", "adverse"),
                naive=_naive_word_of_mouth,
                naive_reason="those with a neighbour who left over service against those without: "
                "neighbours are alike and meet the same service",
            ),
            Method(
                name=PLACEBO,
                unit="months",
                estimate=partial(_primary, name=PLACEBO),
                truth=dict.fromkeys(WITH_FRICTION, 0.0),
                worlds=WITH_FRICTION,
            ),
        )
    }
)


def methods_of(world: str) -> tuple[Method, ...]:
    """What is tried in a world, by name."""
    return tuple(method for method in METHODS.values() if world in method.worlds)
