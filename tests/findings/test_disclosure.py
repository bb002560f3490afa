"""The guard of estimates and tables: what is hidden does not follow from what is shown."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from loyaltylab.designs import DifferenceInDifferences
from loyaltylab.findings.disclosure import (
    guard_all,
    guard_counts,
    hide_rare_values,
    is_suppressed,
)
from loyaltylab.findings.linked_counts import NOT_SHOWN, Sum
from loyaltylab.findings.tables import estimates_table, forest_frame
from loyaltylab.survival import Estimate

SHARE = Estimate(0.8211, 0.01, 0.79, 0.8449, 0.95, 2000, 40, "share", "by hand")


def suppressed(estimates: dict[object, Estimate]) -> list[object]:
    return [key for key, one in guard_all(estimates, min_cell=5).items() if is_suppressed(one)]


def with_events(**numbers: int) -> dict[object, Estimate]:
    return {key: replace(SHARE, n_events=number) for key, number in numbers.items()}


def test_one_cause_suppressed_takes_the_next_smallest_along() -> None:
    # Everybody who left did so for one of the causes: the rest of all exits would be the 3.
    causes = with_events(service=60, life_event=12, payment_failure=3, price_competitor=0)
    assert suppressed(causes) == ["life_event", "payment_failure"]
    # 3 + 2 = 5 could also be 1 + 4 or 4 + 1.
    assert suppressed(with_events(service=60, life_event=2, payment_failure=3)) == [
        "life_event",
        "payment_failure",
    ]
    # Groups of another kind need not add up.
    assert suppressed(with_events(north=60, south=12, west=3)) == ["west"]


def test_a_share_a_few_events_after_the_one_before_is_suppressed() -> None:
    # 40 exits within 3 months, 42 within 6: two customers left in between.
    by_month: dict[object, Estimate] = {
        month: replace(SHARE, n_events=number)
        for month, number in {1: 3, 3: 40, 6: 42, 12: 45, 24: 45}.items()
    }
    assert suppressed(by_month) == [1, 6]  # 45 is 5 more than 40, the last one shown
    days: dict[object, Estimate] = {
        key: replace(one, unit="days") for key, one in by_month.items() if key != 1
    }
    assert suppressed(days) == []


def test_columns_that_add_up_are_guarded_row_by_row() -> None:
    frame = pd.DataFrame(
        {"table": ["a", "b"], "delivered": [103, 50], "kept": [100, 50], "aside": [3, 0]}
    )
    sums = [Sum(("kept", "aside"), "delivered")]
    guarded = guard_counts(frame, counts=["delivered", "kept", "aside"], min_cell=5, sums=sums)
    assert guarded.to_numpy().tolist() == [
        ["a", "103", NOT_SHOWN, "<5"],
        ["b", "50", "50", "0"],
    ]


def test_a_column_is_taken_to_add_up_to_something_known() -> None:
    frame = pd.DataFrame({"n": [3, 70, 20, None]}, index=[5, 6, 7, 8])
    guarded = guard_counts(frame, counts=["n"], min_cell=5)
    assert guarded["n"].to_dict() == {5: "<5", 6: "70", 7: NOT_SHOWN, 8: ""}


def test_a_suppressed_estimate_has_no_number_of_events() -> None:
    nearly_all = replace(SHARE, n_events=1997)
    few = replace(SHARE, n_events=2)
    guarded = guard_all({"north": few}, min_cell=5)["north"]
    table = estimates_table(
        {"nearly all": nearly_all, "few": few, "guarded": guarded}, scale="percent", min_cell=5
    )
    assert table["value"].tolist() == [NOT_SHOWN] * 3
    assert table["events"].tolist() == [NOT_SHOWN, "<5", NOT_SHOWN]
    assert forest_frame({"sites": {"a": guarded}}, min_cell=5)["group"].tolist() == ["sites"]


def test_a_text_of_too_few_customers_counts_as_not_recorded() -> None:
    customers = pd.DataFrame(
        {
            "customer_id": [f"C{n}" for n in range(9)],
            "site": ["north"] * 5 + ["south"] * 3 + [None],
            "attribute_note": [f"note {n}" for n in range(9)],
        },
        dtype="string",
    ).assign(direct_debits=range(9))
    hidden = hide_rare_values(customers, min_cell=5)
    assert hidden["site"].tolist()[:5] == ["north"] * 5
    assert hidden["site"].isna().sum() == 4
    assert hidden["attribute_note"].isna().all()
    assert hidden[["customer_id", "direct_debits"]].equals(
        customers[["customer_id", "direct_debits"]]
    )
    assert hidden.dtypes.equals(customers.dtypes)
    assert customers["site"].notna().sum() == 8


def test_a_difference_from_something_suppressed_is_suppressed() -> None:
    # 23 exits in all less 20 of the covered would be the 3 of the exempt.
    few, many = replace(SHARE, n_events=3), replace(SHARE, n_events=20)
    both = replace(SHARE, n_events=23)
    guarded = guard_all(DifferenceInDifferences(many, few, both), min_cell=5)
    assert (guarded.covered_change, is_suppressed(guarded.effect)) == (many, True)
    assert guard_all(DifferenceInDifferences(many, many, both), min_cell=5).effect == both
