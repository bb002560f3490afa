"""Who the customers are: traits fixed for life, of which only a few are ever delivered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH, Calendar
from loyaltylab.sources.synthetic.draws import Draws, Floats, lognormal_quantile, pick

SEGMENTS = ("business", "consumer")
SIGNUP_CHANNELS = ("web", "phone", "shop")
SIGNUP_SHARES = (0.55, 0.20, 0.25)
TRAIT_SD = 0.5
AGENTS_PER_SITE = 10
MOST_DIRECT_DEBITS = 5  # exclusive: 0 to 4
PRICE_MEDIAN_EUR, PRICE_LOG_SD = 30.0, 0.3
RING_STEPS = (-2, -1, 1, 2)  # four neighbours, two on each side
NOBODY = -1
NEVER = -(2**30)  # a day that never comes: on no clock, before every test "since"

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Traits:
    """Arrays of shape (n_customers,); ``neighbours`` is (n_customers, 4), -1 for nobody.

    Latent, never delivered: fit, frailty, is_inert, switching_cost, price_sensitivity,
    prefers_money, digital_skill, consents_to_mail.
    """

    site: Integers
    is_consumer: Flags
    signup_channel: Integers
    price_eur: Floats
    start: Floats
    is_stock: Flags
    shock_day: Integers
    neighbours: Integers
    fit: Floats
    frailty: Floats
    is_inert: Flags
    switching_cost: Floats
    price_sensitivity: Floats
    prefers_money: Flags
    digital_skill: Floats
    consents_to_mail: Flags


def draw_traits(parameters: SyntheticParameters, *, calendar: Calendar, draws: Draws) -> Traits:
    """Draw the customers: half of them stock with a past, half still to join."""
    is_stock = draws.uniform("trait.stock") < parameters.stock_share
    site = np.floor(draws.uniform("trait.site") * parameters.site_count).astype(np.int64)
    fit = TRAIT_SD * draws.normal("trait.fit")
    frailty = TRAIT_SD * draws.normal("trait.frailty")
    price = lognormal_quantile(
        draws.uniform("trait.price"), median=PRICE_MEDIAN_EUR, sigma=PRICE_LOG_SD
    )
    likeness = (frailty - fit) / (TRAIT_SD * np.sqrt(2))
    return Traits(
        site=site,
        is_consumer=draws.uniform("trait.consumer") < parameters.covered_share,
        signup_channel=pick(draws.uniform("trait.signup"), SIGNUP_SHARES),
        price_eur=np.round(price, 2),
        start=_draw_starts(parameters, is_stock=is_stock, calendar=calendar, draws=draws),
        is_stock=is_stock,
        shock_day=_draw_shock_days(parameters, calendar=calendar, draws=draws),
        neighbours=_tie_neighbours(
            site, likeness=likeness, noise=draws.normal("trait.tie"), rho=parameters.homophily_rho
        ),
        fit=fit,
        frailty=frailty,
        is_inert=draws.uniform("trait.inert") < parameters.inert_share,
        switching_cost=draws.normal("trait.switching_cost"),
        price_sensitivity=draws.normal("trait.price_sensitivity"),
        prefers_money=draws.uniform("trait.prefers_money") < parameters.money_share,
        digital_skill=draws.normal("trait.digital_skill"),
        consents_to_mail=draws.uniform("trait.consent") < parameters.mailing_share,
    )


def count_direct_debits(switching_cost: Floats) -> Integers:
    """Bills paid through the account, 0 to 4: the fifth of all customers its cost lies in."""
    return np.floor(MOST_DIRECT_DEBITS * ndtr(switching_cost)).astype(np.int64)


@dataclass(frozen=True)
class Staff:
    """Those who serve: arrays by site, shape (n_sites,), and by agent, (n_sites * 10,).

    Site skill and the agents' skill shift the logit of solving at once, strictness that of
    denying. ``launch_rank`` is a site's place in a staggered roll-out.
    """

    site_skill: Floats
    launch_rank: Integers
    agent_skill: Floats
    agent_strictness: Floats


def draw_staff(parameters: SyntheticParameters, *, seed: int) -> Staff:
    """Draw the sites and their agents: the same whoever the customers are."""
    n_sites = parameters.site_count
    sites = Draws(seed, n_customers=n_sites)
    agents = Draws(seed, n_customers=n_sites * AGENTS_PER_SITE)
    skill = sites.normal("trait.site_skill")
    order_by = parameters.site_launch_selection * skill + sites.normal("trait.site_launch")
    return Staff(
        site_skill=parameters.skill_sd * skill,
        launch_rank=np.argsort(np.argsort(order_by, kind="stable"), kind="stable"),
        agent_skill=parameters.skill_sd * agents.normal("trait.agent_skill"),
        agent_strictness=parameters.strictness_sd * agents.normal("trait.agent_strictness"),
    )


def _draw_starts(
    parameters: SyntheticParameters, *, is_stock: Flags, calendar: Calendar, draws: Draws
) -> Floats:
    """Fractional day each customer starts; negative for stock.

    Stock is drawn as it stands at the window's start: those who left before were never drawn.
    """
    when = draws.uniform("trait.start")
    past = parameters.prior_tenure_months * DAYS_PER_MONTH
    entry_days = min(parameters.entry_months * DAYS_PER_MONTH, calendar.n_days)
    return np.where(is_stock, -when * past, when * entry_days)


def _draw_shock_days(
    parameters: SyntheticParameters, *, calendar: Calendar, draws: Draws
) -> Integers:
    """Day on which the provider would cancel the customer's service; NEVER for the spared."""
    length = calendar.shock_end - calendar.shock_start
    day = calendar.shock_start + np.floor(draws.uniform("trait.shock_day") * length)
    is_hit = draws.uniform("trait.shock_hit") < parameters.shock_share
    return np.where(is_hit, day, NEVER).astype(np.int64)


def _tie_neighbours(site: Integers, *, likeness: Floats, noise: Floats, rho: float) -> Integers:
    """Ring neighbours within a site, after sorting by a noisy mix of frailty and fit."""
    neighbours = np.full((len(site), len(RING_STEPS)), NOBODY, dtype=np.int64)
    order_by = rho * likeness + np.sqrt(1 - rho**2) * noise
    for members in (np.flatnonzero(site == place) for place in np.unique(site)):
        ring = members[np.argsort(order_by[members], kind="stable")]
        if len(ring) > len(RING_STEPS):  # smaller sites would tie customers to themselves
            neighbours[ring] = np.column_stack([np.roll(ring, -step) for step in RING_STEPS])
    return neighbours
