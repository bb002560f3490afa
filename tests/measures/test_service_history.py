"""The service so far: totals, the last rating, bands of days since the last contact."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pytest
from event_tables import MIDNIGHT, at, in_days, table
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.measures.cancellation_friction import policy_jumps
from loyaltylab.measures.compensation import compensation_jumps
from loyaltylab.measures.jumps import value_jumps
from loyaltylab.measures.service_history import (
    CARRIED,
    CONTACT_BANDS,
    contact_band_jumps,
    last_rating_jumps,
    service_history_jumps,
    total_handoff_jumps,
)
from loyaltylab.timeline import split_at_jumps

BANDS = list(CONTACT_BANDS)


def contacts(*lines: dict[str, object]) -> pd.DataFrame:
    return table(
        "contacts",
        [{"contact_id": f"t{i}", "customer_id": "a", **line} for i, line in enumerate(lines)],
    )


def spells(*bounds: tuple[float, float]) -> pd.DataFrame:
    start, stop = ([at(pair[i]) for pair in bounds] for i in (0, 1))
    return pd.DataFrame(
        {
            "customer_id": pd.Series(["a"] * len(bounds), dtype="string"),
            "spell_number": range(1, len(bounds) + 1),
            "origin_at": start,
            "entry_at": start,
            "stop_at": stop,
            "event": True,
            "exit_cause": pd.Series(["service"] * len(bounds), dtype="string"),
        }
    )


def test_bands_by_hand() -> None:
    # Contacts at 10 and 50. Days since: none to 10; (10, 17] first band, (17, 40] second,
    # (40, 50] third, cut short by the next contact; (50, 57], (57, 80], (80, 140], then past 90.
    jumps = contact_band_jumps(contacts({"opened_at": 50}, {"opened_at": 10}))
    frame = split_at_jumps(spells((0, 200)), jumps).frame
    assert frame[["start", "stop", *BANDS]].to_numpy().tolist() == [
        [0, 10, 0, 0, 0],
        [10, 17, 1, 0, 0],
        [17, 40, 0, 1, 0],
        [40, 50, 0, 0, 1],
        [50, 57, 1, 0, 0],
        [57, 80, 0, 1, 0],
        [80, 140, 0, 0, 1],
        [140, 200, 0, 0, 0],
    ]


def test_a_band_not_reached_before_the_next_contact_makes_no_jump() -> None:
    # Three days apart, and twice at one moment: the first band lasts from 10 to 20.
    jumps = contact_band_jumps(
        contacts({"opened_at": 10}, {"opened_at": 13}, {"opened_at": 13}, {"opened_at": 20})
    )
    assert in_days(jumps, BANDS[0]) == [
        ("a", 10, 10, 1),
        ("a", 13, 10, -1),
        ("a", 13, 13, 1),
        ("a", 20, 13, -1),
        ("a", 20, 20, 1),
        ("a", 27, 20, -1),
    ]
    assert in_days(jumps, BANDS[1]) == [("a", 27, 20, 1), ("a", 50, 20, -1)]


def test_a_new_life_starts_without_contact_and_with_the_last_rating() -> None:
    # Lives (0, 40] and (45, 100]; a contact at 30, rated 0.25 at 35.
    found = service_history_jumps(
        {"contacts": contacts({"opened_at": 30, "rated_at": 35, "satisfaction_share": 0.25})}
    )
    rows = split_at_jumps(spells((0, 40), (45, 100)), pd.concat(found), carried=CARRIED).frame
    second = rows[rows["spell_number"] == 2]
    assert second[
        ["start", "stop", "total_contacts", "last_rating", *BANDS]
    ].to_numpy().tolist() == [[0, 55, 0, 0.25, 0, 0, 0]]


def test_the_last_rating_is_known_when_it_came_in() -> None:
    # Rated 0.5 at 20, 1.0 at 30, and again at 30 for the contact opened later: 0.25 is in force.
    # A rating without a time, and a contact not rated, change nothing.
    jumps = last_rating_jumps(
        contacts(
            {"opened_at": 12, "rated_at": 30, "satisfaction_share": 0.25},
            {"opened_at": 11, "rated_at": 30, "satisfaction_share": 1.0},
            {"opened_at": 10, "rated_at": 20, "satisfaction_share": 0.5},
            {"opened_at": 40, "satisfaction_share": 0.75},
            {"opened_at": 50, "rated_at": 60},
        )
    )
    rows = split_at_jumps(spells((0, 100)), jumps, carried=CARRIED).frame
    assert rows["start"].tolist() == [0, 20, 30]
    assert rows["last_rating"].isna().tolist() == [True, False, False]
    assert rows["last_rating"].tolist()[1:] == [0.5, 0.25]


def test_totals_by_hand() -> None:
    found = service_history_jumps(
        {
            "contacts": contacts(
                {"opened_at": 10, "resolved_at": 25, "handoffs": 3},
                {"opened_at": 20, "resolved_at": 30, "handoffs": 1},
                {"opened_at": 40, "handoffs": 7},  # never solved: counts nowhere
            ),
            "incidents": table(
                "incidents",
                [
                    {"incident_id": "i", "customer_id": "a", "occurred_at": 5, "kind": kind}
                    for kind in ("failure", "provider_cancelled")
                ],
            ),
        }
    )
    rows = split_at_jumps(spells((0, 50)), pd.concat(found), carried=CARRIED).frame
    last = rows.iloc[-1]
    totals = ["total_contacts", "total_handoffs", "total_failures"]
    assert last[totals].tolist() == [3, 4, 1]
    before = rows[rows["stop"] == 25].iloc[0]  # on the day of the first solution
    assert before[totals].tolist() == [2, 0, 1]
    assert in_days(total_handoff_jumps(contacts()), "total_handoffs") == []


def test_a_voucher_is_held_until_used_paid_out_expired_or_left() -> None:
    # Lives (0, 50] and (60, 100]. Four vouchers issued at 10, all to expire at 70: one used at
    # 20, one paid out at 30, one to expire at 40, and one still held on leaving at 50.
    ends = ({"redeemed_at": 20}, {"refunded_at": 30}, {"expires_at": 40}, {})
    vouchers = table(
        "vouchers",
        [
            {"voucher_id": f"v{i}", "customer_id": "a", "issued_at": 10, "expires_at": 70, **end}
            for i, end in enumerate(ends)
        ],
    )
    jumps = pd.concat(compensation_jumps({"vouchers": vouchers}, memory_days=5))
    held = jumps[jumps["covariate"] == "vouchers_held"]
    rows = split_at_jumps(spells((0, 50), (60, 100)), held).frame
    assert rows[["spell_number", "start", "stop", "vouchers_held"]].to_numpy().tolist() == [
        [1, 0, 10, 0],
        [1, 10, 20, 4],
        [1, 20, 30, 3],
        [1, 30, 40, 2],
        [1, 40, 50, 1],
        [2, 0, 40, 0],
    ]


def test_any_policy_has_a_regime_by_date() -> None:
    rules = [{"value": 0.2, "effective_at": 0}, {"value": 1.0, "effective_at": 30}]
    policies = table(
        "policies",
        [{"policy_id": f"y{i}", "policy": "voucher_life", **rule} for i, rule in enumerate(rules)],
    )
    customers = table("customers", [{"customer_id": "a"}])
    jumps = policy_jumps(policies, customers, policy="voucher_life")
    rows = split_at_jumps(spells((10, 50)), jumps, carried=("voucher_life",)).frame
    assert rows[["start", "stop", "voucher_life"]].to_numpy().tolist() == [
        [0, 20, 0.2],
        [20, 40, 1.0],
    ]
    assert policy_jumps(policies, customers).empty  # no rule of friction on file


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 4)), max_size=8))
def test_bands_and_ratings_equal_a_look_back_from_every_day(drawn: list[tuple[int, int]]) -> None:
    given_contacts = contacts(
        *(
            {"opened_at": day, "rated_at": day, "satisfaction_share": mark / 4}
            for day, mark in drawn
        )
    )
    found = service_history_jumps({"contacts": given_contacts})
    rows = split_at_jumps(spells((0, 160)), pd.concat(found), carried=CARRIED).frame
    for row in rows.to_dict("records"):
        before = [day for day, _ in drawn if day <= row["start"]]
        # The middle of the row: cuts are whole days.
        ago = (row["start"] + row["stop"]) / 2 - max(before) if before else 1000
        for name, (after, up_to) in CONTACT_BANDS.items():
            if name in row:
                assert row[name] == (after < ago <= up_to)
        if before:
            # Ties: the last of the table, whose contact_id is the largest.
            ties = [mark for day, mark in drawn if day == max(before)]
            assert row["last_rating"] == ties[-1] / 4
        elif drawn:
            assert row["last_rating"] != row["last_rating"]


def test_the_order_of_rows_plays_no_part_and_the_table_is_left_alone() -> None:
    lines = [
        {"opened_at": day, "rated_at": 40, "satisfaction_share": day / 40} for day in (3, 1, 2)
    ]
    events, copy = contacts(*lines), contacts(*lines)
    for measure in (last_rating_jumps, contact_band_jumps):
        pdt.assert_frame_equal(measure(events), measure(events.iloc[::-1]))
    pdt.assert_frame_equal(events, copy)
    assert (events["opened_at"] >= MIDNIGHT).all()


def test_types_do_not_depend_on_the_data() -> None:
    some = contacts({"opened_at": 1, "rated_at": 2, "satisfaction_share": 1.0})
    for measure in (last_rating_jumps, contact_band_jumps, total_handoff_jumps):
        assert measure(contacts()).empty
        assert list(measure(contacts())) == list(measure(some))
        names = ["at", "since_at"]
        assert measure(contacts()).dtypes[names].equals(measure(some).dtypes[names])


def test_a_value_that_is_no_number_is_an_error() -> None:
    events = pd.DataFrame({"customer_id": ["a"], "rated_at": [at(1)], "mark": ["good"]})
    for marks in (["good"], ["5"], pd.to_datetime(["2024-01-01"], utc=True)):
        with pytest.raises(TableError, match=r"'mark' .* has 1 of 1 values that are no numbers"):
            value_jumps(events.assign(mark=marks), covariate="x", at="rated_at", value="mark")
