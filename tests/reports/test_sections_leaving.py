"""What the page says of the way out and of the cost of switching."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from loyaltylab.analyses.study_data import Cohort
from loyaltylab.designs import DifferenceInDifferences
from loyaltylab.measures.cancellation_friction import Reform
from loyaltylab.reports.sections_leaving import (
    ProcessSection,
    SwitchingSection,
    is_as_declared,
    outcomes_table,
    show_switching,
    tell_channel,
)
from loyaltylab.survival import Estimate

REFORM = Reform(
    effective_at=pd.Timestamp("2020-01-01", tz="UTC"),
    covered="consumer",
    exempt="business",
    friction_before=0.7,
    friction_after=0.15,
)
SHARE = Estimate(-0.396, 0.02, -0.446, -0.345, 0.95, 900, 400, "share", "m")


def make_frame(before: str, after: str, n: int = 20) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "segment": "consumer",
            "index_at": [pd.Timestamp("2019-06-01", tz="UTC")] * n
            + [pd.Timestamp("2020-06-01", tz="UTC")] * n,
            "way": [before] * n + [after] * n,
            "exit_cause": ["given up"] * 2 + ["requested"] * (2 * n - 2),
        }
    )


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (make_frame("phone", "web"), "moved all but a few"),
        (make_frame("phone", "phone"), "100 % of the covered before the reform and 100 % after"),
        (make_frame("phone", "web", n=4), "Too few attempts"),
    ],
)
def test_the_channel_is_told_from_the_reform_only_where_it_can_be(
    frame: pd.DataFrame, words: str
) -> None:
    assert words in tell_channel(frame, REFORM, min_cell=5)


def test_small_outcomes_are_hidden() -> None:
    table = outcomes_table(make_frame("phone", "web"), min_cell=5)
    assert table.values.tolist() == [
        ["phone", "given up", "<5"],
        ["phone", "requested", "not shown"],  # all attempts are counted elsewhere on the page
        ["web", "requested", "20"],
    ]


def make_section(access: Estimate | None, wait: Estimate | None) -> ProcessSection:
    effect = DifferenceInDifferences(access, access, access) if access else None
    return ProcessSection(Cohort(pd.DataFrame(), {}), 30, effect, wait, (), ())


def test_a_section_keeps_what_is_known() -> None:
    assert set(make_section(SHARE, SHARE).estimates) == {
        "completion_effect_access",
        "completion_difference_wait",
    }
    assert make_section(SHARE, SHARE).caveats == ()


def test_without_the_cost_of_switching_the_section_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("loyaltylab.reports.sections_leaving.show_note", said.append)
    section = SwitchingSection(None, 12, "Not estimable: needs the columns direct_debits.", ())
    show_switching(section, study=cast(Any, None))
    assert said == [
        "H06 cannot be told from these data. Not estimable: needs the columns direct_debits."
    ]
    assert section.estimates == {}


def test_a_run_with_other_parameters_is_not_as_declared() -> None:
    def run(**values: float) -> Any:
        return SimpleNamespace(run=values, question=SimpleNamespace(name="cancellation_friction"))

    assert is_as_declared(run(completion_days=30), "H23")
    assert not is_as_declared(run(completion_days=14), "H23")
    assert not is_as_declared(run(), "H07")
