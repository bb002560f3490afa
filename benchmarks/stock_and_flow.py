"""Whether the split of a reform's excess into released stock and lasting flow finds the truth.

    python benchmarks/stock_and_flow.py           # 40 seeds of 20,000 customers, some minutes
    python benchmarks/stock_and_flow.py --large   # 100 seeds

The provider of params.yaml with its reform, and the same without it under the same luck: the
difference of first requests is the true excess, and what is left of it from the sixth month on is
the flow. The estimate knows the first world alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from loyaltylab.analyses.stock_release import count_by_period, first_requests, split_requests
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.measures.cancellation_friction import find_reform
from loyaltylab.params import SyntheticParameters, load_parameters
from loyaltylab.sources.synthetic import World
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.timeline import build_spells

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "stock_and_flow.json"
FIRST_SEED, STEP_DAYS, LEVEL = 2001, 7, 0.95


def study_of(parameters: SyntheticParameters, *, seed: int, world: World) -> StudyData:
    """First lives and tables of a provider."""
    delivery = deliver(live_through(parameters, seed=seed, world=world, step_days=STEP_DAYS))
    source, tables = delivery.description, delivery.frames
    window = {"window_start_at": source.window_start_at, "window_end_at": source.window_end_at}
    spells = build_spells(tables["customers"], tables["contracts"], tables["exits"], **window).frame
    lives = spells[spells["spell_number"] == 1].reset_index(drop=True)
    return StudyData(tables=tables, lives=lives, rows=pd.DataFrame(), **window)


def measure(parameters: SyntheticParameters, *, seed: int) -> dict[str, object]:
    """True excess by period, days at risk, and the estimated share with its limits."""
    day = (parameters.reform_date - parameters.window_start).days
    unreformed = World(
        friction=parameters.friction_pre,
        is_friction_from_attempt=False,
        from_day=day,
        monthly_notice=False,
    )
    data = study_of(parameters, seed=seed, world=World())
    without = study_of(parameters, seed=seed, world=unreformed)
    reform = find_reform(data.tables["policies"], data.tables["customers"])
    counts = [
        count_by_period(
            first_requests(one),
            reform,
            first_at=one.window_start_at,
            last_at=one.window_end_at,
        ).iloc[1:]
        for one in (data, without)
    ]
    days = counts[0]["covered_days"]
    expected = days * counts[1]["covered_events"] / counts[1]["covered_days"]
    split = split_requests(data, reform, confidence_level=LEVEL)
    share = None if split is None else split.transient_share
    return {
        "excess": (counts[0]["covered_events"] - expected).tolist(),
        "days": days.tolist(),
        "is_late": counts[0]["is_late"].tolist(),
        "share": None if share is None else [share.value, share.ci_lower, share.ci_upper],
    }


def transient_share(excess: np.ndarray, days: np.ndarray, is_late: np.ndarray) -> float:
    """What of the excess does not last."""
    flow = excess[is_late].sum() / days[is_late].sum() * days.sum()
    return float(1 - flow / excess.sum())


def main() -> None:
    """Measure, print, keep."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--large", action="store_true", help="100 seeds instead of 40")
    n_seeds = 100 if options.parse_args().large else 40
    parameters = load_parameters(ROOT).synthetic
    lines = []
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        lines.append(measure(parameters, seed=seed))
        print(f"seed {seed}: {lines[-1]['share']}", flush=True)
    excess, days = (np.array([line[name] for line in lines]) for name in ("excess", "days"))
    is_late = np.array(lines[0]["is_late"], dtype=bool)
    truth = transient_share(excess.mean(axis=0), days.mean(axis=0), is_late)
    singles = [transient_share(one, at, is_late) for one, at in zip(excess, days, strict=True)]
    found = np.array([line["share"] for line in lines if line["share"] is not None])
    covers = (found[:, 1] <= truth) & (truth <= found[:, 2])
    result = {
        "work": "share of a reform's excess of first requests that is released stock",
        "seeds": n_seeds,
        "customers": parameters.n_customers,
        "true_share": round(truth, 3),
        "standard_error": round(float(np.std(singles, ddof=1) / np.sqrt(n_seeds)), 3),
        "identified": len(found),
        "median_estimate": round(float(np.median(found[:, 0])), 3),
        "median_width": round(float(np.median(found[:, 2] - found[:, 1])), 3),
        "coverage": round(float(covers.mean()), 3),
        "flow_is_told": round(float((found[:, 2] < 0.5).mean()), 3),
    }
    print(result)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([result], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
