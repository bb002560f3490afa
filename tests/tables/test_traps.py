"""Each trap of meaning: a case that is caught, and its clean neighbour that is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_tables import WINDOW_END, WINDOW_START, make_frame
from trap_customers import CLEAN, DAY, days_of, draw_contracts, left_of, search, with_customers

from loyaltylab.errors import TableError
from loyaltylab.params import SyntheticParameters
from loyaltylab.params.traps import STOPPING_TRAPS, TOLD_TRAPS
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.tables.trap_search import find_traps
from loyaltylab.tables.traps import Trap, audit_traps, explain_trap, stop_on_traps
from loyaltylab.tables.validation import validate

CONTRACTS = draw_contracts()
LONG = replace(CLEAN, window_start_at=WINDOW_END - pd.Timedelta(days=1000))


def draw() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(7))


# Clean ---------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(150, 400), months=st.floats(4, 40))
def test_customers_who_leave_at_a_steady_rate_are_no_trap(seed: int, n: int, months: float) -> None:
    contracts = draw_contracts(n, seed=seed, months=months)
    rng = np.random.Generator(np.random.PCG64([seed, 1]))  # not the draws behind the dates
    tables = with_customers(
        contracts,
        attribute_size=pd.Series(rng.choice(["small", "large"], n), index=range(2, n + 2)),
        attribute_age=pd.Series(rng.normal(50, 10, n), index=range(2, n + 2)),
    )
    assert search(tables) == {}


@pytest.mark.parametrize(("preset", "seed"), [("literature", 1), ("null", 2), ("streaming", 3)])
def test_the_synthetic_provider_has_no_trap(preset: str, seed: int) -> None:
    parameters = SyntheticParameters(n_customers=600, preset=preset, team_rollout="staggered")
    delivery = deliver(live_through(parameters, seed=seed, step_days=7))
    assert find_traps(validate(delivery), delivery.description) == ()


# Who is recorded -----------------------------------------------------------------------------


def test_a_list_of_current_customers_has_no_exits() -> None:
    found = search(with_customers(CONTRACTS[~left_of(CONTRACTS)]))
    assert found["no_exits"].count == int((~left_of(CONTRACTS)).sum())
    assert "list of current customers" in found["no_exits"].what


def test_exits_before_the_window_only_are_told_apart() -> None:
    contracts = CONTRACTS[~(CONTRACTS["ended_at"] > WINDOW_START)]
    found = search(with_customers(contracts))
    assert "every end lies before the window starts" in found["no_exits"].what


def test_a_list_of_cancellations_has_only_leavers() -> None:
    found = search(with_customers(CONTRACTS[left_of(CONTRACTS)]))
    assert set(found) == {"only_leavers"}
    assert found["only_leavers"].count == int(left_of(CONTRACTS).sum())


def test_a_snapshot_read_as_a_cohort_is_caught() -> None:
    # Whoever left before the window is not in the file, and yet risk is counted from joining.
    kept = CONTRACTS[~(CONTRACTS["ended_at"] <= WINDOW_START)]
    found = search(with_customers(kept), description=LONG)
    assert set(found) == {"exits_not_recorded_before"}
    assert "delayed entry" in found["exits_not_recorded_before"].rule
    # The same file is fine once risk is counted from where endings were recorded.
    assert search(with_customers(kept)) == {}


def test_observed_from_at_makes_a_snapshot_right() -> None:
    kept = CONTRACTS[~(CONTRACTS["ended_at"] <= WINDOW_START)]
    tables = with_customers(kept)
    tables["customers"]["observed_from_at"] = pd.Series(WINDOW_START, tables["customers"].index)
    assert search(tables, description=LONG) == {}


def test_a_minimum_term_is_no_quiet_start() -> None:
    # All join in the first months and nobody can leave in the first year.
    n = 400
    starts = WINDOW_END - pd.to_timedelta(draw().integers(900, 1000, n), unit="D")
    ends = pd.Series(starts + pd.to_timedelta(365 + draw().exponential(300, n), unit="D"))
    contracts = make_frame(
        "contracts",
        {
            "contract_id": [f"K{row}" for row in range(n)],
            "customer_id": [f"C{row}" for row in range(n)],
            "started_at": starts,
            "ended_at": ends.where(ends <= WINDOW_END),
        },
    )
    assert search(with_customers(contracts), description=LONG) == {}


# The axis of time ----------------------------------------------------------------------------


def test_exits_on_one_day() -> None:
    ended = CONTRACTS["ended_at"].where(~left_of(CONTRACTS), WINDOW_END)
    short = replace(CLEAN, window_start_at=WINDOW_END - pd.Timedelta(days=90))
    found = search(with_customers(CONTRACTS.assign(ended_at=ended)), description=short)
    assert set(found) == {"exits_on_one_day"}
    assert found["exits_on_one_day"].count == int(left_of(CONTRACTS).sum())
    # Watched for longer than a quarter, the same exits come far too late.
    found = search(with_customers(CONTRACTS.assign(ended_at=ended)), description=LONG)
    assert set(found) == {"exits_on_one_day", "exits_not_recorded_before"}


def test_starts_on_one_day() -> None:
    starts = CONTRACTS["started_at"].where(CONTRACTS["started_at"] > WINDOW_START, WINDOW_START)
    ended = CONTRACTS["ended_at"].where(CONTRACTS["ended_at"] > WINDOW_START)
    tables = with_customers(CONTRACTS.assign(started_at=starts, ended_at=ended))
    found = search(tables)
    assert set(found) == {"starts_on_one_day"}
    assert found["starts_on_one_day"].count == int((starts == WINDOW_START).sum())


@pytest.mark.parametrize("column", ["started_at", "ended_at"])
def test_dates_no_finer_than_a_month(column: str) -> None:
    # Ends move on and starts back to the first of a month, so that the order holds.
    move = 1 if column == "ended_at" else 0
    naive = CONTRACTS[column].dt.tz_localize(None).dt.to_period("M") + move
    moved = naive.dt.to_timestamp().dt.tz_localize("UTC").astype(CONTRACTS[column].dtype)
    moved = moved.where(~(moved > WINDOW_END)) if column == "ended_at" else moved
    found = search(with_customers(CONTRACTS.assign(**{column: moved})))
    assert set(found) == {"coarse_dates"}
    assert found["coarse_dates"].column == column


def test_contracts_without_length() -> None:
    tables = with_customers(CONTRACTS)
    assert "many_without_length" not in search(tables, set_aside={"no_time_at_risk": 10})
    found = search(tables, set_aside={"no_time_at_risk": 40})
    assert found["many_without_length"].count == 40


# Columns about customers ---------------------------------------------------------------------


def column(values: object) -> pd.Series:
    return pd.Series(values, index=range(2, len(CONTRACTS) + 2))


def test_a_column_filled_in_on_leaving() -> None:
    left = left_of(CONTRACTS)
    reasons = column(np.where(left & (draw().random(400) < 0.5), "price", None)).astype("string")
    found = search(with_customers(CONTRACTS, attribute_reason=reasons))
    assert set(found) == {"known_only_of_leavers"}
    assert found["known_only_of_leavers"].where == "customers.attribute_reason"
    assert found["known_only_of_leavers"].count == int(reasons.notna().sum())


def test_a_column_erased_on_leaving() -> None:
    left = left_of(CONTRACTS)
    size = column(np.where(left & (draw().random(400) < 0.5), None, "small")).astype("string")
    found = search(with_customers(CONTRACTS, attribute_size=size))
    assert set(found) == {"missing_by_outcome"}


def test_values_missing_at_random_are_no_trap() -> None:
    size = column(np.where(draw().random(400) < 0.3, None, "small")).astype("string")
    assert search(with_customers(CONTRACTS, attribute_size=size)) == {}


@pytest.mark.parametrize("kind", ["text", "number"])
def test_a_column_that_says_the_outcome_again(kind: str) -> None:
    left = left_of(CONTRACTS).copy()
    left[:1] = ~left[:1]  # one slip in 400 does not hide it
    status = column(np.where(left, "cancelled", "active")).astype("string")
    score = column(left * 3.0 + draw().normal(0, 0.2, 400))
    found = search(with_customers(CONTRACTS, attribute_status=status if kind == "text" else score))
    assert set(found) <= {"restates_exit", "separating_value"}
    assert found["restates_exit"].count == 400


def test_names_of_single_customers_say_nothing_again() -> None:
    # Every value fits one customer's outcome, but tells nothing of another's.
    names = column([f"name {row}" for row in range(400)]).astype("string")
    assert search(with_customers(CONTRACTS, attribute_name=names)) == {}


def test_a_value_with_which_all_left() -> None:
    left = left_of(CONTRACTS)
    group = np.where(left & (np.cumsum(left) <= 60), "special", "other")
    found = search(with_customers(CONTRACTS, attribute_group=column(group).astype("string")))
    assert set(found) == {"separating_value"}
    assert found["separating_value"].count == 60


def test_charges_so_far_grow_with_tenure() -> None:
    days, price = days_of(CONTRACTS), draw().uniform(20, 120, 400)
    tables = with_customers(
        CONTRACTS, attribute_price=column(price), attribute_total=column(price * days)
    )
    found = search(tables)
    assert set(found) == {"restates_follow_up"}
    assert found["restates_follow_up"].column == "attribute_total"
    unused = replace(CLEAN, attributes_not_for_models=("attribute_total",))
    assert search(tables, description=unused) == {}


def test_a_column_that_follows_from_the_start_was_known_then() -> None:
    joined = (CONTRACTS["started_at"] - WINDOW_START) / DAY
    assert search(with_customers(CONTRACTS, attribute_joined=column(joined.to_numpy()))) == {}


def test_dates_after_the_exit_and_as_of_the_extract() -> None:
    stop = CONTRACTS["ended_at"].fillna(WINDOW_END)
    last_seen = (stop + np.where(left_of(CONTRACTS), 3, -2) * DAY).dt.strftime("%Y-%m-%d")
    found = search(with_customers(CONTRACTS, attribute_last_seen=last_seen.astype("string")))
    assert {"dated_after_exit", "as_of_extract"} <= set(found)
    assert found["dated_after_exit"].count == int(left_of(CONTRACTS).sum())
    signed = CONTRACTS["started_at"].dt.strftime("%Y-%m-%d").astype("string")
    assert search(with_customers(CONTRACTS, attribute_signed=signed)) == {}


def test_what_a_mapping_says_of_when_an_attribute_was_known() -> None:
    declared = {
        "attribute_a": "size; known at an undeclared time",
        "attribute_b": "charges; known at the snapshot",
        "attribute_c": "segment; known at sign-up",
    }
    found = search(with_customers(CONTRACTS), description=replace(CLEAN, attributes=declared))
    assert found["undated_attribute"].column == "attribute_a"
    assert found["known_at_the_end"].column == "attribute_b"


# Rows ----------------------------------------------------------------------------------------


def contacts(n: int = 300) -> pd.DataFrame:
    """Contacts half-way through their customers' contracts."""
    owners = draw().integers(0, len(CONTRACTS), n)
    half = pd.to_timedelta(np.floor(days_of(CONTRACTS)[owners] / 2 * 86_400), unit="s")
    starts = pd.DatetimeIndex(CONTRACTS["started_at"].iloc[owners])
    return make_frame(
        "contacts",
        {
            "contact_id": [f"T{row}" for row in range(n)],
            "customer_id": [f"C{row}" for row in owners],
            "opened_at": starts + half + pd.to_timedelta(np.arange(n), unit="s"),
        },
    )


