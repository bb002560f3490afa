"""Split rows equal those of R survival::tmerge, row for row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from day_tables import UTC, at, make_jumps, text

from loyaltylab.timeline import CountingRows, split_at_jumps

ORACLE = Path(__file__).parents[1] / "oracles" / "tmerge.json"
# Whole days on both sides, through a quotient of whole microseconds: equal up to rounding.
DAYS = {"rtol": 0, "atol": 1e-10}
# R's fate -> ours. "boundary" is an event where a row was already cut.
FATE_OF = {
    "early": "before_entry",
    "leading": "before_entry",
    "within": "within",
    "boundary": "within",
    "late": "after_exit",
    "trailing": "after_exit",
    "missid": "customer_never_at_risk",
}


def case(name: str) -> dict[str, pd.DataFrame]:
    content: dict[str, Any] = json.loads(ORACLE.read_text("utf-8"))[name]
    return {part: pd.DataFrame(columns) for part, columns in content.items()}


def as_jumps(events: pd.DataFrame) -> pd.DataFrame:
    """R's cumtdc is a sum of jumps; its tdc is the value of the last one, so a difference."""
    ordered = events.sort_values(["id", "day"], kind="stable")
    steps = ordered.groupby("id")["size"].diff().fillna(ordered["size"])
    days, ids = ordered["day"].tolist(), ordered["id"].astype(str).tolist()
    return make_jumps(
        [
            (who, day, day, covariate, change)
            for covariate, changes in (
                ("count", [1] * len(ordered)),
                ("total", ordered["size"].tolist()),
                ("value", steps.tolist()),
            )
            for who, day, change in zip(ids, days, changes, strict=True)
        ]
    )


def split(name: str) -> CountingRows:
    parts = case(name)
    people = parts["people"]
    spells = pd.DataFrame(
        {
            "customer_id": text(people["id"].astype(str)),
            "spell_number": 1,
            "origin_at": pd.Series([at(0)] * len(people), dtype=UTC),
            "entry_at": pd.Series([at(day) for day in people["entry"]], dtype=UTC),
            "stop_at": pd.Series([at(day) for day in people["exit"]], dtype=UTC),
            "event": people["left"] == 1,
            "exit_cause": text(people["left"].map({1: "unknown", 0: ""})),
        }
    )
    # What R leaves missing before the first event is what a carried covariate leaves missing.
    return split_at_jumps(spells, as_jumps(parts["events"]), carried=("total", "value"))


@pytest.mark.parametrize("name", ["small", "random"])
def test_rows_equal_r(name: str) -> None:
    frame, expected = split(name).frame, case(name)["rows"]
    assert frame["customer_id"].tolist() == expected["id"].astype(str).tolist()
    np.testing.assert_allclose(frame["start"], expected["tstart"], **DAYS)
    np.testing.assert_allclose(frame["stop"], expected["tstop"], **DAYS)
    np.testing.assert_array_equal(frame["event"], expected["left"] == 1)
    for covariate in ("count", "total", "value"):
        np.testing.assert_array_equal(frame[covariate], expected[covariate].astype(float))


@pytest.mark.parametrize("name", ["small", "random"])
def test_what_a_row_has_seen_at_its_end_is_known_in_the_next_one(name: str) -> None:
    # R's cumevent counts the events up to and including the end of a row that ends in one: what
    # the next row starts with. At exit there is no next row: the event comes too late to act.
    frame, seen = split(name).frame, case(name)["rows"]["seen"].to_numpy()
    is_last = np.append(np.diff(frame["customer_id"].astype(int)) != 0, True)
    ends_in_event = (seen > 0) & ~is_last
    assert ends_in_event.sum() > 3
    following = frame["count"].shift(-1).to_numpy()
    np.testing.assert_array_equal(following[ends_in_event], seen[ends_in_event])
    at_exit = (seen > 0) & is_last
    assert at_exit.any()
    assert (frame["count"].to_numpy()[at_exit] < seen[at_exit]).all()


@pytest.mark.parametrize("name", ["small", "random"])
def test_fates_equal_r(name: str) -> None:
    audit, fates = split(name).audit, case(name)["fates"].set_index("option")
    for covariate in ("count", "total", "value"):
        expected = dict.fromkeys(FATE_OF.values(), 0)
        for r_name, ours in FATE_OF.items():
            expected[ours] += int(fates.loc[covariate, r_name])
        got = audit.loc[covariate, list(expected)].to_dict()
        assert got == expected
        assert audit.loc[covariate, "total"] == sum(expected.values()) == len(case(name)["events"])


def test_the_comparison_can_fail() -> None:
    frame, expected = split("random").frame, case("random")["rows"]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(frame["start"], expected["tstart"] + 10 * DAYS["atol"], **DAYS)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(frame["count"], expected["count"] + 1)
