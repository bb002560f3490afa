"""Curves and restricted means beside R survfit and lifelines.

python benchmarks/curves.py            # 10,000 and 100,000 customers
python benchmarks/curves.py --large    # also 1,000,000 customers
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
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

CAUSES = np.array(["", "life event", "price", "service"], dtype=object)
HORIZON = 500.0
ASKED = np.array([50.0, 100.0, 200.0, 400.0, 600.0])  # days at which curves are compared
TOLERANCE = {"R": 1e-6, "lifelines": 1e-6}
WORKS = ("kaplan-meier", "aalen-johansen", "restricted mean")
# The errors of R's multi-state curves take a matrix of customers by times.
MOST_IN_R = {"aalen-johansen": 10_000}


def make_customers(n: int, times: str) -> dict[str, np.ndarray]:
    """Customers, 40 % entering late, who leave by three causes or are censored."""
    random = np.random.default_rng(1)
    start = random.random(n) * 300 * (random.random(n) < 0.4)
    exit_at = start + random.exponential(400, n)
    end = start + random.random(n) * 800 + 1
    stop, left = np.minimum(exit_at, end), exit_at <= end
    if times == "days":
        start = np.floor(start)
        stop = np.maximum(np.ceil(stop), start + 1)
    return {"start": start, "stop": stop, "cause": left * random.integers(1, 4, n)}


def run_side(folder: Path, work: str, side: str) -> None:
    """One work by loyaltylab, or its like in lifelines."""
    start, stop, cause = (read_column(folder, name) for name in ("start", "stop", "cause"))
    run = works_of_lifelines if side == "lifelines" else works_of_loyaltylab
    do, answer = run(start, stop, cause.astype(np.int64))[work]
    seconds, found = measure(do)
    print_side(seconds, **answer(found))


def works_of_loyaltylab(
    start: np.ndarray, stop: np.ndarray, cause: np.ndarray
) -> dict[str, tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]]:
    """What to do and what to report of it."""
    from loyaltylab.survival import (
        cumulative_incidence,
        kaplan_meier,
        restricted_mean_retention_time,
    )

    event, named = cause > 0, CAUSES[cause]
    kaplan_meier(start, stop, event)

    def read_incidence(curve: Any) -> dict[str, Any]:
        read = [curve.at(ASKED, str(name)) for name in CAUSES[1:]]
        return {
            "curve": np.concatenate([one["incidence"] for one in read]).tolist(),
            "error": np.concatenate([one["standard_error"] for one in read]).tolist(),
        }

    return {
        "kaplan-meier": (
            lambda: kaplan_meier(start, stop, event),
            lambda curve: {
                "curve": curve.at(ASKED)["retention"].tolist(),
                "error": curve.at(ASKED)["standard_error"].tolist(),
            },
        ),
        "aalen-johansen": (lambda: cumulative_incidence(start, stop, named), read_incidence),
        "restricted mean": (
            lambda: restricted_mean_retention_time(start, stop, event, horizon=HORIZON),
            lambda mean: {"curve": [mean.value], "error": [mean.standard_error]},
        ),
        "sort": (lambda: np.argsort(stop, kind="stable"), lambda _: {}),
    }


def works_of_lifelines(
    start: np.ndarray, stop: np.ndarray, cause: np.ndarray
) -> dict[str, tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]]:
    """lifelines has Kaplan-Meier with delayed entry; its errors are not given by the fit."""
    from lifelines import KaplanMeierFitter

    fitter = KaplanMeierFitter()
    return {
        "kaplan-meier": (
            lambda: fitter.fit(stop, cause > 0, entry=start),
            lambda curve: {"curve": curve.survival_function_at_times(ASKED).tolist()},
        )
    }


def bench(n: int, times: str, work: str) -> dict[str, object]:
    """One size and work."""
    with data_folder(make_customers(n, times)) as folder:
        ours = run_python(__file__, "loyaltylab", folder, "--work", work)
        sort = run_python(__file__, "loyaltylab", folder, "--work", "sort")["seconds"]
        is_slow = n > MOST_IN_R.get(work, n)
        slow = "takes hours: quadratic in the number of times" if is_slow else None
        others = {"R": why_no_r() or slow or run_r("curves.R", folder, work, str(HORIZON))}
        if work == "kaplan-meier":
            others["lifelines"] = run_python(__file__, "lifelines", folder, "--work", work)
    line = compare(f"{work}, {times}", {"customers": n}, ours, others, tolerance=TOLERANCE)
    return line | {"times_one_sort": round(ours["seconds"] / sort, 2)}


def main() -> None:
    """Measure every size, or one side in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also 1,000,000 customers")
    parser.add_argument("--side", help="one side only, in this process")
    parser.add_argument("--work")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.side:
        run_side(chosen.folder, chosen.work, chosen.side)
        return
    sizes = [10_000, 100_000, *([1_000_000] if chosen.large else [])]
    lines = [bench(*case) for case in product(sizes, ("days", "continuous"), WORKS)]
    write_results("curves", lines)


if __name__ == "__main__":
    main()
