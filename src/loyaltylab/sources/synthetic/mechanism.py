"""The provider's mechanism as data: what acts on what, which way, and by which parameters.

A node is what one customer lives through or feels on a day, or what the provider decides. Causes
of a single node that nothing else shares (luck, price sensitivity, inertia) are left out: they
confound nothing. Their parameters are named by the arrow they modify. So are sign-ups lost to
public complaints: they befall people who are no customers yet.

Within a day there is no cycle. Feelings act on the events of the next day, and so does what is
said, queued or promised; such arrows are marked ``is_lagged``. The day has one exact order
(``day.live_one_day``), and two arrows need a word. The team's rescue reads the grievance of the
same day and lowers it: it reads what stood before, so its arrow is lagged. What an attempt
to leave does to feelings counts from the next day on, though a desk met that evening sees it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["trait", "policy", "event", "feeling", "intent", "outcome", "record"]
Sign = Literal["+", "-", "+/-"]


@dataclass(frozen=True)
class Node:
    """A box of the diagram.

    Attributes
    ----------
    name : str
        What it is called in pictures and words.
    kind : {"trait", "policy", "event", "feeling", "intent", "outcome", "record"}
        A trait stays for life, a policy is the provider's to choose, a record is only written.
    is_latent : bool
        Whether no table ever tells it.
    """

    name: str
    kind: Kind
    is_latent: bool = False


@dataclass(frozen=True)
class Arrow:
    """A direct effect.

    Attributes
    ----------
    cause, effect : str
        Names of nodes.
    sign : {"+", "-", "+/-"}
        Whether more of the cause makes more of the effect, less, or either.
    parameters : tuple of str
        Fields of ``SyntheticParameters`` that govern it; empty where a constant does.
    is_lagged : bool
        Whether it acts from the next day on.
    is_knob : bool
        Whether it is a confounder or a defect, absent until its knob is turned from 0.
    """

    cause: str
    effect: str
    sign: Sign
    parameters: tuple[str, ...] = ()
    is_lagged: bool = False
    is_knob: bool = False


def _now(cause: str, effect: str, sign: Sign, parameters: str = "") -> Arrow:
    return Arrow(cause, effect, sign, tuple(parameters.split()))


def _next(cause: str, effect: str, sign: Sign, parameters: str = "") -> Arrow:
    return Arrow(cause, effect, sign, tuple(parameters.split()), is_lagged=True)


def _knob(
    cause: str, effect: str, sign: Sign, parameters: str, *, is_lagged: bool = False
) -> Arrow:
    return Arrow(cause, effect, sign, tuple(parameters.split()), is_lagged, is_knob=True)


_LATENT_FEELINGS = (
    "Satisfaction", "Affective commitment", "Calculative commitment", "Grievance",
)  # fmt: skip
NODES: tuple[Node, ...] = (
    Node("Fit", "trait", is_latent=True),
    Node("Frailty", "trait", is_latent=True),
    Node("Prefers money", "trait", is_latent=True),
    Node("Site skill", "trait", is_latent=True),
    Node("Integrated team", "policy"),
    Node("Outreach", "policy"),
    Node("Compensation", "policy"),
    Node("Friction", "policy"),
    Node("Retention desk", "policy"),
    Node("Term and notice", "policy"),
    Node("Reform", "policy"),
    Node("Failures", "event"),
    Node("Requests", "event"),
    Node("Shock", "event"),
    Node("Worse terms", "event"),
    Node("Hard cases", "event", is_latent=True),
    Node("Contacts", "event"),
    Node("Wait", "event"),
    Node("Handoffs", "event"),
    Node("Denials", "event"),
    Node("Not solved", "event"),
    Node("Voucher held", "event"),
    Node("Life event, failed payment", "event"),
    *(Node(name, "feeling", is_latent=True) for name in _LATENT_FEELINGS),
    Node("Intent, service", "intent", is_latent=True),
    Node("Intent, price", "intent", is_latent=True),
    Node("Attempt to leave", "outcome"),
    Node("Request to leave", "outcome"),
    Node("Saved by desk", "outcome"),
    Node("Exit", "outcome"),
    Node("Word of mouth", "outcome", is_latent=True),
    Node("Public complaint", "outcome"),
    Node("Win-back", "outcome"),
    Node("Ratings, surveys", "record"),
    Node("Stated reason", "record"),
    Node("Lost record", "record"),
)

_SERVICE = (
    _now("Failures", "Contacts", "+", "incident_rate_pm incident_contact_prob"),
    _now("Failures", "Satisfaction", "-", "incident_rate_pm incident_loss"),
    _now("Failures", "Outreach", "+", "message_share"),
    _now("Requests", "Contacts", "+", "request_rate_pm"),
    _now("Requests", "Denials", "+", "request_rate_pm denial_prob strictness_sd"),
    _now("Integrated team", "Handoffs", "-", "team_rollout team_tasks team_handoff_mean"),
    _now("Integrated team", "Denials", "-", "team_rollout team_denial_prob"),
    _now("Integrated team", "Not solved", "-", "team_rollout team_resolution_logit"),
    # Whoever makes contact waits the same day; the line they make longer is tomorrow's.
    _now("Contacts", "Wait", "+", "capacity_ratio wait_median wait_load_slope self_service_share "
         "self_service_contains"),
    _now("Contacts", "Handoffs", "+", "handoff_mean"),
    _now("Contacts", "Not solved", "+", "resolution_logit self_service_resolves query_rate_pm"),
    _next("Contacts", "Satisfaction", "-", "promise_share promise_kept_prob broken_promise_loss"),
    _now("Wait", "Not solved", "+", "hang_up_per_minute hang_up_overrun_hr"),
    _now("Wait", "Satisfaction", "-", "wait_loss overrun_loss announced_share announced_accuracy "
         "announced_ratio"),
    _now("Handoffs", "Not solved", "+", "handoff_resolution_logit"),
    _now("Handoffs", "Satisfaction", "-", "handoff_loss"),
    _now("Handoffs", "Grievance", "+", "handoff_grievance"),
    _now("Denials", "Not solved", "-"),  # who is turned down is not left waiting for an answer
    _now("Denials", "Satisfaction", "-", "denial_loss alternative_share"),
    _now("Denials", "Grievance", "+", "denial_grievance alternative_share"),
    _now("Not solved", "Satisfaction", "-", "unresolved_loss restore_share"),
    _now("Not solved", "Grievance", "+", "unresolved_grievance"),
    _next("Not solved", "Contacts", "+", "recontact_prob"),
    _now("Site skill", "Not solved", "-", "skill_sd"),
)  # fmt: skip
_OFFERED = (
    _now("Shock", "Satisfaction", "-", "shock_loss shock_share"),
    _now("Shock", "Contacts", "+", "shock_contact_prob shock_query_ratio"),
    _now("Shock", "Compensation", "+", "shock_share compensation_shares"),
    _now("Compensation", "Satisfaction", "+/-", "compensated_gain mismatch_loss "
         "uncompensated_loss"),
    _now("Compensation", "Grievance", "+/-", "mismatch_grievance uncompensated_grievance"),
    _now("Compensation", "Voucher held", "+", "compensation_shares"),
    # Who may choose takes a voucher or not by taste, and who is given one minds by taste.
    _now("Prefers money", "Voucher held", "-", "money_share"),
    _now("Prefers money", "Satisfaction", "-", "money_share mismatch_loss"),
    _now("Prefers money", "Grievance", "+", "money_share mismatch_grievance"),
    _now("Voucher held", "Satisfaction", "-", "forfeit_loss voucher_valid_d voucher_is_refunded "
         "voucher_redeem_pm"),
    _now("Voucher held", "Grievance", "+", "forfeit_grievance voucher_valid_d "
         "voucher_is_refunded voucher_redeem_pm"),
    _now("Voucher held", "Intent, service", "-", "voucher_lock_log_hr"),
    _now("Voucher held", "Intent, price", "-", "voucher_lock_log_hr"),
    _now("Integrated team", "Outreach", "+", "team_rollout team_promotion_rate_pm"),
    _now("Integrated team", "Retention desk", "+", "team_rollout"),
    _next("Denials", "Outreach", "+", "remedy_refusal_share"),
    _next("Grievance", "Outreach", "+", "rescue_rate_pm rescue_grievance"),
    _next("Request to leave", "Outreach", "+", "remedy_cancellation_share"),
    _now("Outreach", "Satisfaction", "+", "message_gain rescue_gain remedy_restore_refusal "
         "remedy_restore_cancellation"),
    _now("Outreach", "Grievance", "-", "rescue_keeps remedy_restore_refusal "
         "remedy_restore_cancellation"),
    _now("Outreach", "Affective commitment", "+", "promotion_rate_pm promotion_gain "
         "team_promotion_gain"),
    _now("Outreach", "Attempt to leave", "+", "wakeup_hr irrelevant_share"),
    _now("Outreach", "Contacts", "-", "message_contact_ratio"),
    _now("Outreach", "Win-back", "+/-", "winback_offer_share winback_offer_log_hr mailing_share "
         "mailing_log_hr mailing_annoyance"),
)  # fmt: skip
_LEAVING = (
    _now("Fit", "Satisfaction", "+", "satisfaction_half_life_d"),
    _next("Satisfaction", "Affective commitment", "+", "affective_half_life_d"),
    _now("Satisfaction", "Intent, service", "-", "exit_hazard_service_pm beta_satisfaction "
         "satisfaction_tenure_log_hr"),
    _now("Affective commitment", "Intent, service", "-", "beta_affective"),
    _now("Affective commitment", "Intent, price", "-", "affective_price_log_hr"),
    _now("Affective commitment", "Saved by desk", "+"),
    _now("Grievance", "Intent, service", "+", "beta_grievance grievance_half_life_d"),
    _now("Grievance", "Saved by desk", "-"),
    _now("Frailty", "Intent, service", "+"),
    _now("Calculative commitment", "Intent, price", "-", "exit_hazard_competitor_pm "
         "beta_calculative points_share points_life_months sensitivity_price_log_hr "
         "rival_promotion_log_hr"),
    _now("Term and notice", "Calculative commitment", "+", "first_term_months"),
    _next("Term and notice", "Exit", "-", "first_term_months notice_days monthly_notice"),
    _now("Reform", "Term and notice", "-", "reform_date covered_share"),
    _now("Reform", "Friction", "-", "reform_date covered_share friction_pre friction_post"),
    _now("Intent, service", "Attempt to leave", "+", "attempts_per_day attempts_per_day_inert "
         "inert_share intent_fade_pm"),
    _now("Intent, price", "Attempt to leave", "+", "attempts_per_day attempts_per_day_inert "
         "inert_share intent_fade_pm"),
    _next("Intent, service", "Exit", "+", "card_renewal_months card_lapse_prob"),
    _next("Intent, price", "Exit", "+", "card_renewal_months card_lapse_prob"),
    _now("Friction", "Attempt to leave", "-", "friction_attempt_slope friction_pre friction_post "
         "anticipation_d"),
    _now("Friction", "Request to leave", "-", "friction_abandon_slope friction_pre friction_post"),
    _next("Friction", "Satisfaction", "-", "friction_loss"),
    _next("Friction", "Grievance", "+", "friction_grievance friction_request_grievance"),
    _now("Attempt to leave", "Request to leave", "+", "friction_abandon_slope"),
    _next("Attempt to leave", "Satisfaction", "-", "friction_loss"),
    _next("Attempt to leave", "Grievance", "+", "friction_grievance friction_request_grievance"),
    _now("Request to leave", "Saved by desk", "+", "save_accept_intercept"),
    _now("Retention desk", "Saved by desk", "+", "desk_share desk_kind desk_obstructive_share "
         "save_accept_intercept save_accept_integrated save_accept_obstructive"),
    _now("Intent, price", "Saved by desk", "+"),
    _next("Saved by desk", "Satisfaction", "+", "save_solved_prob save_solved_integrated"),
    _next("Saved by desk", "Grievance", "+/-", "save_solved_prob save_solved_integrated "
          "obstructive_grievance"),
    _next("Saved by desk", "Intent, service", "+", "residual_intent_hr residual_half_life_d"),
    _next("Saved by desk", "Intent, price", "+/-", "offer_log_hr offer_days offer_training_hr "
          "residual_intent_hr residual_half_life_d"),
    _next("Saved by desk", "Exit", "-"),
    _next("Request to leave", "Exit", "+", "notice_days"),
    _now("Life event, failed payment", "Exit", "+", "exit_hazard_life_event_pm "
         "exit_hazard_payment_pm"),
)  # fmt: skip
_AFTERWARDS = (
    _now("Exit", "Word of mouth", "+"),
    _next("Grievance", "Word of mouth", "+"),
    # Neighbours are alike: those who hear of many leavers are likelier to leave anyway.
    _now("Fit", "Word of mouth", "-", "homophily_rho"),
    _now("Frailty", "Word of mouth", "+", "homophily_rho"),
    _next("Word of mouth", "Intent, service", "+", "wom_hr wom_decay_d"),
    _next("Word of mouth", "Intent, price", "+", "wom_hr wom_decay_d"),
    _now("Grievance", "Public complaint", "+", "post_rate_pm post_grievance_log_hr"),
    _next("Public complaint", "Grievance", "+", "post_outrage post_reach_median "
          "post_reach_log_sd reply_public_reach reply_fast_reach_cut"),
    _now("Public complaint", "Satisfaction", "+", "reply_gain reply_share reply_hours_median "
         "reply_public_share"),
    _next("Exit", "Win-back", "+", "winback_rate_pm"),
    _now("Affective commitment", "Win-back", "+"),
    _now("Grievance", "Win-back", "-"),
    _next("Win-back", "Calculative commitment", "+/-", "first_term_months points_share"),
    _now("Exit", "Stated reason", "+", "reason_misclass fake_life_event"),
    _now("Satisfaction", "Ratings, surveys", "+", "rating_response k_nr survey_response "
         "survey_reliability survey_rate_pm"),
    _now("Affective commitment", "Ratings, surveys", "+", "survey_reliability"),
    _now("Calculative commitment", "Ratings, surveys", "+", "survey_reliability"),
    _now("Wait", "Ratings, surveys", "-"),
    _now("Handoffs", "Ratings, surveys", "-"),
    _now("Denials", "Ratings, surveys", "-"),
    _now("Not solved", "Ratings, surveys", "-"),
    _now("Shock", "Ratings, surveys", "+", "lenience_logit"),
)  # fmt: skip
_KNOBS = (
    _knob("Grievance", "Retention desk", "-", "k_save_route"),
    _knob("Frailty", "Retention desk", "-", "k_save_route"),
    _knob("Satisfaction", "Compensation", "+/-", "k_comp_assign", is_lagged=True),
    _knob("Frailty", "Outreach", "+", "k_outreach_risk"),
    _knob("Fit", "Outreach", "-", "k_outreach_risk"),
    _knob("Frailty", "Denials", "+", "k_denial_severity"),
    _knob("Grievance", "Denials", "+", "k_denial_severity", is_lagged=True),
    _knob("Intent, service", "Denials", "+", "k_denial_severity", is_lagged=True),
    _knob("Intent, price", "Denials", "+", "k_denial_severity", is_lagged=True),
    _knob("Hard cases", "Handoffs", "+", "k_handoff_complexity"),
    _knob("Hard cases", "Not solved", "+", "k_handoff_complexity"),
    _knob("Hard cases", "Satisfaction", "-", "k_handoff_complexity"),
    _knob("Intent, service", "Contacts", "+", "k_pre_exit_contact", is_lagged=True),
    _knob("Intent, price", "Contacts", "+", "k_pre_exit_contact", is_lagged=True),
    _knob("Worse terms", "Requests", "+", "term_worsening_rate"),
    _knob("Worse terms", "Denials", "+", "term_worsening_rate"),
    _knob("Worse terms", "Satisfaction", "-", "term_worsening_rate"),
    _knob("Worse terms", "Grievance", "+", "term_worsening_rate"),
    _knob("Site skill", "Integrated team", "+/-", "site_launch_selection"),
    _knob("Calculative commitment", "Satisfaction", "+", "points_relief"),
    _knob("Satisfaction", "Lost record", "+", "k_censor", is_lagged=True),
    _knob("Exit", "Lost record", "+", "data_cut"),
)
ARROWS: tuple[Arrow, ...] = (*_SERVICE, *_OFFERED, *_LEAVING, *_AFTERWARDS, *_KNOBS)


def arrows_of(
    names: Iterable[str] | None = None, *, are_knobs: bool | None = False
) -> tuple[Arrow, ...]:
    """The arrows between some nodes.

    Parameters
    ----------
    names : iterable of str, optional
        Both ends are among them; by default every node is.
    are_knobs : bool or None
        False: the mechanism as it always is. True: only what knobs switch on. None: both.

    Examples
    --------
    >>> [arrow.sign for arrow in arrows_of(["Exit", "Grievance", "Public complaint"])]
    ['+', '+']
    >>> arrows_of(["Hard cases", "Handoffs"], are_knobs=True)[0].parameters
    ('k_handoff_complexity',)
    """
    known = {node.name for node in NODES} if names is None else set(names)
    return tuple(
        arrow
        for arrow in ARROWS
        if {arrow.cause, arrow.effect} <= known and are_knobs in (None, arrow.is_knob)
    )


def adjacency(*, are_knobs: bool | None = False) -> pd.DataFrame:
    """Signs of the direct effects: rows are causes, columns effects, "" where there is none.

    Parameters
    ----------
    are_knobs : bool or None
        As in ``arrows_of``.

    Examples
    --------
    >>> adjacency().loc["Denials", "Grievance"], adjacency().loc["Grievance", "Denials"]
    ('+', '')
    """
    names = [node.name for node in NODES]
    table = pd.DataFrame("", index=names, columns=names)
    for arrow in arrows_of(are_knobs=are_knobs):
        table.loc[arrow.cause, arrow.effect] = arrow.sign
    return table
