"""Pairs of strategies, and from when on, and how long, whom they are compared for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import World

Kind = Literal["direct", "total"]
TimeZero = Literal[
    "sign_up",
    "first_contact",
    "first_request",
    "first_denial",
    "first_failure",
    "first_bad_rating",
    "first_attempt",
    "first_cancellation",
    "notice",
    "first_post",
    "exit",
    "start_of_strategy",
    "go_live",
]
Group = Literal[
    "everybody", "consumers", "businesses", "slow", "quick", "money", "no_money", "without_team"
]
HIGH, LOW = 0.70, 0.15  # cancellation friction, before and after the reform


@dataclass(frozen=True)
class Contrast:
    """Strategy minus reference, for everybody who reaches a time zero.

    Attributes
    ----------
    id : str
        Unique among contrasts of one kind.
    hypothesis : str
        The hypothesis it belongs to, as H01.
    kind : {"direct", "total"}
        Direct: queue load and word of mouth are those of the world nothing is forced in. Total:
        they respond.
    time_zero : str
        From when on customers are followed. Customers of ``sign_up`` are newcomers;
        ``start_of_strategy`` is the calendar day ``from_day`` of the strategies, and ``go_live``
        the day the team comes to the customer's site, for everybody who is a customer then.
    strategy_name, reference_name : str
        The two in words; where the strategies start on a day, time zero is not before it.
    strategy, reference : World
        What each forces.
    follow_up_months : float
        Only customers who could be followed this long before the window ends count, so that
        all horizons of a contrast are about the same people.
    is_newcomers : bool
        Whether the stock is left out: what happened to it before the window can meet a strategy
        before its first time zero within the window.
    group : str
        Whom else it is restricted to: ``slow`` and ``quick`` to act on a wish to leave,
        ``money`` for those who prefer money to a voucher, ``without_team`` for those who reach
        time zero before the team comes to their site.
    """

    id: str
    hypothesis: str
    kind: Kind
    time_zero: TimeZero
    strategy_name: str
    reference_name: str
    strategy: World
    reference: World
    follow_up_months: float = 24
    is_newcomers: bool = False
    group: Group = "everybody"

    @property
    def from_day(self) -> int:
        """The day on which the strategies start, counted from the window's start."""
        return max(self.strategy.from_day, self.reference.from_day)


AS_IT_IS = World()


def declare_contrasts(parameters: SyntheticParameters) -> tuple[Contrast, ...]:
    """Every contrast the provider can generate; parameters say when its reform is, if it is."""
    n_days = (parameters.window_end - parameters.window_start).days
    reform_day = (parameters.reform_date - parameters.window_start).days
    has_reform = 0 < reform_day < n_days
    has_rollout = parameters.team_rollout == "staggered"
    return (
        *_desk_contrasts(),
        *_service_contrasts(),
        *_outreach_contrasts(),
        *_compensation_contrasts(),
        *_automation_contrasts(),
        *_friction_contrasts(),
        *(_reform_contrasts(reform_day=reform_day) if has_reform else ()),
        *_after_exit_contrasts(),
        *_organisation_contrasts(),
        *(_rollout_contrasts(parameters) if has_rollout else ()),
        *_talk_contrasts(),
    )


def _desk_contrasts() -> tuple[Contrast, ...]:
    """H01: who takes the first request to leave; later ones meet the same desk or the usual."""
    none, reactive = World(desk="none"), World(desk="reactive")
    integrated, obstructive = World(desk="integrated"), World(desk="obstructive")
    once = Contrast(
        "desk_once_reactive_none", "H01", "direct", "first_cancellation",
        "reactive desk at the first request", "straight through at the first request",
        replace(reactive, is_lasting=False), replace(none, is_lasting=False),
    )  # fmt: skip
    script = Contrast(
        "desk_once_obstructive_reactive", "H01", "direct", "first_cancellation",
        "obstructive script at the first request", "reactive desk at the first request",
        replace(obstructive, is_lasting=False), replace(reactive, is_lasting=False),
    )  # fmt: skip
    lasting = (
        Contrast(
            f"desk_{name}_{reference_name}",
            "H01",
            "direct",
            "first_cancellation",
            f"{name} desk",
            "straight through" if reference_name == "none" else f"{reference_name} desk",
            strategy,
            reference,
        )
        for name, strategy, reference_name, reference in (
            ("reactive", reactive, "none", none),
            ("integrated", integrated, "none", none),
            ("obstructive", obstructive, "none", none),
            ("obstructive", obstructive, "reactive", reactive),
        )
    )
    return once, script, *lasting


