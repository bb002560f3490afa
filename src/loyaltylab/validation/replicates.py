"""One simulated provider, analysed as a study would be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, build_study_data
from loyaltylab.errors import EstimationError, LoyaltyLabError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.survival import Estimate
from loyaltylab.tables.storage import finite_or_none, write_json
from loyaltylab.validation.methods import METHODS, Method

MEMORY_DAYS = 180.0


@dataclass(frozen=True)
class Replicate:
    """One provider to simulate and analyse by some methods, and where its estimates are kept."""

    world: str
    parameters: SyntheticParameters
    methods: tuple[str, ...]
    seed: int
    step_days: int
    confidence_level: float
    path: Path

    @property
    def name(self) -> str:
        """What it is, for messages."""
        return f"{self.world}, seed {self.seed}"


def analyse_replicate(task: Replicate) -> Replicate:
    """Simulate a provider, analyse it by every method, and keep what was found.

    An analysis that refuses is kept as such, with its reason: it counts as a failure of the
    method, not as a missing replicate.
    """
    run = live_through(task.parameters, seed=task.seed, step_days=task.step_days)
    delivery = deliver(run)
    source = delivery.description
    data = build_study_data(
        delivery.frames,
        window_start_at=source.window_start_at,
        window_end_at=source.window_end_at,
        memory_days=MEMORY_DAYS,
    )
    found = {name: _try(METHODS[name], data, task.confidence_level) for name in task.methods}
    write_json(task.path, found)
    return task


def _try(method: Method, data: StudyData, level: float) -> dict[str, Any]:
    try:
        estimate = method.estimate(data, level)
    except LoyaltyLabError as error:
        return {"refused": str(error).splitlines()[0]}
    naive = None if method.naive is None else method.naive(data, level)
    return {
        "estimate": _numbers(estimate, method),
        "naive": None if naive is None else _numbers(naive, method),
    }


def _numbers(estimate: Estimate, method: Method) -> list[float | None]:
    """Value, error and limits in the method's unit; a ratio's error is that of its logarithm."""
    limits: tuple[float, ...] = (estimate.value, estimate.ci_lower, estimate.ci_upper)
    if method.unit == "log ratio":
        if estimate.unit != "ratio":
            raise EstimationError(f"{method.name} is in {estimate.unit}; rule: a ratio")
        limits = tuple(math.log(one) if one > 0 else math.nan for one in limits)
    scale = DAYS_PER_MONTH if method.unit == "months" else 1.0
    value, lower, upper = limits
    return [finite_or_none(one / scale) for one in (value, estimate.standard_error, lower, upper)]
