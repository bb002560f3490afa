"""One simulated provider, analysed as a study would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyaltylab.analyses.primary import HORIZON_MONTHS, PLACEBO, estimate_primary
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, build_study_data
from loyaltylab.errors import LoyaltyLabError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.survival import Estimate
from loyaltylab.tables.storage import finite_or_none, write_json

MEMORY_DAYS = 180.0
NUMBERS = ("value", "standard_error", "ci_lower", "ci_upper")


@dataclass(frozen=True)
class Replicate:
    """One provider to simulate and analyse, and where its estimates are kept."""

    parameters: SyntheticParameters
    seed: int
    step_days: int
    confidence_level: float
    path: Path

    @property
    def name(self) -> str:
        """What it is, for messages."""
        return f"{self.parameters.preset}, seed {self.seed}"


def analyses_of(preset: str) -> tuple[str, ...]:
    """What is tried on a preset.

    In the null preset there is neither friction nor a term, so that whoever tries to leave is gone
    within the notice and nothing is left to compare; there the placebo date of the others stands
    for no effect.
    """
    if preset == "null":
        return tuple(name for name in HORIZON_MONTHS if name != "H22")
    return (*HORIZON_MONTHS, PLACEBO)


def analyse_replicate(task: Replicate) -> Replicate:
    """Simulate a provider, estimate every confirmatory hypothesis, and keep what was found.

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
    found: dict[str, Any] = {}
    for name in analyses_of(task.parameters.preset):
        try:
            primary = estimate_primary(data, name, confidence_level=task.confidence_level)
        except LoyaltyLabError as error:
            found[name] = {"refused": str(error).splitlines()[0]}
            continue
        found[name] = {
            "estimate": _in_months(primary.estimate),
            "naive": None if primary.naive is None else _in_months(primary.naive),
        }
    write_json(task.path, found)
    return task


def _in_months(estimate: Estimate) -> list[float | None]:
    return [finite_or_none(getattr(estimate, name) / DAYS_PER_MONTH) for name in NUMBERS]