def _service_contrasts() -> tuple[Contrast, ...]:
    """H02, H04, H05, H06: remedies, denials, handoffs, and what leaving would cost."""
    early, late = World(remedy="at_refusal"), World(remedy="at_cancellation")
    granted, denied = World(denial=0.0), World(denial=1.0)
    owned, bounced = World(many_handoffs=0.0), World(many_handoffs=1.0)
    return (
        Contrast(
            "remedy_timing", "H02", "direct", "first_denial",
            "remedy with the refusal", "remedy upon asking to leave", early, late,
            is_newcomers=True,
        ),
        Contrast(
            "remedy_first", "H02", "direct", "first_denial",
            "first denial made good within a week", "made good only upon asking to leave",
            World(first_remedy=True), World(first_remedy=False),
        ),
        Contrast(
            "denial_removed", "H04", "direct", "sign_up",
            "no request denied", "denials as they are", granted, AS_IT_IS,
        ),
        Contrast(
            "denial_dose", "H04", "direct", "first_request",
            "every request denied", "no request denied", denied, granted,
        ),
        Contrast(
            "denial_first", "H04", "direct", "first_request",
            "first request denied", "first request granted",
            World(first_denial=1.0), World(first_denial=0.0),
        ),
        Contrast(
            "denial_alternative", "H04", "direct", "first_request",
            "every request denied with an alternative", "every request denied without one",
            replace(denied, alternative=1.0), replace(denied, alternative=0.0),
        ),
        Contrast(
            "handoffs_removed", "H05", "direct", "sign_up",
            "no handoffs", "handoffs as they are", owned, AS_IT_IS,
        ),
        Contrast(
            "handoffs_dose", "H05", "direct", "first_contact",
            "three handoffs each time", "no handoffs", bounced, owned,
        ),
        Contrast(
            "handoffs_first", "H05", "direct", "first_contact",
            "three handoffs at the first contact", "none at the first contact",
            World(first_handoffs=1.0), World(first_handoffs=0.0),
        ),
        Contrast(
            "switching_high_low", "H06", "direct", "first_bad_rating",
            "3 or 4 direct debits", "none or 1",
            World(direct_debits="high"), World(direct_debits="low"),
        ),
    )  # fmt: skip


def _outreach_contrasts() -> tuple[Contrast, ...]:
    """H11, H18: what is sent unasked."""
    return (
        Contrast(
            "promotions", "H11", "direct", "sign_up",
            "promotions at the team's rate", "no promotions",
            World(promotions=True), World(promotions=False),
        ),
        Contrast(
            "messages", "H18", "direct", "first_failure",
            "message after every failure", "no messages",
            World(incident_messages=True), World(incident_messages=False),
        ),
        Contrast(
            "message_first", "H18", "direct", "first_failure",
            "message after the first failure", "none after the first failure",
            World(first_message=True), World(first_message=False),
        ),
    )  # fmt: skip


def _compensation_contrasts() -> tuple[Contrast, ...]:
    """H17: offered to everyone on whom the provider cancels."""
    refund = World(compensation="refund")
    offers = {
        "voucher_forfeited": ("voucher, forfeited", World(compensation="voucher_forfeited")),
        "voucher_refunded": ("voucher, paid out at expiry", World(compensation="voucher_refunded")),
        "choice": ("free choice", World(compensation="choice")),
        "none": ("no compensation", World(compensation="none")),
    }
    return tuple(
        Contrast(f"compensation_{key}", "H17", "direct", "notice", name, "refund", world, refund)
        for key, (name, world) in offers.items()
    )


def _automation_contrasts() -> tuple[Contrast, ...]:
    """H20, H21: the bot and announced waits; the bot also in a queue it relieves."""
    silent = World(announced_waits="silent")
    accurate, low = World(announced_waits="accurate"), World(announced_waits="low")
    bots = tuple(
        Contrast(
            "self_service", "H20", kind, "first_contact" if kind == "direct" else "sign_up",
            "bot first", "a person first", World(self_service=True), World(self_service=False),
        )
        for kind in _KINDS
    )  # fmt: skip
    return (
        *bots,
        Contrast(
            "waits_accurate", "H21", "direct", "first_contact",
            "waits announced truly", "silent queue", accurate, silent,
        ),
        Contrast(
            "waits_low", "H21", "direct", "first_contact",
            "waits announced too low", "silent queue", low, silent,
        ),
    )  # fmt: skip


