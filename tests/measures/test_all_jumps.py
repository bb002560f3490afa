"""Every measure at once."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pytest
from event_tables import MEMORY_DAYS, table

from loyaltylab.measures import CARRIED, all_jumps, describe_covariates, service_history


def tables() -> dict[str, pd.DataFrame]:
    """One row per table, rich enough for every covariate to jump."""
    lines = {
        "customers": {"customer_id": "a", "segment": "consumer"},
        "contracts": {"contract_id": "k", "customer_id": "a", "started_at": 0},
        "contacts": {
            "contact_id": "t",
            "customer_id": "a",
            "opened_at": 1,
            "resolved_at": 2,
            "handoffs": 1,
            "promise_due_at": 3,
            "is_promise_kept": False,
            "satisfaction_share": 0.25,
            "rated_at": 3,
        },
        "requests": {
            "request_id": "r",
            "customer_id": "a",
            "requested_at": 1,
            "decided_at": 2,
            "outcome": "denied",
        },
        "incidents": {
            "incident_id": "i",
            "customer_id": "a",
            "occurred_at": 4,
            "kind": "failure",
        },
        "vouchers": {
            "voucher_id": "v",
            "customer_id": "a",
            "compensation_id": "p",
            "issued_at": 5,
            "expires_at": 9,
        },
        "cancellation_journey": {
            "attempt_id": "A",
            "customer_id": "a",
            "step_number": 1,
            "stepped_at": 8,
            "step": "abandoned",
            "channel": "phone",
            "is_abandoned": True,
        },
        "policies": {
            "policy_id": "y",
            "policy": "cancellation_friction",
            "value": 0.5,
            "effective_at": 0,
        },
    }
    return {name: table(name, [line]) for name, line in lines.items()}


REQUIRED = ("customers", "contracts")
OPTIONAL = tuple(name for name in tables() if name not in REQUIRED)


def test_every_covariate_jumps_and_is_described() -> None:
    jumps = all_jumps(tables(), memory_days=MEMORY_DAYS, with_history=True)
    meanings = describe_covariates(MEMORY_DAYS)
    assert set(jumps["covariate"]) == set(meanings)
    assert set(CARRIED) <= set(meanings)
    assert meanings["recent_contacts"] == "contacts in the last 30 days"
    assert not any("{" in text for text in meanings.values())


def test_the_history_is_left_out_unless_asked_for() -> None:
    jumps = all_jumps(tables(), memory_days=MEMORY_DAYS)
    full = all_jumps(tables(), memory_days=MEMORY_DAYS, with_history=True)
    assert set(full["covariate"]) - set(jumps["covariate"]) == set(service_history.MEANINGS)
    pdt.assert_frame_equal(full.head(len(jumps)), jumps)


def test_what_is_taken_back_was_given() -> None:
    # All but the rule in force and the case solved end at 0 again.
    jumps = all_jumps(tables(), memory_days=MEMORY_DAYS)
    totals = jumps.groupby("covariate")["change"].sum()
    assert totals[totals != 0].to_dict() == {"cancellation_friction": 0.5}
    assert (jumps["at"] >= jumps["since_at"]).all()


@pytest.mark.parametrize("absent", OPTIONAL)
def test_a_missing_table_takes_only_its_own_covariates(absent: str) -> None:
    full = all_jumps(tables(), memory_days=MEMORY_DAYS)
    rest = all_jumps(
        {name: frame for name, frame in tables().items() if name != absent},
        memory_days=MEMORY_DAYS,
    )
    kept = full[full["covariate"].isin(set(rest["covariate"]))]
    assert len(rest) < len(full)
    pdt.assert_frame_equal(rest, kept.reset_index(drop=True))


@pytest.mark.parametrize("is_empty", [True, False])
def test_no_events_make_an_empty_frame_of_the_same_types(is_empty: bool) -> None:
    given = {name: tables()[name] for name in REQUIRED}
    if is_empty:
        given |= {name: table(name, []) for name in OPTIONAL}
    jumps, some = (all_jumps(t, memory_days=MEMORY_DAYS) for t in (given, tables()))
    assert len(jumps) == 0
    assert list(jumps) == list(some)
    assert jumps.dtypes[["at", "since_at", "change"]].equals(
        some.dtypes[["at", "since_at", "change"]]
    )


def test_tables_are_left_alone() -> None:
    given, copy = tables(), tables()
    all_jumps(given, memory_days=MEMORY_DAYS)
    for name, frame in given.items():
        pdt.assert_frame_equal(frame, copy[name])
