"""Ten million tickets from CSV to valid, pseudonymous tables, beside pandas merely reading them.

    python benchmarks/tickets.py                 # 100,000 tickets: seconds
    python benchmarks/tickets.py --large         # 10,000,000 tickets of 500,000 customers
    python benchmarks/tickets.py --rows 1000000  # any other size

The export is made from a fixed seed, in pieces: customers, contracts, and tickets with unique
numbers, times to the second, words, ratings, a subject in quotes that is not mapped, and a few rows
that break rules and are set aside. ``loyaltylab tables`` and ``pandas.read_csv`` of the same ticket
file then run one after the other, a process each. Seconds are wall time from start to exit; memory
is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from side_by_side import write_results

STUDY = Path(__file__).parent.parent
TICKETS_PER_CUSTOMER = 20
PIECE = 500_000
SHOW_SECONDS = 10
START, END = np.datetime64("2021-01-01", "s"), np.datetime64("2025-01-01", "s")
DAY = 86_400
WINDOW_DAYS = int((END - START) / np.timedelta64(1, "D"))
CHANNELS = ["Web form", "Phone", "Email", "Chat", "Shop"]
TOPICS = ["Invoice, refund", "Delivery", "Contract", "Login", "Fault", "Moving house", "Other"]
SUBJECTS = ["Nothing works", 'It says "error 7", again', "Where is it?", "Bill, once more", "Hello"]
EVERY = 100_003  # one such row in so many breaks a rule
MAPPING = {
    "label": "customers made for a benchmark",
    "window": {"start": "2021-01-01", "end": "2025-01-01"},
    "set_aside": [
        "unreadable_value", "missing_value", "invalid_value", "duplicate_key", "orphan",
        "wrong_order",
    ],
    "tables": {
        "customers": {
            "file": "customers.csv",
            "columns": {"customer_id": "customer", "segment": "segment", "site": "site"},
        },
        "contracts": {
            "file": "contracts.csv",
            "columns": {
                "contract_id": "contract", "customer_id": "customer", "started_at": "start",
                "ended_at": "end", "price_eur": "price",
            },
        },
        "contacts": {
            "file": "tickets.csv",
            "time_zone": "Europe/Amsterdam",
            "clock_changes": "before",
            "columns": {
                "contact_id": "ticket", "customer_id": "customer", "opened_at": "opened",
                "first_replied_at": "replied", "resolved_at": "solved",
                "channel": {
                    "from": "channel",
                    "values": dict(
                        zip(CHANNELS, ["web", "phone", "email", "chat", "shop"], strict=True)
                    ),
                },
                "topic": "topic", "wait_minutes": "wait", "handoffs": "moves",
                "reopens": "reopened",
                "satisfaction_share": {
                    "from": "stars", "values": {str(s): str((s - 1) / 4) for s in range(1, 6)},
                },
                "agent": "agent",
            },
        },
    },
}  # fmt: skip


def written(seconds: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Seconds since the start of the window as 2021-03-04 05:06:07; empty where not known."""
    times = pa.array(START + seconds.astype("timedelta64[s]"))
    text = pa.compute.strftime(times, format="%Y-%m-%d %H:%M:%S")
    return text if known is None else pa.compute.if_else(pa.array(known), text, "")


def words(values: list[str], picks: np.ndarray) -> pa.Array:
    """Some of a few words."""
    return pa.array(values).take(pa.array(picks))


def numbered(letter: str, numbers: np.ndarray, digits: int) -> pa.Array:
    """Identifiers such as C0000012."""
    plain = pa.compute.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pa.compute.binary_join_element_wise(letter, plain, "")


def make_customers(n: int) -> dict[str, pa.Table]:
    """Customers, and a contract each that began before or in the window and may have ended."""
    random = np.random.default_rng(1)
    who = numbered("C", np.arange(n), 8)
    start = random.integers(-700, WINDOW_DAYS - 60, n) * DAY
    end = start + random.integers(30, 3000, n) * DAY
    price = pa.array(np.round(random.uniform(9, 60, n), 2)).cast(pa.string())
    return {
        "customers": pa.table(
            {
                "customer": who,
                "segment": words(["consumer", "business"], random.integers(0, 2, n)),
                "site": words([f"site {i}" for i in range(12)], random.integers(0, 12, n)),
            }
        ),
        "contracts": pa.table(
            {
                "contract": numbered("K", np.arange(n), 8),
                "customer": who,
                "start": written(start),
                "end": written(end, end < WINDOW_DAYS * DAY),
                "price": price,
            }
        ),
    }