def test_an_export_appended_twice_under_new_numbers() -> None:
    once = contacts()
    again = once.assign(contact_id="again " + once["contact_id"])
    twice = pd.concat([once, again], ignore_index=True)
    tables = with_customers(CONTRACTS)
    assert search({**tables, "contacts": once}) == {}
    found = search({**tables, "contacts": twice})
    assert set(found) == {"appended_twice"}
    assert found["appended_twice"].count == 300


def test_a_few_repeated_rows_are_told() -> None:
    once = contacts()
    again = once.iloc[:10].assign(contact_id="again " + once["contact_id"])
    tables = {**with_customers(CONTRACTS), "contacts": pd.concat([once, again])}
    found = search(tables)
    assert set(found) == {"repeated_rows"}
    assert found["repeated_rows"].count == 10


def test_contracts_multiplied_by_a_join() -> None:
    # Each contract stands once per payment: person-time would be three times calendar time.
    copies = [CONTRACTS.assign(contract_id=CONTRACTS["contract_id"] + f"-{k}") for k in range(3)]
    found = search(with_customers(pd.concat(copies, ignore_index=True)))
    assert set(found) == {"repeated_rows", "parallel_contracts"}
    assert found["parallel_contracts"].count == len(CONTRACTS)


def test_contracts_one_after_the_other_are_not_side_by_side() -> None:
    left = CONTRACTS[left_of(CONTRACTS)]
    later = left.assign(
        contract_id="later " + left["contract_id"],
        started_at=left["ended_at"],
        ended_at=left["ended_at"].where(pd.Series(False, index=left.index)),
    )
    later = later[later["started_at"] < WINDOW_END]
    both = pd.concat([CONTRACTS, later], ignore_index=True)
    assert "parallel_contracts" not in search(with_customers(both))


