"""How hard a provider makes leaving: ten items of one way out, audited from outside.

The items form the index; they do not reflect one cause, so no internal consistency is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from loyaltylab.errors import TableError

ITEMS = MappingProxyType(
    {
        "missing_channels": "Sign-up channels that leaving cannot be done through, of all.",
        "extra_steps": "Steps out against steps in: 0 for as many, 1 for eight times as many.",
        "minutes_to_a_person": "Median minutes until a person answers, of 30.",
        "menu_levels": "Levels of the telephone menu, of 4.",
        "closed_hours": "Hours of the week without service, of 168.",
        "notice": "Days of notice, of 92.",
        "mandatory_call": "Whether a live call is needed.",
        "forced_offers": "Offer screens or pitches that cannot be skipped, of 4.",
        "clicks_to_instructions": "Clicks from the front page to the instructions, of 6.",
        "unconfirmed": "No written confirmation, or still on the mailing list.",
    }
)
ACCESS = ("missing_channels", "minutes_to_a_person", "menu_levels", "closed_hours",
          "mandatory_call")  # fmt: skip
PROCESS = ("extra_steps", "forced_offers")
HOURS_A_WEEK = 168.0


@dataclass(frozen=True)
class WayOut:
    """What an audit of one way out finds: a provider, a channel, a date.

    Attributes
    ----------
    signup_channels, missing_channels : int
        Ways to sign up, and how many of them do not serve for leaving.
    steps_in, steps_out : int
        Steps to sign up and to leave.
    minutes_to_a_person : float
        Median over the audit's calls; 0 where nobody has to answer.
    menu_levels, forced_offers, clicks_to_instructions : int
    open_hours : float
        A week.
    notice_days : float
    needs_call, is_confirmed, is_off_the_list : bool
    """

    signup_channels: int
    missing_channels: int
    steps_in: int
    steps_out: int
    minutes_to_a_person: float
    menu_levels: int
    open_hours: float
    notice_days: float
    needs_call: bool
    forced_offers: int
    clicks_to_instructions: int
    is_confirmed: bool
    is_off_the_list: bool


@dataclass(frozen=True)
class FrictionIndex:
    """Friction of one way out, 0 to 1.

    Attributes
    ----------
    equal : float
        Mean of all ten items.
    access : float
        Of what stands before anybody listens: channels, minutes, menu, hours, the call.
    process : float
        Of what follows: steps and offers.
    """

    equal: float
    access: float
    process: float


def score_items(found: WayOut) -> dict[str, float]:
    """Score what an audit found, each of the ten items from 0 to 1.

    Raises
    ------
    TableError
        If a count is negative, or there are no channels or steps to sign up by.
    """
    counts = {name: value for name, value in vars(found).items() if not isinstance(value, bool)}
    problems = [f"{name} is {value}" for name, value in counts.items() if not value >= 0]
    if not (found.signup_channels >= 1 and found.steps_in >= 1 and found.steps_out >= 1):
        problems.append("there are no channels or steps to sign up or to leave by")
    if found.missing_channels > found.signup_channels:
        problems.append("more channels are missing than there are")
    if found.open_hours > HOURS_A_WEEK:
        problems.append(f"{found.open_hours:g} open hours a week")
    if problems:
        raise TableError(f"This way out cannot be scored: {'; '.join(problems)}.")
    doublings = math.log2(found.steps_out / found.steps_in)
    return {
        "missing_channels": found.missing_channels / found.signup_channels,
        "extra_steps": min(1.0, max(0.0, doublings / 3)),
        "minutes_to_a_person": min(1.0, found.minutes_to_a_person / 30),
        "menu_levels": min(1.0, found.menu_levels / 4),
        "closed_hours": 1 - found.open_hours / HOURS_A_WEEK,
        "notice": min(1.0, found.notice_days / 92),
        "mandatory_call": float(found.needs_call),
        "forced_offers": min(1.0, found.forced_offers / 4),
        "clicks_to_instructions": min(1.0, found.clicks_to_instructions / 6),
        "unconfirmed": float(not (found.is_confirmed and found.is_off_the_list)),
    }


def friction_index(scores: Mapping[str, float]) -> FrictionIndex:
    """The index from its ten items, each item with the same weight.

    Parameters
    ----------
    scores : mapping of str to float
        Every one of ``ITEMS``, 0 to 1; of two auditors, their mean.

    Raises
    ------
    TableError
        Naming items that are missing, unknown, or outside 0 and 1.

    Examples
    --------
    >>> friction_index(dict.fromkeys(ITEMS, 0.5)).access
    0.5
    """
    problems = [f"'{name}' is missing" for name in ITEMS if name not in scores]
    problems += [f"'{name}' is unknown" for name in scores if name not in ITEMS]
    problems += [
        f"'{name}' is {value}, not from 0 to 1"
        for name, value in scores.items()
        if not 0 <= value <= 1
    ]
    if problems:
        raise TableError(f"No friction index: {'; '.join(problems)}.")

    def mean(names: tuple[str, ...]) -> float:
        return math.fsum(scores[name] for name in names) / len(names)

    return FrictionIndex(mean(tuple(ITEMS)), mean(ACCESS), mean(PROCESS))


def friction_minutes(steps: pd.DataFrame) -> float:
    """Minutes that one customer spends on leaving, failed attempts included.

    Parameters
    ----------
    steps : pandas.DataFrame
        One row per step: ``n_per_customer``, how often a customer takes it on average over all
        attempts (the chance of taking it, where it is taken once at most), and ``minutes``.

    Raises
    ------
    TableError
        If a number is missing or negative.

    Examples
    --------
    >>> friction_minutes(pd.DataFrame({"n_per_customer": [1.0, 0.5], "minutes": [4.0, 20.0]}))
    14.0
    """
    numbers = steps[["n_per_customer", "minutes"]]
    if not (numbers >= 0).all(axis=None):
        raise TableError("Steps need n_per_customer and minutes, neither missing nor negative.")
    return float((numbers["n_per_customer"] * numbers["minutes"]).sum())


def cost_of_minutes(minutes: float, *, wage_per_hour: float) -> float:
    """What these minutes are worth at a wage, in its currency.

    Raises
    ------
    TableError
        If the wage is not above 0.

    Examples
    --------
    >>> cost_of_minutes(15.0, wage_per_hour=20.0)
    5.0
    """
    if not wage_per_hour > 0:
        raise TableError(f"A wage of {wage_per_hour} an hour; rule: above 0.")
    return minutes / 60 * wage_per_hour
