"""Whether the jump when vouchers run out is found where it is, and not where it is not.

    python benchmarks/voucher_expiry.py           # 20 seeds of 20,000 customers, some minutes
    python benchmarks/voucher_expiry.py --large   # 60 seeds

The provider of params.yaml, in which offers are made by lot, and the world in which everybody gets
a voucher against that in which everybody gets a refund, under the same luck: the true relative
jump is that of the rates of the two worlds, all seeds together. The estimate knows the first world
alone.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import StudyData
from loyaltylab.analyses.voucher_expiry import (
    EXITS,
    REQUESTS,
    analyse_expiry,
    expiry_cohort,
    expiry_cuts,
    follow_outcome,
)
from loyaltylab.params import SyntheticParameters, load_parameters
from loyaltylab.sources.synthetic import World
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.timeline import build_spells

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "voucher_expiry.json"
FIRST_SEED, STEP_DAYS, LEVEL = 3001, 7, 0.95
WINDOW_DAYS, HORIZON_MONTHS = 60, 24


def study_of(parameters: SyntheticParameters, *, seed: int, world: World) -> StudyData:
    """First lives and tables of a provider."""
    delivery = deliver(live_through(parameters, seed=seed, world=world, step_days=STEP_DAYS))
    source, tables = delivery.description, delivery.frames
    window = {"window_start_at": source.window_start_at, "window_end_at": source.window_end_at}
    spells = build_spells(tables["customers"], tables["contracts"], tables["exits"], **window).frame
    lives = spells[spells["spell_number"] == 1].reset_index(drop=True)
    return StudyData(tables=tables, lives=lives, rows=pd.DataFrame(), **window)


def count_around(data: StudyData, *, life_days: float, outcome: str) -> np.ndarray:
    """Events and days at risk just before and just after the day, everybody's."""
    cuts = expiry_cuts(life_days, window_days=WINDOW_DAYS, horizon_months=HORIZON_MONTHS)
    followed = follow_outcome(expiry_cohort(data).frame, outcome=outcome)
    stop = followed["stop"].to_numpy()
    counted = []
    for lower, upper in pairwise(cuts[1:4]):
        inside = followed["event"].to_numpy() & (stop > lower) & (stop <= upper)
        counted.append((inside.sum(), np.clip(np.minimum(stop, upper) - lower, 0, None).sum()))
    return np.array(counted, dtype=float)


def measure(parameters: SyntheticParameters, *, seed: int) -> dict[str, object]:
    """Counts of both worlds and the estimates, by outcome."""
    found = analyse_expiry(
        study_of(parameters, seed=seed, world=World()),
        exposed="voucher",
        reference="refund",
        window_days=WINDOW_DAYS,
        horizon_months=HORIZON_MONTHS,
        confidence_level=LEVEL,
        n_permutations=0,
    )
    worlds = [
        study_of(parameters, seed=seed, world=World(compensation=kind))
        for kind in ("voucher_forfeited", "refund")
    ]
    line: dict[str, object] = {}
    for outcome in (REQUESTS, EXITS):
        jump = found.by_lot.get(outcome)
        line[outcome] = {
            "counts": [
                count_around(data, life_days=found.life_days, outcome=outcome) for data in worlds
            ],
            "estimate": None
            if jump is None
            else [getattr(jump.relative_jump, name) for name in ("value", "ci_lower", "ci_upper")],
        }
    return line


def true_jump(counts: np.ndarray) -> float:
    """Relative jump of rates, from counts by world, side, and events or days."""
    rates = counts[..., 0] / counts[..., 1]
    return float((rates[0, 1] / rates[0, 0]) / (rates[1, 1] / rates[1, 0]))


def main() -> None:
    """Measure, print, keep."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--large", action="store_true", help="60 seeds instead of 20")
    n_seeds = 60 if options.parse_args().large else 20
    parameters = load_parameters(ROOT).synthetic
    lines = []
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        lines.append(measure(parameters, seed=seed))
        print(f"seed {seed}: {lines[-1][REQUESTS]['estimate']}", flush=True)
    results = []
    for outcome in (REQUESTS, EXITS):
        counts = np.array([line[outcome]["counts"] for line in lines])
        truth = true_jump(counts.sum(axis=0))
        kept = [line[outcome]["estimate"] for line in lines if line[outcome]["estimate"]]
        found = np.array(kept)
        without = [true_jump(np.delete(counts, at, axis=0).sum(axis=0)) for at in range(n_seeds)]
        spread = (n_seeds - 1) / n_seeds * np.sum((np.log(without) - np.mean(np.log(without))) ** 2)
        results.append(
            {
                "work": f"relative jump of {outcome} when vouchers run out",
                "seeds": n_seeds,
                "customers": parameters.n_customers,
                "true_jump": round(truth, 3),
                "standard_error_of_its_log": round(float(np.sqrt(spread)), 3),
                "identified": len(found),
                "geometric_mean_estimate": round(float(np.exp(np.log(found[:, 0]).mean())), 3),
                "median_upper_over_lower": round(float(np.median(found[:, 2] / found[:, 1])), 1),
                "coverage": round(
                    float(((found[:, 1] <= truth) & (truth <= found[:, 2])).mean()), 3
                ),
                "jump_is_told": round(float((found[:, 1] > 1).mean()), 3),
            }
        )
    for result in results:
        print(result)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
