"""From the provider's records to the tables it delivers, as frames and as a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.sources.synthetic.calendar import NOT_A_TIME
from loyaltylab.sources.synthetic.erasure import erase_leavers
from loyaltylab.sources.synthetic.journal import Column
from loyaltylab.sources.synthetic.points import book_points
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import (
    NOBODY,
    RING_STEPS,
    SEGMENTS,
    count_direct_debits,
)
from loyaltylab.tables.schemas import COUNT, ID_COLUMNS, TABLES, TEXT, TIMESTAMP

ID_LETTERS = {
    "customer_id": "C",
    "neighbour_id": "C",
    "contract_id": "K",
    "contact_id": "T",
    "request_id": "R",
    "incident_id": "I",
    "outreach_id": "O",
    "offer_id": "F",
    "payment_event_id": "M",
    "booking_id": "B",
    "survey_id": "S",
    "post_id": "U",
    "compensation_id": "P",
    "voucher_id": "V",
    "attempt_id": "A",
    "policy_id": "Y",
    "promotion_id": "N",
}
# What a team is called in the policies, by what it is for.
TEAM_POLICIES = {
    "all": "integrated_team",
    "promotions": "promotion_department",
    "incidents": "incident_department",
}
# Table -> the instant that dates a row; rows from before the window were never recorded.
EVENT_TIMES = {
    "contacts": "opened_at",
    "requests": "requested_at",
    "incidents": "occurred_at",
    "outreach": "sent_at",
    "offers": "offered_at",
    "payment_events": "occurred_at",
    "surveys": "invited_at",
    "public_posts": "posted_at",
    "compensations": "offered_at",
    "vouchers": "issued_at",
    "cancellation_journey": "stepped_at",
    "exits": "service_end_at",
}


def deliver_frames(run: Run, *, prefix: str = "") -> dict[str, pd.DataFrame]:
    """Every table of the provider, in the layout of ``tables.schemas``; index from 1.

    ``prefix`` goes before the number of every identifier.
    """
    columns = {
        "customers": _customers(run),
        "contracts": _with_own_id(run, "contracts"),
        **{table: _events(run, table) for table in EVENT_TIMES},
        "points_ledger": book_points(run),
        "policies": _policies(run),
        "rival_promotions": _rival_promotions(run),
        "links": _links(run),
    }
    frames = {table: _frame(table, columns.pop(table), prefix=prefix) for table in TABLES}
    return erase_leavers(frames, parameters=run.parameters)


def hash_frames(frames: Mapping[str, pd.DataFrame]) -> str:
    """SHA-256 of every cell, independent of how any library prints or stores a frame."""
    digest = hashlib.sha256()
    for table, frame in frames.items():
        for name in frame:
            values = frame[name]
            digest.update(f"{table}.{name}:{values.dtype}:{len(values)}\n".encode())
            digest.update(_cell_bytes(values))
    return digest.hexdigest()


def _cell_bytes(values: pd.Series[Any]) -> bytes:
    if str(values.dtype) == TEXT:
        return "\x1f".join(values.fillna("").tolist()).encode()
    if str(values.dtype) == TIMESTAMP:
        stamps = values.dt.tz_localize(None).to_numpy("datetime64[us]")
        return bytes(stamps.astype("<i8").tobytes())
    return bytes(values.astype("Float64").to_numpy("<f8", na_value=np.nan).tobytes())


def _with_own_id(run: Run, table: str) -> dict[str, Column]:
    columns = run.journal.columns(table)
    if not columns:
        return {}
    own_id = TABLES[table].key[0]
    count = len(next(iter(columns.values())))
    return columns if own_id in columns else {own_id: np.arange(count), **columns}


def _events(run: Run, table: str) -> dict[str, Column]:
    """Rows within the window, in order of time, then customer."""
    columns = _with_own_id(run, table)
    if not columns:
        return {}
    at = columns[EVENT_TIMES[table]]
    order = np.lexsort((columns.get("step_number", at), columns["customer_id"], at))
    order = order[at[order] >= run.calendar.window_start_us]
    return {name: values[order] for name, values in columns.items()}


def _customers(run: Run) -> dict[str, Column]:
    traits = run.traits
    start = run.calendar.instant(traits.start)
    columns: dict[str, Column] = {
        "customer_id": np.arange(len(traits.site)),
        "observed_from_at": np.maximum(start, run.calendar.window_start_us),
        "segment": np.array(SEGMENTS)[traits.is_consumer.astype(np.int64)],
        "site": np.array([site_name(place) for place in traits.site]),
        "direct_debits": count_direct_debits(traits.switching_cost),
    }
    if run.parameters.k_censor:
        gone = run.milestones.days["migrated"]
        until = run.calendar.instant(np.where(np.isinf(gone), 0, gone))
        columns["observed_until_at"] = np.where(np.isinf(gone), NOT_A_TIME, until)
    has_joined = run.state.has_joined
    return {name: values[has_joined] for name, values in columns.items()}


def _policies(run: Run) -> dict[str, Column]:
    """Rules in force when the window starts, the reform, and the team's start at each site."""
    calendar, parameters = run.calendar, run.parameters
    before = {
        "cancellation_friction": parameters.friction_pre,
        "tacit_renewal_months": parameters.first_term_months,
    }
    after = {"cancellation_friction": parameters.friction_post, "tacit_renewal_months": 0.0}
    start = calendar.window_start_us
    initial = {"consumer": before if calendar.reform > 0 else after, "business": before}
    rows = [
        (policy, segment, value, start, NOT_A_TIME)
        for segment, rules in initial.items()
        for policy, value in rules.items()
    ]
    if 0 < calendar.reform < calendar.n_days:
        at, announced = calendar.instant([calendar.reform, calendar.reform_announced]).tolist()
        rows += [(policy, "consumer", value, at, announced) for policy, value in after.items()]
    names = ("policy", "segment", "value", "effective_at", "announced_at")
    columns = dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))
    teams = _team_starts(run)
    n_teams = len(next(iter(teams.values()), ()))
    if n_teams:
        columns = {name: np.concatenate([columns[name], teams[name]]) for name in names}
        columns["site"] = np.concatenate([np.full(len(rows), ""), teams["site"]])
    return {"policy_id": np.arange(len(rows) + n_teams), **columns}