def test_events_outside_the_contracts() -> None:
    late = contacts()
    is_moved = np.arange(len(late)) % 3 == 0
    late["opened_at"] = late["opened_at"].where(~is_moved, late["opened_at"] - 2000 * DAY)
    found = search({**with_customers(CONTRACTS), "contacts": late})
    assert set(found) == {"events_outside_contracts"}
    assert found["events_outside_contracts"].count == 100


def test_a_scale_that_changed() -> None:
    rated = contacts(900).sort_values("opened_at", ignore_index=True)
    five = draw().integers(0, 5, 900) / 4
    ten = draw().integers(0, 11, 900) / 10
    is_late = rated["opened_at"] >= rated["opened_at"].iloc[450]
    tables = with_customers(CONTRACTS)
    same = rated.assign(satisfaction_share=five, rated_at=rated["opened_at"])
    assert search({**tables, "contacts": same}) == {}
    changed = same.assign(satisfaction_share=np.where(is_late, ten, five))
    assert set(search({**tables, "contacts": changed})) == {"changed_scale"}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    days = days_of(CONTRACTS)
    copies = [CONTRACTS, CONTRACTS.assign(contract_id="again " + CONTRACTS["contract_id"])]
    tables = {
        **with_customers(pd.concat(copies, ignore_index=True)),
        "contacts": pd.concat([contacts(), contacts().assign(contact_id=[*map(str, range(300))])]),
    }
    tables["customers"]["attribute_total"] = pd.Series(days, index=tables["customers"].index)
    shuffled = {name: frame.sample(frac=1, random_state=seed) for name, frame in tables.items()}
    found = search(tables)
    assert {"appended_twice", "parallel_contracts", "restates_follow_up"} <= set(found)
    assert search(shuffled) == found


