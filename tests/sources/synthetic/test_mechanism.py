"""The mechanism as data says what the simulation does: no effect forgotten, none invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from graphlib import TopologicalSorter
from typing import get_args

import numpy as np
import pytest

from loyaltylab.params import SyntheticParameters
from loyaltylab.params.presets import PRESETS
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.mechanism import ARROWS, NODES, Kind, adjacency, arrows_of
from loyaltylab.sources.synthetic.mechanism_views import VIEWS
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import NO_INTENT
from loyaltylab.sources.synthetic.traits import NEVER

NAMED = {name for arrow in ARROWS for name in arrow.parameters}
# Parameters of who is watched when, and of the one effect on people who are no customers yet.
NOT_IN_THE_MECHANISM = {
    "preset", "n_customers", "window_start", "window_end", "stock_share", "prior_tenure_months",
    "entry_months", "site_count", "team_first_day", "team_step_days", "shock_start", "shock_end",
    "reform_announced", "verified_share", "offer_discount", "post_signup_loss",
}  # fmt: skip


def test_arrows_name_parameters_that_exist_and_forget_none() -> None:
    assert set(SyntheticParameters.model_fields) - NAMED == NOT_IN_THE_MECHANISM
    assert set(SyntheticParameters.model_fields) >= NAMED


def test_every_effect_that_the_null_preset_removes_is_an_arrow() -> None:
    assert set(PRESETS["null"]) <= NAMED


def test_a_knob_is_an_arrow_exactly_when_its_parameters_are_off_by_default() -> None:
    default = SyntheticParameters()
    for arrow in ARROWS:
        is_off = bool(arrow.parameters) and not any(getattr(default, p) for p in arrow.parameters)
        assert not arrow.is_knob or is_off, arrow
    knobs = {p for arrow in ARROWS if arrow.is_knob for p in arrow.parameters}
    assert knobs >= {p for p in SyntheticParameters.model_fields if p.startswith("k_")} - {"k_nr"}


def test_nodes_are_named_once_used_and_of_a_known_kind() -> None:
    names = [node.name for node in NODES]
    assert len(set(names)) == len(names)
    assert {name for arrow in ARROWS for name in (arrow.cause, arrow.effect)} == set(names)
    assert {node.kind for node in NODES} == set(get_args(Kind))
    pairs = [(arrow.cause, arrow.effect) for arrow in ARROWS]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("are_knobs", [False, None])
def test_within_a_day_there_is_no_cycle(are_knobs: bool | None) -> None:
    order: TopologicalSorter[str] = TopologicalSorter()
    for arrow in arrows_of(are_knobs=are_knobs):
        if not arrow.is_lagged:
            order.add(arrow.effect, arrow.cause)
    order.prepare()  # raises CycleError, naming the cycle


def test_traits_have_no_cause_and_records_no_effect() -> None:
    kind = {node.name: node.kind for node in NODES}
    assert not [arrow for arrow in ARROWS if kind[arrow.effect] == "trait"]
    assert not [arrow for arrow in ARROWS if kind[arrow.cause] == "record"]


def test_hidden_traits_stand_behind_two_measured_exposures_by_default() -> None:
    """Neighbours are alike, and who may choose a voucher chooses; knobs confound the rest."""
    traits = {node.name for node in NODES if node.kind == "trait"}
    touched = {arrow.effect for arrow in arrows_of() if arrow.cause in traits}
    feelings = {"Satisfaction", "Grievance", "Intent, service"}
    assert touched - feelings == {"Word of mouth", "Voucher held", "Not solved"}
    assert [a.cause for a in arrows_of() if a.effect == "Not solved" and a.cause in traits] == [
        "Site skill"  # and it touches nothing else
    ]


def test_the_table_of_signs_holds_every_arrow() -> None:
    table = adjacency(are_knobs=None)
    assert (table != "").to_numpy().sum() == len(ARROWS)
    assert {(a.cause, a.effect): a.sign for a in ARROWS} == {
        (cause, effect): sign for cause, row in table.iterrows() for effect, sign in row.items()
        if sign
    }  # fmt: skip
    assert (adjacency() != "").to_numpy().sum() == len(arrows_of()) < len(ARROWS)


def test_every_arrow_is_seen_in_a_view_that_puts_no_nodes_together() -> None:
    seen = {arrow for view in VIEWS.values() if not view.groups for arrow in view.arrows()}
    assert seen == set(ARROWS)


@pytest.mark.parametrize("name", VIEWS)
def test_views_show_known_boxes_with_every_arrow_between_them(name: str) -> None:
    view = VIEWS[name]
    arrows, boxes = view.arrow_frame(), set(view.node_frame()["name"])
    assert len(boxes) == len(view.names)
    assert set(arrows["cause"]) | set(arrows["effect"]) == boxes
    assert not arrows.duplicated(["cause", "effect"]).any()
    if not view.groups:
        assert len(arrows) == len(arrows_of(boxes, are_knobs=view.are_knobs))


def test_the_overview_leaves_out_feedback_only() -> None:
    view = VIEWS["overview"]
    nodes = [node for box in view.names for node in view.groups.get(box, (box,))]
    left_out = set(arrows_of(nodes)) - set(view.arrows())
    assert left_out
    assert all(arrow.is_lagged for arrow in left_out)


def test_boxes_put_together_agree_in_sign_or_say_so() -> None:
    """Failures lower satisfaction and so does a shock: "-". Compensation does either: "+/-"."""
    frame = VIEWS["overview"].arrow_frame().set_index(["cause", "effect"])
    assert frame.loc[("Failures, shock", "Satisfaction"), "sign"] == "-"
    assert frame.loc[("Compensation, voucher", "Grievance"), "sign"] == "+/-"
    assert frame.loc[("Failures, shock", "Satisfaction"), "parameters"] == (
        "incident_rate_pm, incident_loss, shock_loss, shock_share"
    )


# --- the arrows against the simulation ---------------------------------------------------------

SHORT = {
    "n_customers": 400,
    "window_end": date(2018, 12, 31),
    "shock_start": date(2018, 3, 1),
    "shock_end": date(2018, 5, 1),
    "exit_hazard_service_pm": 0.03,  # more leavers than usual, so that a difference shows
    "exit_hazard_competitor_pm": 0.02,
    "winback_rate_pm": 0.05,
    "first_term_months": 0.0,  # as in the null preset: else few exits fall into so short a window
}
REFUND = {"refund": 1.0, "voucher": 0.0, "choice": 0.0, "none": 0.0}
NOTHING = {"refund": 0.0, "voucher": 0.0, "choice": 0.0, "none": 1.0}


def first_days(name: str) -> Callable[[Run], np.ndarray]:
    """Whether something ever happened to each customer."""
    return lambda run: np.isfinite(run.milestones.days[name]).astype(float)


MEASURES: dict[str, Callable[[Run], np.ndarray]] = {
    "Satisfaction": lambda run: run.state.satisfaction,
    "Affective commitment": lambda run: run.state.affective,
    "Grievance": lambda run: run.state.grievance,
    "Contacts": lambda run: run.milestones.n_contacts.astype(float),
    "Intent, service": lambda run: (run.state.intent != NO_INTENT).astype(float),
    "Attempt to leave": first_days("first_attempt"),
    "Request to leave": first_days("first_cancellation"),
    "Saved by desk": lambda run: (run.state.offer_until != NEVER).astype(float),
    "Win-back": first_days("won_back"),
}


@dataclass(frozen=True)
class Case:
    """An arrow, two levels of its cause, and a stronger value of a parameter that governs it.

    ``given`` are parameters set otherwise: to close other paths from the cause to the effect, or
    to let the arrow act on more customers.
    """

    cause: str
    effect: str
    lever: str
    less: object
    more: object
    parameter: str
    stronger: float
    given: tuple[tuple[str, object], ...] = ()

    def run(self, preset: str, *changes: tuple[str, object]) -> np.ndarray:
        """The effect, one number per customer."""
        return MEASURES[self.effect](weekly(preset, *self.given, *changes))

    @property
    def sign(self) -> int:
        signs = {(a.cause, a.effect): a.sign for a in ARROWS}
        # Either way overall: offers bring customers back, letters annoy. The case is an offer's.
        return {"+": 1, "-": -1, "+/-": 1}[signs[self.cause, self.effect]]


NO_FRICTION = tuple(
    (name, 0.0)
    for name in ("friction_grievance", "friction_request_grievance", "friction_loss",
                 "friction_abandon_slope")
)  # fmt: skip
NO_TALK = (("wom_hr", 1.0),)
MORE_LEAVERS = (("exit_hazard_service_pm", 0.06), ("inert_share", 0.0), ("winback_rate_pm", 0.1))
CASES = [
    Case("Handoffs", "Satisfaction", "handoff_mean", 0.1, 2.0, "handoff_loss", 0.6),
    Case("Handoffs", "Grievance", "handoff_mean", 0.1, 2.0, "handoff_grievance", 0.6),
    Case("Denials", "Satisfaction", "denial_prob", 0.05, 0.95, "denial_loss", 1.6),
    Case("Denials", "Grievance", "denial_prob", 0.05, 0.95, "denial_grievance", 1.4),
    Case("Wait", "Satisfaction", "wait_median", 1.0, 60.0, "wait_loss", 0.4),
    Case("Not solved", "Satisfaction", "resolution_logit", 4.0, -4.0, "unresolved_loss", 0.9),
    Case("Outreach", "Affective commitment", "promotion_rate_pm", 0.0, 0.5, "promotion_gain", 0.5),
    Case("Outreach", "Attempt to leave", "promotion_rate_pm", 0.0, 0.5, "wakeup_hr", 30.0,
         given=(("promotion_gain", 0.0), ("irrelevant_share", 1.0), ("inert_share", 1.0),
                *NO_FRICTION, *NO_TALK)),
    Case("Friction", "Attempt to leave", "friction_pre", 0.0, 1.0, "friction_attempt_slope", 3.0,
         given=(*NO_FRICTION, *NO_TALK)),
    Case("Friction", "Request to leave", "friction_pre", 0.0, 1.0, "friction_abandon_slope", 4.0),
    Case("Friction", "Grievance", "friction_pre", 0.0, 1.0, "friction_grievance", 2.0),
    Case("Public complaint", "Grievance", "post_rate_pm", 0.0, 0.5, "post_outrage", 0.05),
    Case("Outreach", "Contacts", "message_share", 0.0, 1.0, "message_contact_ratio", 0.0),
    Case("Retention desk", "Saved by desk", "desk_share", 0.1, 1.0, "save_accept_intercept", 4.0),
    Case("Outreach", "Win-back", "winback_offer_share", 0.0, 1.0, "winback_offer_log_hr", 3.0,
         given=MORE_LEAVERS),
    Case("Word of mouth", "Intent, service", "wom_decay_d", 1.0, 400.0, "wom_hr", 4.0,
         given=MORE_LEAVERS),
]  # fmt: skip
IDS = [f"{case.cause} - {case.effect}" for case in CASES]


@cache
def weekly(preset: str, *changes: tuple[str, object]) -> Run:
    given = {**SHORT, **{name: _thaw(value) for name, value in changes}}
    parameters = SyntheticParameters(preset=preset, **given)
    return live_through(parameters, seed=4, step_days=7, is_recording=False)


def _thaw(value: object) -> object:
    return dict(value) if isinstance(value, frozenset) else value


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_more_of_the_cause_moves_the_effect_the_way_the_arrow_says(case: Case) -> None:
    less, more = (case.run("literature", (case.lever, level)) for level in (case.less, case.more))
    assert case.sign * (more.mean() - less.mean()) > 0


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_parameter_that_governs_an_arrow_makes_it_stronger(case: Case) -> None:
    given = {(a.cause, a.effect): a.parameters for a in ARROWS}[case.cause, case.effect]
    assert case.parameter in given
    lever = (case.lever, case.more)
    usual = case.run("literature", lever)
    strong = case.run("literature", lever, (case.parameter, case.stronger))
    assert case.sign * (strong.mean() - usual.mean()) > 0


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_null_preset_cuts_the_arrow_for_every_customer(case: Case) -> None:
    assert case.parameter in PRESETS["null"]
    less, more = (case.run("null", (case.lever, level)) for level in (case.less, case.more))
    np.testing.assert_array_equal(less, more)


def test_what_compensation_does_depends_on_it_and_is_nothing_in_the_null_preset() -> None:
    def feelings(preset: str, shares: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        run = weekly(preset, ("compensation_shares", frozenset(shares.items())))
        return run.state.satisfaction, run.state.grievance

    refund, nothing = feelings("literature", REFUND), feelings("literature", NOTHING)
    assert refund[0].mean() > nothing[0].mean()
    assert refund[1].mean() < nothing[1].mean()
    for one, other in zip(feelings("null", REFUND), feelings("null", NOTHING), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_life_event_ends_a_contract_in_the_null_preset_too() -> None:
    """The negative control: no effect of the provider's, so nothing of it is cut."""
    counts = [
        weekly("null", ("exit_hazard_life_event_pm", rate)).milestones.exit_cause.astype(bool).sum()
        for rate in (0.0, 0.05)
    ]
    assert counts[1] > counts[0]
