"""The same customers followed from the same time zero under two strategies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loyaltylab.errors import EstimationError
from loyaltylab.sources.synthetic import WorldOutcome
from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.truth.contrasts import Contrast, TimeZero

WEEK_DAYS = 7

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Followed:
    """What came of the customers of a pair under one strategy; arrays of shape (n,).

    Attributes
    ----------
    days : numpy.ndarray
        Days from time zero to the end of the first life; inf while it lasts.
    cause : numpy.ndarray
        Why it ended, an index into ``CAUSES``.
    grievance : numpy.ndarray
        On the day of the exit; nan without one.
    away_days : numpy.ndarray
        Days from the exit to the return; inf for never.
    second_exit_days : numpy.ndarray
        Days from the exit to the end of the second life; inf while it lasts or without one.
    n_contacts_month : numpy.ndarray
        Contacts within 30 days of the first failure.
    is_back_in_a_week, has_hung_up : numpy.ndarray
        Whether a second contact followed within 7 days of time zero, and whether the customer gave
        up in the queue on that day. They mean something where time zero is the first contact.
    has_signed_up : numpy.ndarray, shape (n_newcomers,)
        Whether each newcomer, followed or not, signed up within the window.
    """

    days: Floats
    cause: NDArray[np.int64]
    grievance: Floats
    away_days: Floats
    second_exit_days: Floats
    n_contacts_month: NDArray[np.int64]
    is_back_in_a_week: Flags
    has_hung_up: Flags
    has_signed_up: Flags


@dataclass(frozen=True, eq=False)
class Pair:
    """Two outcomes of the same customers, in the same order.

    Attributes
    ----------
    strategy, reference : Followed
    n : int
        Customers.
    identical_share : float
        Of those who reach time zero in either world, the share who reach it in both, on the
        same day: 1 but where the strategies also change who signs up.
    follow_up_days : float
        Everybody is watched this long.
    """

    strategy: Followed
    reference: Followed
    n: int
    identical_share: float
    follow_up_days: float


def pair_up(
    contrast: Contrast,
    *,
    strategy: WorldOutcome,
    reference: WorldOutcome,
    members: Flags | None = None,
) -> Pair:
    """Find who reaches time zero in both worlds and can be followed to the end.

    Parameters
    ----------
    contrast : Contrast
    strategy, reference : WorldOutcome
        Of the same customers with the same seed.
    members : numpy.ndarray of bool, shape (n_customers,), optional
        Who belongs to the contrast's group; everybody by default.

    Returns
    -------
    Pair

    Raises
    ------
    EstimationError
        If the worlds are not of the same customers; if somebody reaches time zero on another
        day, or in a direct contrast in one world only: then the worlds differ before it.
    """
    _refuse_strangers(contrast, strategy, reference)
    days = contrast.follow_up_months * DAYS_PER_MONTH
    is_member = True if members is None else members
    zero, other = (
        np.where(is_member, _reached(contrast, outcome=outcome, follow_up_days=days), np.inf)
        for outcome in (strategy, reference)
    )
    in_both = np.isfinite(zero) & np.isfinite(other)
    in_either = np.isfinite(zero) | np.isfinite(other)
    differs = (zero != other) & (in_either if contrast.kind == "direct" else in_both)
    if differs.any():
        raise EstimationError(
            f"{contrast.id}: {int(differs.sum())} of {int(in_either.sum())} customers reach "
            f"{contrast.time_zero} on another day under the other strategy; rule: nothing "
            "differs before time zero; fix: choose a later time zero, or strategies that act "
            "from it on"
        )
    who = np.flatnonzero(in_both)
    return Pair(
        strategy=_follow(strategy, who=who, zero=zero[who]),
        reference=_follow(reference, who=who, zero=zero[who]),
        n=int(who.size),
        identical_share=float(who.size / in_either.sum()) if in_either.any() else 1.0,
        follow_up_days=days,
    )


def _refuse_strangers(contrast: Contrast, one: WorldOutcome, other: WorldOutcome) -> None:
    is_same = one.entry_day.shape == other.entry_day.shape
    if not is_same or (one.n_days, one.step_days) != (other.n_days, other.step_days):
        raise EstimationError(
            f"{contrast.id}: the two worlds have other customers, windows or steps; rule: the "
            "same seed and parameters; fix: simulate both from the same"
        )


def _reached(contrast: Contrast, *, outcome: WorldOutcome, follow_up_days: float) -> Floats:
    """Day of time zero; inf for those who never reach it, or too late to be followed."""
    zero = _time_zero(contrast.time_zero, outcome=outcome, from_day=contrast.from_day)
    # The last day lived through is the window's length less one.
    is_watched = zero + follow_up_days <= outcome.n_days - 1
    if contrast.time_zero != "exit":
        is_watched &= zero < outcome.exit_day  # not in a second life
    if contrast.group == "without_team":
        is_watched &= zero < outcome.go_live_day
    if contrast.is_newcomers:
        is_watched &= outcome.tenure_days == 0
    return np.where(is_watched, zero, np.inf)


def _time_zero(name: TimeZero, *, outcome: WorldOutcome, from_day: int) -> Floats:
    if name == "sign_up":
        return np.where(outcome.tenure_days == 0, outcome.entry_day, np.inf)
    if name in ("start_of_strategy", "go_live"):
        start = outcome.go_live_day if name == "go_live" else float(from_day)
        is_there = (outcome.entry_day < start) & (outcome.migrated_day >= start)
        return np.where(is_there, start, np.inf)
    days: Floats = getattr(outcome, f"{name}_day")
    return np.where(days >= from_day, days, np.inf)


def _follow(outcome: WorldOutcome, *, who: NDArray[np.intp], zero: Floats) -> Followed:
    exit_day = outcome.exit_day[who]
    return Followed(
        days=exit_day - zero,
        cause=outcome.exit_cause[who],
        grievance=outcome.exit_grievance[who],
        away_days=_since(exit_day, outcome.won_back_day[who]),
        second_exit_days=_since(exit_day, outcome.second_exit_day[who]),
        n_contacts_month=outcome.n_contacts_month[who],
        is_back_in_a_week=outcome.second_contact_day[who] <= zero + WEEK_DAYS,
        has_hung_up=outcome.first_hang_up_day[who] == zero,
        has_signed_up=np.isfinite(outcome.entry_day[outcome.tenure_days == 0]),
    )


def _since(exit_day: Floats, day: Floats) -> Floats:
    """Days from the exit to a later day; inf for never."""
    days = np.full(day.shape, np.inf)
    has_come = np.isfinite(day)
    days[has_come] = day[has_come] - exit_day[has_come]
    return days