# What becomes of a trap ----------------------------------------------------------------------


def make_trap(name: str) -> Trap:
    return Trap(name, "contracts", "ended_at", 3, "What it is.", "what holds", "do this")


def test_a_trap_stops_unless_it_is_acknowledged() -> None:
    traps = [make_trap(name) for name in (*STOPPING_TRAPS, *TOLD_TRAPS)]
    with pytest.raises(TableError) as caught:
        stop_on_traps(traps)
    assert len(caught.value.problems) == len(STOPPING_TRAPS)
    assert "study.acknowledged_traps" in caught.value.problems[0]
    stop_on_traps(traps, acknowledged=tuple(STOPPING_TRAPS))
    stop_on_traps([make_trap(name) for name in TOLD_TRAPS])


def test_an_unknown_trap_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no trap"):
        make_trap("no_exit")


def test_a_trap_that_is_told_needs_no_acknowledgement() -> None:
    text = explain_trap(make_trap("coarse_dates"), count="<5")
    assert "(<5)" in text
    assert "acknowledged_traps" not in text


def test_the_audit_says_which_were_acknowledged() -> None:
    found = [make_trap("no_exits"), make_trap("coarse_dates")]
    audit = audit_traps(found, acknowledged=["no_exits"])
    assert [(line["is_stopping"], line["is_acknowledged"]) for line in audit] == [
        (True, True),
        (False, False),
    ]
