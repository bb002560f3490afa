"""Splitting spells at jumps beside R tmerge: about ten contacts, so twenty jumps, per customer.

python benchmarks/timeline.py            # 10,000 and 100,000 customers
python benchmarks/timeline.py --large    # also 1,000,000 customers, without R
"""

from __future__ import annotations

import argparse
import gc
import math
from pathlib import Path

import numpy as np
import pandas as pd
from side_by_side import (
    compare,
    data_folder,
    measure,
    print_side,
    read_column,
    run_python,
    run_r,
    why_no_r,
    write_results,
)

CONTACTS_PER_CUSTOMER = 10
COVARIATES = ("contacts", "handoffs")
SECONDS_PER_DAY = 86_400
UTC = "datetime64[us, UTC]"
# Sums over all rows, of times that R keeps as fractions of days.
TOLERANCE = {"R": 1e-9}


def make_tables(n: int) -> dict[str, np.ndarray]:
    """Spells of n customers and their contacts in order of time, in seconds."""
    random = np.random.default_rng(1)
    origin = random.integers(0, 730, n) * SECONDS_PER_DAY
    stop = origin + random.integers(30, 1500, n) * SECONDS_PER_DAY
    who = np.repeat(np.arange(n), CONTACTS_PER_CUSTOMER)
    opened = origin[who] + (random.random(len(who)) * (stop - origin)[who]).astype(np.int64)
    order = np.argsort(opened, kind="stable")
    who, opened = who[order], opened[order]
    return {
        "origin": origin,
        "stop": stop,
        "left": random.random(n) < 0.5,
        "who": who,
        "opened": opened,
        "solved": opened + random.integers(3600, 20 * SECONDS_PER_DAY, len(who)),
        "handoffs": random.integers(1, 4, len(who)),
    }


def as_times(seconds: np.ndarray) -> pd.Series:
    """Seconds as UTC times."""
    return pd.Series((seconds * 1e6).astype("datetime64[us]")).dt.tz_localize("UTC").astype(UTC)


def read_tables(folder: Path, *, coded: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spells and jumps of a scratch folder; ids of the jumps as codes (as in R) or as text."""
    names = ("origin", "stop", "left", "who", "opened", "solved", "handoffs")
    given = {name: read_column(folder, name) for name in names}
    ids = np.array([f"C{i:07d}" for i in range(len(given["origin"]))], dtype=object)
    left = given["left"] == 1
    origin = as_times(given["origin"])
    spells = pd.DataFrame(
        {
            "customer_id": pd.array(ids, dtype="string"),
            "spell_number": 1,
            "origin_at": origin,
            "entry_at": origin,
            "stop_at": as_times(given["stop"]),
            "event": left,
            "exit_cause": pd.array(np.where(left, "service", ""), dtype="string"),
        }
    )
    who, opened = given["who"].astype(np.int64), given["opened"]
    twice = np.tile(who, 2)
    owner = pd.Categorical.from_codes(twice, ids) if coded else pd.array(ids[twice], dtype="string")
    jumps = pd.DataFrame(
        {
            "customer_id": owner,
            "at": as_times(np.concatenate([opened, given["solved"]])),
            "since_at": as_times(np.tile(opened, 2)),
            "covariate": np.repeat(np.array(COVARIATES, dtype=object), len(who)),
            "change": np.concatenate([np.ones(len(who)), given["handoffs"]]),
        }
    )
    return spells, jumps


def run_loyaltylab(folder: Path, *, coded: bool) -> None:
    """split_at_jumps, from frames to a frame."""
    from loyaltylab.timeline import split_at_jumps

    spells, jumps = read_tables(folder, coded=coded)
    split_at_jumps(spells.iloc[:100], jumps.iloc[:1000])
    gc.collect()
    before = memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    result = split_at_jumps(spells, jumps).frame
    beyond = memory_mb("VmHWM") - before
    del result
    seconds, result = measure(lambda: split_at_jumps(spells, jumps).frame)
    # Sums over rows in their order: of each column, and of each weighted by the row's place.
    place = np.arange(len(result)) / len(result)
    sums = [
        float(weight @ result[name])
        for name in ("start", "stop", "event", *COVARIATES)
        for weight in (np.ones(len(result)), place)
    ]
    print_side(seconds, rows=len(result), sums=sums, beyond_input_mb=beyond)


def memory_mb(name: str) -> int:
    """Memory of this process as Linux counts it."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))


def bench(n: int, *, with_r: bool) -> list[dict[str, object]]:
    """One size, ids as codes and as text."""
    no_r = why_no_r() if with_r else "takes many minutes"
    lines = []
    with data_folder(make_tables(n)) as folder:
        other = no_r or run_r("timeline.R", folder)
        for side in ("coded", "text"):
            ours = run_python(__file__, side, folder)
            beyond = ours.pop("beyond_input_mb")
            work = f"timeline, ids as {'codes' if side == 'coded' else 'text'}"
            line = compare(work, {"customers": n}, ours, {"R": other}, tolerance=TOLERANCE)
            lines.append(line | {"rows_made": ours["rows"], "mb_beyond_input": beyond})
    return lines


def main() -> None:
    """Measure every size, or one side in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also 1,000,000 customers")
    parser.add_argument("--side", help="one side only, in this process")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.side:
        run_loyaltylab(chosen.folder, coded=chosen.side == "coded")
        return
    sizes = [10_000, 100_000, *([1_000_000] if chosen.large else [])]
    results = [bench(n, with_r=n <= 100_000) for n in sizes]
    for first, last in zip(results[0], results[-1], strict=True):
        ratio = last["cpu_seconds"]["loyaltylab"] / first["cpu_seconds"]["loyaltylab"]
        last["growth_exponent"] = round(math.log(ratio, sizes[-1] / sizes[0]), 2)
        print(f"    {last['work']}: grows as customers to the power {last['growth_exponent']}")
    write_results("timeline", [line for lines in results for line in lines])


if __name__ == "__main__":
    main()
