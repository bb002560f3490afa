"""The figures that truth/reasons.yaml gives as reasons, measured again.

    python benchmarks/reasons.py     # some minutes

Each variant of the default provider changes a few parameters; 20,000 customers, seeds 1 to 3, in
weekly steps. Then voluntary exits of consumers over those of the others, by months since the
reform.
"""

from __future__ import annotations

import statistics

import pandas as pd

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.sources.synthetic.counterfactual import read_outcome
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.tables.delivery import Delivery
from loyaltylab.truth import measure_moments

SEEDS = (1, 2, 3)
VARIANTS = {
    "as it is": {},
    "first rates, a desk for everybody": {
        "exit_hazard_service_pm": 0.0090,
        "exit_hazard_competitor_pm": 0.0105,
        "desk_share": 1.0,
        "save_accept_intercept": -0.9,
    },
    "no bot, promises or public complaints": {
        "self_service_share": 0.0,
        "promise_share": 0.0,
        "post_rate_pm": 0.0,
    },
    "no offers or letters to leavers": {
        "winback_offer_share": 0.0,
        "mailing_share": 0.0,
        "winback_rate_pm": 0.013,
    },
}
MOMENTS = (
    "left within a year",
    "won back: service",
    "won back: price competitor",
    "handoffs per contact with a person",
)
STRETCHES_MONTHS = ((0, 6), (6, 18))


def measure(changes: dict[str, float], *, seed: int) -> tuple[Delivery, dict[str, float]]:
    """A world's tables, and the moments that the reasons speak of."""
    parameters = SyntheticParameters(n_customers=20_000, **changes)
    run = live_through(parameters, seed=seed, step_days=7)
    delivery = deliver(run)
    source = delivery.description
    frame = measure_moments(
        delivery.frames,
        parameters,
        window_start_at=source.window_start_at,
        window_end_at=source.window_end_at,
    )
    contacts = delivery.frames["contacts"].query("channel != 'bot' and reopens == 0")
    return delivery, {
        **frame.set_index("moment").loc[list(MOMENTS), "value"].to_dict(),
        "want to leave and have not asked": float(read_outcome(run).dormant_share.mean()),
        "handoffs, tickets handled once": float(contacts["handoffs"].mean()),
    }


def compare_after_reform(delivery: Delivery) -> dict[str, float]:
    """Rate of voluntary exit of consumers over that of the others, by stretch."""
    frames, end = delivery.frames, delivery.description.window_end_at
    segment = frames["customers"].set_index("customer_id")["segment"]
    rules = frames["policies"].query("policy == 'cancellation_friction'")
    reform = rules["effective_at"].max()
    exits = frames["exits"].query("cause_verified in ('service', 'price_competitor')")
    contracts = frames["contracts"]
    ratios = {}
    for first, last in STRETCHES_MONTHS:
        begin, stop = (reform + pd.Timedelta(days=m * DAYS_PER_MONTH) for m in (first, last))
        there = contracts["ended_at"].fillna(end).clip(upper=stop)
        days = (there - contracts["started_at"].clip(lower=begin)).dt.days.clip(lower=0)
        at_risk = days.groupby(contracts["customer_id"].map(segment)).sum()
        inside = exits[exits["service_end_at"].between(begin, stop)]
        rate = inside["customer_id"].map(segment).value_counts() / at_risk
        ratios[f"ratio {first} to {last} months after the reform"] = (
            rate["consumer"] / rate["business"]
        )
    return ratios


def main() -> None:
    """Print the mean over seeds of every figure, and each seed's ratios after the reform."""
    for name, changes in VARIANTS.items():
        worlds = [measure(changes, seed=seed) for seed in SEEDS]
        for what in worlds[0][1]:
            mean = statistics.fmean(found[what] for _, found in worlds)
            print(f"{name}: {what} {mean:.4f}", flush=True)
        if not changes:
            for seed, (delivery, _) in zip(SEEDS, worlds, strict=True):
                for what, ratio in compare_after_reform(delivery).items():
                    print(f"seed {seed}: {what} {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
