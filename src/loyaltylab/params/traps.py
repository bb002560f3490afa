"""Traps of meaning by name: which stop the study, and which are only told."""

from __future__ import annotations

from collections.abc import Iterable

# Every number of the study would be wrong, or the adjusted ones, with nothing to show for it.
STOPPING_TRAPS = {
    "no_exits": "nobody leaves while under observation",
    "only_leavers": "everybody in the file has left",
    "exits_not_recorded_before": "no exit is dated in a long first part of the observation",
    "known_only_of_leavers": "a column holds something only for customers who left",
    "restates_exit": "a column tells almost perfectly who left",
    "restates_follow_up": "a column grows with how long the customer was followed",
    "appended_twice": "the same rows stand twice under different identifiers",
}
# These may be right, and somebody who knows the data can tell.
TOLD_TRAPS = {
    "exits_on_one_day": "all exits are dated alike",
    "starts_on_one_day": "many contracts start on the same day",
    "coarse_dates": "dates are no finer than a month",
    "many_without_length": "many contracts end as soon as they start",
    "separating_value": "of the customers with one value all left, or none did",
    "missing_by_outcome": "who left can be told from where a column is empty",
    "dated_after_exit": "a date of the customer lies after the exit",
    "as_of_extract": "a date moves with the day of the extract",
    "undated_attribute": "nobody says when an attribute was known",
    "known_at_the_end": "an attribute is known as of the end only",
    "repeated_rows": "rows repeat each other but for their identifiers",
    "parallel_contracts": "contracts of one customer run side by side",
    "events_outside_contracts": "events lie before the customer joined or after the exit",
    "changed_scale": "ratings before and after some date are on different scales",
}
TRAPS = {**STOPPING_TRAPS, **TOLD_TRAPS}


def find_unknown_traps(names: Iterable[str]) -> list[str]:
    """Names that are no trap, or one that stops nothing and so need not be acknowledged.

    Example
    -------
    >>> find_unknown_traps(["no_exits"])
    []
    """
    return [name for name in names if name not in STOPPING_TRAPS]
