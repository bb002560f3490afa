"""Whether weekly steps of the synthetic provider tell the same story as daily ones.

    python benchmarks/steps.py              # 20 seeds of 20,000 customers, some minutes
    python benchmarks/steps.py --seeds 40

Newcomers of the default provider, followed 24 months: restricted mean retention time, and what a
reactive desk adds to it for those who ask to leave, in both steps. Draws differ between steps, so
seeds are what the error is over. The limit is .05 month.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import World, WorldOutcome, simulate_world

MONTH, HORIZON_MONTHS = 30.4375, 24
LIMIT_MONTHS = 0.05
RESULTS = Path(__file__).parent / "results" / "steps.json"


def lived(outcome: WorldOutcome, zero: np.ndarray) -> np.ndarray:
    """Months retained from a day on, up to the horizon."""
    return np.minimum(outcome.exit_day - zero, HORIZON_MONTHS * MONTH) / MONTH


def is_followed(outcome: WorldOutcome, zero: np.ndarray) -> np.ndarray:
    """Whether the window leaves room for the whole horizon."""
    return zero + HORIZON_MONTHS * MONTH <= outcome.n_days - 1


def measure(parameters: SyntheticParameters, *, seed: int, step_days: int) -> dict[str, float]:
    """Retention of newcomers, and the desk's effect, in months."""
    base = simulate_world(parameters, seed=seed, step_days=step_days)
    entry = np.where(base.tenure_days == 0, base.entry_day, np.inf)
    who = is_followed(base, entry)
    arms = {
        desk: simulate_world(
            parameters,
            seed=seed,
            step_days=step_days,
            world=World(desk=desk, environment=base.environment),
        )
        for desk in ("reactive", "none")
    }
    asked = np.where(
        base.first_cancellation_day < base.exit_day, base.first_cancellation_day, np.inf
    )
    those = is_followed(base, asked)
    effect = lived(arms["reactive"], asked)[those] - lived(arms["none"], asked)[those]
    return {
        "retention of newcomers": float(lived(base, entry)[who].mean()),
        "effect of a reactive desk": float(effect.mean()),
    }


def main() -> None:
    """Measure, print, keep."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--customers", type=int, default=20_000)
    options.add_argument("--large", action="store_true", help="40 seeds")
    chosen = options.parse_args()
    chosen.seeds = max(chosen.seeds, 40) if chosen.large else chosen.seeds
    parameters = SyntheticParameters(n_customers=chosen.customers)
    found: dict[str, list[float]] = {}
    for seed in range(1, chosen.seeds + 1):
        daily, weekly = (measure(parameters, seed=seed, step_days=step) for step in (1, 7))
        for name in daily:
            found.setdefault(name, []).append(weekly[name] - daily[name])
        print(f"seed {seed} of {chosen.seeds}", flush=True)
    lines = []
    for name, differences in found.items():
        mean = float(np.mean(differences))
        error = float(np.std(differences, ddof=1) / np.sqrt(len(differences)))
        lines.append(
            {
                "what": f"{name}, weekly minus daily, months",
                "difference": round(mean, 4),
                "standard_error": round(error, 4),
                "is_within": abs(mean) < LIMIT_MONTHS,
            }
        )
        print(f"{name}: weekly minus daily {mean:+.4f} months (standard error {error:.4f})")
    RESULTS.parent.mkdir(exist_ok=True)
    content = {"seeds": chosen.seeds, "customers": chosen.customers, "lines": lines}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