def _friction_contrasts() -> tuple[Contrast, ...]:
    """H22: friction from the first attempt, and for newcomers or stock, under monthly notice."""
    high = World(friction=HIGH, monthly_notice=True)
    low = World(friction=LOW, monthly_notice=True)
    always_high = replace(high, is_friction_from_attempt=False)
    always_low = replace(low, is_friction_from_attempt=False)
    stock_high, stock_low = (replace(world, from_day=1) for world in (always_high, always_low))
    return (
        Contrast(
            "friction_attempt", "H22", "direct", "first_attempt",
            "high friction", "low friction", high, low, 36,
        ),
        *(
            Contrast(
                "friction", "H22", kind, "sign_up",
                "high friction", "low friction", always_high, always_low, 36,
            )
            for kind in _KINDS
        ),
        Contrast(
            "friction_stock", "H22", "total", "start_of_strategy",
            "high friction", "low friction", stock_high, stock_low, 36,
        ),
    )  # fmt: skip


def _reform_contrasts(*, reform_day: int) -> tuple[Contrast, ...]:
    """H22: the reform eases leaving and ends tacit renewal; without it, neither or only one.

    Of those who first try to leave after it, and of everybody who is a customer on its day.
    """
    still_high = World(friction=HIGH, is_friction_from_attempt=False, from_day=reform_day)
    unreformed = replace(still_high, monthly_notice=False)
    return (
        Contrast(
            "reform_attempt", "H22", "direct", "first_attempt", "reform", "no reform",
            AS_IT_IS, replace(unreformed, is_friction_from_attempt=True), 12, group="consumers",
        ),
        Contrast(
            "reform", "H22", "total", "start_of_strategy", "reform", "no reform",
            AS_IT_IS, unreformed, 12,
        ),
        Contrast(
            "reform_friction", "H22", "total", "start_of_strategy", "reform",
            "reform of notice alone", AS_IT_IS, still_high, 12,
        ),
    )  # fmt: skip


def _after_exit_contrasts() -> tuple[Contrast, ...]:
    """H24: what leavers get."""
    return (
        Contrast(
            "mailings", "H24", "direct", "exit", "letter every month", "no letters",
            World(mailings=True), World(mailings=False), 12,
        ),
        Contrast(
            "win_back_offers", "H24", "direct", "exit", "offer after a month", "no offer",
            World(win_back_offers=True), World(win_back_offers=False), 12,
        ),
    )  # fmt: skip


def _organisation_contrasts() -> tuple[Contrast, ...]:
    """H03, H14: how the provider is organised, for newcomers, in a live queue."""
    nothing = World(team="none", desk="none")
    designs = (
        ("desk_everywhere", "H03", "reactive desk", World(team="none", desk="reactive")),
        ("team_day_one", "H03", "team from day one", World(team="day_one")),
        ("team_staggered", "H03", "team site by site", World(team="staggered", desk="none")),
        ("promotion_only", "H14", "promotions only",
         World(team="none", desk="none", promotions=True)),
        ("incident_only", "H14", "messages about failures only",
         World(team="none", desk="none", incident_messages=True)),
    )  # fmt: skip
    return tuple(
        Contrast(key, hypothesis, "total", "sign_up", name, "no desk, no team", world, nothing)
        for key, hypothesis, name, world in designs
    )


def _rollout_contrasts(parameters: SyntheticParameters) -> tuple[Contrast, ...]:
    """H03: the roll-out as it was, for those who were customers when the team came to their site.

    H14 where the team has one task alone.

    Direct: load and word of mouth are those of the roll-out either way, as for sites that are
    compared while they share a queue.
    """
    hypothesis = "H03" if parameters.team_tasks == "all" else "H14"
    return tuple(
        Contrast(
            "team_rollout", hypothesis, kind, "go_live",
            "team from its start at the site", "no team",
            AS_IT_IS, World(team="none"), 12,
        )
        for kind in _KINDS
    )  # fmt: skip


def _talk_contrasts() -> tuple[Contrast, ...]:
    """H25, H26: word of mouth, and replies to public complaints."""
    replies = {reply: World(public_reply=reply) for reply in ("public", "private", "none")}
    return (
        Contrast(
            "word_of_mouth", "H25", "total", "sign_up", "word of mouth as it is", "none",
            AS_IT_IS, World(word_of_mouth=False),
        ),
        *(
            Contrast(
                f"reply_{reply}", "H26", kind, "first_post" if kind == "direct" else "sign_up",
                f"{reply} reply within two hours", "no reply", replies[reply], replies["none"],
            )
            for reply in ("public", "private")
            for kind in _KINDS
        ),
    )  # fmt: skip


_KINDS: tuple[Kind, Kind] = ("direct", "total")
