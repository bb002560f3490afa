"""A part of a page that fails tells why, and nothing else is hidden."""

from __future__ import annotations

import pytest

from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.reports.attempts import attempt


def fail(problem: Exception) -> int:
    raise problem


def test_what_is_found_is_kept() -> None:
    assert attempt(divmod, 7, 2).found == (3, 1)
    assert attempt(divmod, 7, 2).reason == ""


def test_what_the_data_do_not_allow_becomes_a_reason() -> None:
    missing = attempt(fail, NotEstimableError("Not estimable: needs the tables exits."))
    assert (missing.found, missing.reason) == (None, "Not estimable: needs the tables exits.")
    few = attempt(fail, EstimationError("Nobody left.", ["in group a", "in group b"]))
    assert (few.found, few.reason) == (None, "Nobody left. in group a")


def test_a_mistake_of_the_program_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        attempt(fail, KeyError("lost"))
