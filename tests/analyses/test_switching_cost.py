"""Exits and contacts by the cost of switching: rows by hand, the rest on a simulated provider."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.exit_reform import reform_of
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.analyses.switching_cost import (
    HIGH,
    LOW,
    analyse_switching,
    check_contacts,
    exits_of,
    recurrent_rows,
    switching_cohort,
)
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival import Estimate

LEVEL = 0.95
ZERO = pd.Timestamp("2020-01-01", tz="UTC").as_unit("us")


def day(number: float) -> pd.Timestamp:
    return ZERO + pd.Timedelta(days=number)


def test_rows_end_at_contacts_and_at_the_exit() -> None:
    """a: contacts on days 2 and 5, gone on day 8; that of day -1 is before, of day 9 after.
    b: none, and still there."""
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "index_at": ZERO,
            "stop": [8.0, 4.0],
            "event": [True, False],
        }
    )
    contacts = pd.DataFrame(
        {"customer_id": "a", "opened_at": [day(5), day(2), day(2), day(-1), day(9)]}
    )
    rows = recurrent_rows(frame, contacts)
    assert rows[["customer_id", "start", "stop"]].values.tolist() == [
        ["a", 0.0, 2.0],
        ["a", 2.0, 5.0],
        ["a", 5.0, 8.0],
        ["b", 0.0, 4.0],
    ]
    assert rows["is_contact"].tolist() == [True, True, False, False]
    assert rows["is_exit"].tolist() == [False, False, True, False]


@pytest.mark.parametrize(("lower", "status"), [(0.01, "passed"), (-0.01, "failed")])
def test_contacts_must_rise_as_well(lower: float, status: str) -> None:
    contacts = Estimate(0.1, 0.05, lower, 0.2, LEVEL, 900, 400, "events per customer", "m")
    assert check_contacts(contacts).status == status


def with_debits(data: StudyData, debits: pd.Series) -> StudyData:
    customers = data.tables["customers"].assign(direct_debits=debits)
    return replace(data, tables={**data.tables, "customers": customers})


def test_groups_are_three_or_more_against_one_or_none(small_study: StudyData) -> None:
    customers = small_study.tables["customers"]
    debits = pd.Series(np.arange(len(customers)) % 5, index=customers.index, dtype="Int64")
    data = with_debits(small_study, debits)
    frame = switching_cohort(data).frame
    known = frame["customer_id"].map(dict(zip(customers["customer_id"], debits, strict=True)))
    groups = frame.groupby(known.astype(int))["switching"].unique()
    assert {k: list(v) for k, v in groups.items()} == {
        0: [LOW], 1: [LOW], 2: [""], 3: [HIGH], 4: [HIGH],
    }  # fmt: skip
    # Time zero is a bad rating, and the first one.
    contacts = small_study.tables["contacts"]
    bad = contacts[contacts["satisfaction_share"] == 0]
    first = bad.groupby("customer_id")["rated_at"].min()
    within = frame["customer_id"].map(first)
    assert (frame["index_at"] >= within).all()
    assert (frame["index_at"] == within).mean() > 0.9


def test_exits_contacts_and_periods_come_together(small_study: StudyData) -> None:
    found = analyse_switching(
        small_study, reform_of(small_study), horizon_months=12, confidence_level=LEVEL
    )
    kept = found.analysis.contrast.retention_differences[12 * 30.4375]
    assert found.exits == exits_of(found.analysis.contrast, horizon_months=12)
    assert found.exits.value == -kept.value
    assert (found.exits.ci_lower, found.exits.ci_upper) == (-kept.ci_upper, -kept.ci_lower)
    assert found.contacts.unit == "events per customer"
    assert set(found.by_reform) <= {"before the reform", "after the reform"}


def test_contacts_that_rise_with_the_cost_are_found(small_study: StudyData) -> None:
    """Two more contacts for everybody with a high cost, a day and two after the rating."""
    frame = switching_cohort(small_study).frame
    high = frame[frame["switching"] == HIGH]
    more = [
        pd.DataFrame(
            {"customer_id": high["customer_id"], "opened_at": high["index_at"] + pd.Timedelta(d)}
        )
        for d in ("1D", "2D")
    ]
    contacts = pd.concat([small_study.tables["contacts"], *more], ignore_index=True)
    plain = analyse_switching(small_study, reform_of(small_study), horizon_months=6)
    data = replace(small_study, tables={**small_study.tables, "contacts": contacts})
    found = analyse_switching(data, reform_of(data), horizon_months=6)
    assert found.contacts.value - plain.contacts.value == pytest.approx(2, abs=0.05)
    assert found.both_signs.status == "passed"


def test_without_direct_debits_it_is_not_estimable(small_study: StudyData) -> None:
    customers = small_study.tables["customers"]
    empty = with_debits(small_study, pd.Series(pd.NA, index=customers.index, dtype="Int64"))
    with pytest.raises(NotEstimableError, match="direct_debits"):
        switching_cohort(empty)
    dropped = customers.drop(columns="direct_debits", errors="ignore")
    bare = replace(small_study, tables={**small_study.tables, "customers": dropped})
    with pytest.raises(NotEstimableError, match="needs the columns direct_debits"):
        switching_cohort(bare)
