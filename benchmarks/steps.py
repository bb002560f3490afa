"""Whether weekly steps of the synthetic provider tell the same story as daily ones.

    python benchmarks/steps.py           # 20 seeds of 20,000 newcomers, some minutes
    python benchmarks/steps.py --large   # 40 seeds

Restricted mean retention time over 24 months of newcomers of the default provider. Draws differ
between steps, so seeds are what the error is over. The limit is .05 month.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import simulate_world

MONTH, HORIZON_MONTHS = 30.4375, 24
LIMIT_MONTHS = 0.05
RESULTS = Path(__file__).parent / "results" / "steps.json"


def months_retained(parameters: SyntheticParameters, *, seed: int, step_days: int) -> float:
    """Mean months as a customer up to the horizon; everybody can be followed that long."""
    outcome = simulate_world(parameters, seed=seed, step_days=step_days)
    days = np.minimum(outcome.exit_day - outcome.entry_day, HORIZON_MONTHS * MONTH)
    return float(days.mean() / MONTH)


def main() -> None:
    """Measure, print, keep."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--large", action="store_true", help="40 seeds instead of 20")
    n_seeds = 40 if options.parse_args().large else 20
    parameters = SyntheticParameters(
        stock_share=0.0, entry_months=12, window_end=date(2021, 2, 1), n_customers=20_000
    )
    differences = []
    for seed in range(1, n_seeds + 1):
        daily, weekly = (months_retained(parameters, seed=seed, step_days=step) for step in (1, 7))
        differences.append(weekly - daily)
        print(f"seed {seed} of {n_seeds}: weekly minus daily {differences[-1]:+.3f}", flush=True)
    mean = float(np.mean(differences))
    error = float(np.std(differences, ddof=1) / np.sqrt(n_seeds))
    line = {
        "work": "restricted mean retention over 24 months, weekly minus daily steps, months",
        "seeds": n_seeds,
        "customers": parameters.n_customers,
        "difference": round(mean, 4),
        "standard_error": round(error, 4),
        "is_within_limit": abs(mean) < LIMIT_MONTHS,
    }
    print(f"weekly minus daily {mean:+.4f} months (standard error {error:.4f})")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([line], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
