"""What the synthetic provider costs: CPU seconds and peak memory, by size and step.

    python benchmarks/provider.py            # about two minutes
    python benchmarks/provider.py --large    # also a million customers, in parts

Every line runs in a process of its own, so that peaks do not mix. The plain loop follows one
customer at a time through the same intents, attempts and ends, with far fewer processes: it
shows what one array per process saves, not a rival implementation.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from datetime import date
from typing import Any

import numpy as np
from side_by_side import HERE

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import simulate_in_parts, simulate_provider, simulate_world

TWO_YEARS = {"window_end": date(2020, 1, 1), "shock_start": date(2019, 2, 23),
             "shock_end": date(2019, 5, 10), "entry_months": 24}  # fmt: skip
PART = 50_000
PROCESSES = 14  # that may strike any customer on any day


def run_tables(n: int) -> str:
    """Every table, in days."""
    delivery = simulate_provider(SyntheticParameters(n_customers=n), seed=1)
    return f"{sum(map(len, delivery.frames.values())):,} rows"


def run_outcomes(n: int, step_days: int) -> str:
    """Outcomes alone, as the truth of a strategy needs them."""
    outcome = simulate_world(SyntheticParameters(n_customers=n), seed=1, step_days=step_days)
    return f"{int(np.isfinite(outcome.exit_day).sum()):,} exits"


def run_parts(n: int) -> str:
    """Tables of two years in weekly steps, one part held at a time."""
    parameters = SyntheticParameters(n_customers=n, **TWO_YEARS)
    rows = 0
    for part in simulate_in_parts(parameters, seed=1, part_size=PART):
        rows += sum(map(len, part.frames.values()))
    return f"{rows:,} rows"


def run_plain_loop(n: int) -> str:
    """One customer and one day at a time: contacts, feelings, intent, attempt, end."""
    random = np.random.default_rng(1)
    parameters, n_exits = SyntheticParameters(), 0
    n_days = (parameters.window_end - parameters.window_start).days
    for _ in range(n):
        satisfaction, wants_out, end = random.normal(0, 0.5), False, None
        for day in range(-365, n_days):
            if end == day:
                n_exits += 1
                break
            luck = random.random(PROCESSES)  # a draw for each, as the provider has
            satisfaction *= 0.994
            if luck[0] < 0.22 / 30.4375:
                satisfaction -= 0.3 * random.exponential()
            hazard = 0.014 / 30.4375 * np.exp(-0.6 * satisfaction)
            wants_out = wants_out or luck[1] < hazard
            if wants_out and end is None and day >= 0 and luck[2] < 0.05:
                end = day + 30
    return f"{n_exits:,} exits"


CASES = {
    "tables 5k daily": (run_tables, (5_000,)),
    "tables 20k daily": (run_tables, (20_000,)),
    "outcomes 20k daily": (run_outcomes, (20_000, 1)),
    "outcomes 20k weekly": (run_outcomes, (20_000, 7)),
    "parts 100k weekly 24 months": (run_parts, (100_000,)),
    "plain loop 200 daily": (run_plain_loop, (200,)),
}
MILLION = {"parts 1M weekly 24 months": (run_parts, (1_000_000,))}


def measure(name: str) -> dict[str, Any]:
    """One case in this process."""
    work, size = {**CASES, **MILLION}[name]
    began = time.process_time()
    made = work(*size)
    seconds = time.process_time() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "work": name,
        "customers": size[0],
        "cpu_seconds": round(seconds, 2),
        "peak_mb": round(peak_mb),
        "microseconds_per_customer": round(seconds / size[0] * 1e6),
        "made": made,
    }


def show(line: dict[str, Any]) -> str:
    """One line of the result."""
    return (
        f"{line['work']:30} {line['cpu_seconds']:8.1f} CPU s {line['peak_mb']:8} MB "
        f"{line['microseconds_per_customer']:10} us/customer  {line['made']}"
    )


def main() -> None:
    """Measure every case, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also a million customers")
    parser.add_argument("--case", help="one case only, in this process")
    chosen = parser.parse_args()
    if chosen.case:
        print(json.dumps(measure(chosen.case)))
        return
    lines = []
    for name in {**CASES, **(MILLION if chosen.large else {})}:
        command = [sys.executable, __file__, "--case", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        lines.append(json.loads(done.stdout))
        print(show(lines[-1]), flush=True)
    (HERE / "results" / "provider.json").write_text(json.dumps(lines, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