def make_tickets(first: int, n: int, n_customers: int) -> pa.Table:
    """One piece of the tickets, some of which break a rule."""
    random = np.random.default_rng([2, first])
    number = first + np.arange(n)
    fault = np.where(number % EVERY == 7, number // EVERY % 5, -1)
    opened = random.integers(0, (WINDOW_DAYS - 30) * DAY, n)
    # An hour at least: a time that summer time skips is read with the offset before.
    replied = opened + random.integers(3600, 5 * DAY, n)
    solved = np.where(fault == 1, opened - DAY, opened + random.integers(3600, 20 * DAY, n))
    customer = np.where(fault == 2, n_customers + 5, random.integers(0, n_customers, n))
    return pa.table(
        {
            "ticket": numbered("T", np.where(fault == 3, 0, number), 9),
            "customer": numbered("C", customer, 8),
            "opened": pa.compute.if_else(
                pa.array(fault == 0), "31/31/2022", written(opened, fault != 4)
            ),
            "replied": written(replied, random.random(n) < 0.95),
            "solved": written(solved, (random.random(n) < 0.9) | (fault == 1)),
            "channel": words(CHANNELS, random.integers(0, 5, n)),
            "topic": words(TOPICS, random.integers(0, 7, n)),
            "wait": pa.array(np.round(random.exponential(12, n), 1)).cast(pa.string()),
            "moves": pa.array(random.poisson(0.4, n)),
            "reopened": pa.array(random.poisson(0.1, n)),
            "stars": words(["", "", "1", "2", "3", "4", "5"], random.integers(0, 7, n)),
            "agent": numbered("A", random.integers(0, 900, n), 4),
            "subject": words(SUBJECTS, random.integers(0, 5, n)),
        }
    )


def write_export(folder: Path, n: int, n_customers: int) -> None:
    """The study's folder: parameters, mapping, and the three files."""
    for name in ("notebooks", "params.yaml"):
        (folder / name).symlink_to(STUDY / name)
    parameters = (STUDY / "params.yaml").read_text("utf-8")
    (folder / "params.yaml").unlink()
    parameters = re.sub(r"(?m)^  kind: \S+", "  kind: delimited", parameters, count=1)
    parameters = re.sub(r"(?m)^  mapping: \S+", "  mapping: study.yaml", parameters, count=1)
    (folder / "params.yaml").write_text(parameters, "utf-8")
    (folder / "study.yaml").write_text(json.dumps(MAPPING), "utf-8")
    needed = pa_csv.WriteOptions(quoting_style="needed")
    for name, table in make_customers(n_customers).items():
        pa_csv.write_csv(table, folder / f"{name}.csv", needed)
    with (folder / "tickets.csv").open("wb") as file:
        for first in range(0, n, PIECE):
            piece = make_tickets(first, min(PIECE, n - first), n_customers)
            header = pa_csv.WriteOptions(quoting_style="needed", include_header=first == 0)
            pa_csv.write_csv(piece, file, header)
            done = first + len(piece)
            print(f"    written {done:,} of {n:,} tickets", file=sys.stderr, flush=True)


def run(command: list[str], name: str) -> dict[str, Any]:
    """Run a command; its seconds, peak memory and processor time."""
    began, shown = time.perf_counter(), 0.0
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(STUDY / "src")})
    for _ in watch(process.pid):
        if time.perf_counter() - began > shown + SHOW_SECONDS:
            shown = time.perf_counter() - began
            print(f"    {name}: {shown:.0f} s", file=sys.stderr, flush=True)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} stopped with {process.returncode}")
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def watch(pid: int) -> Iterator[None]:
    """Every moment while a process runs; it is left for ``wait4``."""
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        yield
        time.sleep(0.05)


def bench(n: int, folder: Path) -> dict[str, Any]:
    """One size: ours, and pandas on the ticket file alone."""
    n_customers = max(n // TICKETS_PER_CUSTOMER, 1000)
    write_export(folder, n, n_customers)
    tickets = folder / "tickets.csv"
    code = f"import pandas; pandas.read_csv({str(tickets)!r})"
    plain = run([sys.executable, "-c", code], "pandas.read_csv")
    command = [sys.executable, "-m", "loyaltylab", "tables", "--root", str(folder)]
    ours = run(command, "loyaltylab tables")
    kept = check(folder, n)
    return {
        "work": "tables from a CSV export of tickets",
        "rows": n,
        "customers": n_customers,
        "file_mb": round(tickets.stat().st_size / 2**20),
        "loyaltylab": ours,
        "pandas_read_csv": plain,
        "times_the_seconds": round(ours["seconds"] / plain["seconds"], 2),
        "times_the_memory": round(ours["peak_mb"] / plain["peak_mb"], 2),
        "rows_kept": kept,
    }


def check(folder: Path, n: int) -> int:
    """What came out is what went in, less the rows that break a rule; else no figure counts."""
    contacts = pd.read_parquet(folder / "data" / "tables" / "contacts.parquet")
    faults = np.flatnonzero(np.arange(n) % EVERY == 7) // EVERY % 5
    # The first ticket's number stands again in every row of fault 3, so it goes with them.
    expected = n - len(faults) - bool((faults == 3).any())
    assert len(contacts) == expected, f"{len(contacts):,} rows kept, not {expected:,}"
    assert contacts["contact_id"].is_unique
    assert contacts["contact_id"].str.len().eq(20).all()
    return len(contacts)


def main() -> None:
    """Measure one size, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", action="store_true", help="10,000,000 tickets")
    parser.add_argument("--rows", type=int, help="another number of tickets")
    parser.add_argument("--keep", type=Path, help="make the export in this new folder and keep it")
    chosen = parser.parse_args()
    n = chosen.rows or (10_000_000 if chosen.large else 100_000)
    if chosen.keep:
        chosen.keep.mkdir(parents=True)
        line = bench(n, chosen.keep)
    else:
        with TemporaryDirectory(prefix="loyaltylab-bench-") as name:
            line = bench(n, Path(name))
    for name in ("loyaltylab", "pandas_read_csv"):
        side = line[name]
        print(f"{name:<16} {side['seconds']:8.1f} s {side['peak_mb']:8,} MB")
    print(f"{n:,} tickets: {line['times_the_seconds']} times the seconds, "
          f"{line['times_the_memory']} times the memory of pandas.read_csv")  # fmt: skip
    write_results("tickets", [line])


if __name__ == "__main__":
    main()