def _team_starts(run: Run) -> dict[str, Column]:
    """No team anywhere when the window starts, then its start site by site; nothing without one."""
    day = np.maximum(run.team_start, 0)
    sites = np.flatnonzero(day < run.calendar.n_days)
    if not sites.size:
        return {}
    sites = sites[np.argsort(day[sites], kind="stable")]
    n_rows = 1 + sites.size
    return {
        "policy": np.full(n_rows, TEAM_POLICIES[run.parameters.team_tasks]),
        "segment": np.full(n_rows, ""),
        "site": np.concatenate([[""], [site_name(place) for place in sites.tolist()]]),
        "value": np.concatenate([[0.0], np.ones(sites.size)]),
        "effective_at": np.concatenate(
            [[run.calendar.window_start_us], run.calendar.instant(day[sites])]
        ),
        "announced_at": np.full(n_rows, NOT_A_TIME),
    }


def site_name(place: int) -> str:
    """Name of a site in the tables."""
    return f"site {place + 1:02d}"


def _rival_promotions(run: Run) -> dict[str, Column]:
    """The rivals' campaigns that reach into the window, as the trade press tells of them."""
    calendar = run.calendar
    seen = [
        (start, end) for start, end in calendar.rival_promotions
        if end > 0 and start < calendar.n_days
    ]  # fmt: skip
    starts, ends = (calendar.instant([pair[at] for pair in seen]) for at in (0, 1))
    return {"promotion_id": np.arange(len(seen)), "starts_at": starts, "ends_at": ends}


def _links(run: Run) -> dict[str, Column]:
    neighbours = run.traits.neighbours
    customers = np.repeat(np.arange(len(neighbours)), len(RING_STEPS))
    others = neighbours.ravel()
    has_joined = run.state.has_joined
    is_tie = (others != NOBODY) & has_joined[customers] & has_joined[others]
    customers, others = customers[is_tie], others[is_tie]
    order = np.lexsort((others, customers))
    return {
        "customer_id": customers[order],
        "neighbour_id": others[order],
        "kind": np.full(order.size, "neighbour"),
    }


def _frame(table: str, columns: Mapping[str, Column], *, prefix: str) -> pd.DataFrame:
    schema = TABLES[table].schema
    names = [name for name in schema.columns if name in columns or not columns]
    names = [name for name in names if not schema.columns[name].regex]
    typed = {}
    for name in names:
        values, dtype = columns.get(name, np.array([])), str(schema.columns[name].dtype)
        is_id = name in ID_COLUMNS
        typed[name] = (
            _ids(name, values, prefix=prefix) if is_id else _typed(name, values, dtype=dtype)
        )
    frame = pd.DataFrame(typed)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _ids(name: str, values: Column, *, prefix: str) -> pd.Series[Any]:
    start = ID_LETTERS[name] + prefix
    return pd.Series([f"{start}{number + 1:06d}" for number in values.tolist()], dtype=TEXT)


def _typed(name: str, values: Column, *, dtype: str) -> pd.Series[Any]:
    if name == "agent":
        labels = [f"agent {number + 1:04d}" if number != NOBODY else "" for number in values]
        return pd.Series(labels, dtype=TEXT).replace("", pd.NA)
    if dtype == TIMESTAMP:
        stamps = np.asarray(values, dtype=np.int64).view("datetime64[us]")
        return pd.Series(stamps).dt.tz_localize("UTC")
    if dtype == TEXT or dtype.startswith("string"):
        return pd.Series(values.tolist(), dtype=TEXT).replace("", pd.NA)
    if dtype == COUNT:
        return pd.Series(np.asarray(values, dtype=np.int64)).astype(COUNT)
    return pd.Series(np.asarray(values, dtype=np.float64)).astype(dtype)
