"""Cox regression on (start, stop] rows beside R coxph and lifelines.

python benchmarks/cox.py            # 100,000 rows
python benchmarks/cox.py --large    # also 1,000,000 rows, and lifelines on continuous times
"""

from __future__ import annotations

import argparse
from itertools import product
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

ROWS_PER_CUSTOMER = 10
# Coefficients and errors, in units of the error. lifelines stops its search earlier.
TOLERANCE = {"R": 1e-6, "lifelines": 1e-4}


def make_rows(n: int, p: int, ties: str) -> dict[str, np.ndarray]:
    """Customers with changing covariates, half of them entering late, until exit or the end."""
    random = np.random.default_rng(1)
    n_customers, each = int(n / ROWS_PER_CUSTOMER * 1.4), ROWS_PER_CUSTOMER
    x = random.normal(size=(n_customers, each, p))
    x[:, :, ::2] = x[:, :, ::2] > 0
    rate = 0.06 * np.exp(x @ np.linspace(-0.3, 0.3, p))
    time_to_exit = random.exponential(size=(n_customers, each)) / rate
    late = random.random(n_customers) * 24 * (random.random(n_customers) < 0.5)
    if ties == "monthly":
        late, gap = np.floor(late), np.ones((n_customers, each))
    else:
        gap = random.exponential(size=(n_customers, each)) + 1e-3
    event = time_to_exit < gap
    if ties == "continuous":
        gap = np.where(event, time_to_exit, gap)
    # R joins times that nearly tie; with four decimals none do so without being equal.
    late = np.round(late, 4)
    gap = np.round(gap, 4) if ties == "monthly" else np.maximum(np.round(gap, 4), 1e-4)
    stop = np.round(late[:, None] + np.cumsum(gap, axis=1), 4)
    start = np.concatenate([late[:, None], stop[:, :-1]], axis=1)
    is_there = np.cumsum(event, axis=1) - event == 0
    row = np.flatnonzero(is_there.ravel())[:n]
    assert len(row) == n
    columns = {"start": start.ravel()[row], "stop": stop.ravel()[row], "event": event.ravel()[row]}
    columns["customer"] = np.repeat(np.arange(n_customers), each)[row]
    for j in range(p):
        columns[f"x{j + 1}"] = x.reshape(-1, p)[row, j]
    return columns


def read_rows(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Rows of a scratch folder, and the names of the covariates."""
    names = sorted((f.stem for f in folder.glob("x*.f64")), key=lambda name: int(name[1:]))
    columns = ["start", "stop", "event", "customer", *names]
    return pd.DataFrame({name: read_column(folder, name) for name in columns}), names


def run_loyaltylab(folder: Path, *, clustered: bool) -> None:
    """The whole of fit_cox: checks of every row and covariate included."""
    from loyaltylab.survival import CoxFit, fit_cox

    rows, names = read_rows(folder)
    cluster = rows["customer"] if clustered else None
    start, stop, event, covariates = rows["start"], rows["stop"], rows["event"], rows[names]

    def fit() -> CoxFit:
        return fit_cox(start, stop, event, covariates, cluster=cluster)

    fit()  # loads what is compiled
    seconds, found = measure(fit)
    print_side(
        seconds, coefficient=found.coefficients.tolist(), error=found.standard_error.tolist()
    )


def run_lifelines(folder: Path) -> None:
    """CoxPHFitter with delayed entry."""
    import warnings

    from lifelines import CoxPHFitter

    rows, names = read_rows(folder)
    warnings.simplefilter("ignore")
    fitter = CoxPHFitter()
    options = {"duration_col": "stop", "event_col": "event", "entry_col": "start"}
    given = rows.drop(columns="customer")
    seconds, found = measure(lambda: fitter.fit(given, **options))
    print_side(
        seconds,
        coefficient=found.params_[names].tolist(),
        error=found.standard_errors_[names].tolist(),
    )


def bench(n: int, p: int, ties: str, *, large: bool) -> list[dict[str, object]]:
    """One size: the fit, and the fit with errors by customer."""
    columns = make_rows(n, p, ties)
    size = {"rows": n, "covariates": p, "events": int(columns["event"].sum())}
    no_r, slow = why_no_r(), "takes minutes; with --large at 100,000 rows and 6 covariates"
    lines, plain = [], 0.0
    with data_folder(columns) as folder:
        for clustered in (False, True):
            side = "clustered" if clustered else "loyaltylab"
            ours = run_python(__file__, side, folder)
            r_is_slow = clustered and (n > 100_000 or p > 6)
            why_not = no_r or ("takes minutes" if r_is_slow else None)
            others = {"R": why_not or run_r("cox.R", folder, str(p), side)}
            if not clustered and n <= 100_000:
                is_slow = ties == "continuous" and not (large and p == 6)
                others["lifelines"] = slow if is_slow else run_python(__file__, "lifelines", folder)
            work = f"cox {ties}{', errors by customer' if clustered else ''}"
            line = compare(work, size, ours, others, tolerance=TOLERANCE, scale="error")
            if clustered:
                line["times_the_fit"] = round(ours["seconds"] / plain, 2)
            plain = ours["seconds"]
            lines.append(line)
    return lines


def main() -> None:
    """Measure every size, or one side in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also 1,000,000 rows")
    parser.add_argument("--side", help="one side only, in this process")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.side == "lifelines":
        run_lifelines(chosen.folder)
    elif chosen.side:
        run_loyaltylab(chosen.folder, clustered=chosen.side == "clustered")
    else:
        sizes = [100_000, *([1_000_000] if chosen.large else [])]
        for n, p, ties in product(sizes, (6, 30), ("monthly", "continuous")):
            write_results("cox", bench(n, p, ties, large=chosen.large))


if __name__ == "__main__":
    main()
