"""Providers to study a method on; a method that is sound finds the truth in each."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

# Nothing the provider decides matters: no strategy can change when or why anybody leaves.
_NULL: dict[str, Any] = {
    "handoff_loss": 0.0,
    "handoff_grievance": 0.0,
    "handoff_resolution_logit": 0.0,
    "denial_loss": 0.0,
    "denial_grievance": 0.0,
    "unresolved_loss": 0.0,
    "unresolved_grievance": 0.0,
    "restore_share": 0.0,
    "wait_loss": 0.0,
    "overrun_loss": 0.0,
    "broken_promise_loss": 0.0,
    "message_gain": 0.0,
    "message_contact_ratio": 1.0,
    "promotion_gain": 0.0,
    "team_promotion_gain": 0.0,
    "wakeup_hr": 1.0,
    "rescue_gain": 0.0,
    "rescue_keeps": 1.0,
    "remedy_restore_refusal": 0.0,
    "remedy_restore_cancellation": 0.0,
    "compensated_gain": 0.0,
    "mismatch_loss": 0.0,
    "mismatch_grievance": 0.0,
    "uncompensated_loss": 0.0,
    "uncompensated_grievance": 0.0,
    "forfeit_loss": 0.0,
    "forfeit_grievance": 0.0,
    "voucher_lock_log_hr": 0.0,
    "friction_abandon_slope": 0.0,
    "friction_attempt_slope": 0.0,
    "friction_grievance": 0.0,
    "friction_loss": 0.0,
    "friction_request_grievance": 0.0,
    "first_term_months": 0.0,  # so that a reform of tacit renewal changes nothing either
    "save_accept_intercept": -40.0,
    "offer_log_hr": 0.0,
    "wom_hr": 1.0,
    "post_outrage": 0.0,
    "reply_gain": 0.0,
    "winback_offer_log_hr": 0.0,
    "mailing_log_hr": 0.0,
    "mailing_annoyance": 0.0,
}
# The articles are right: grievance decides, remedies work at once or never, word spreads.
_SEED_TRUE: dict[str, Any] = {
    "beta_grievance": 1.0,
    "friction_grievance": 0.9,
    "friction_request_grievance": 0.45,
    "wom_hr": 1.8,
    "handoff_loss": 0.30,
    "promotion_gain": 0.15,
    "team_promotion_gain": 0.15,
    "wakeup_hr": 1.0,
    "remedy_restore_refusal": 1.0,
    "remedy_restore_cancellation": 0.0,
    "post_signup_loss": 0.2,
}
# What is meant well does harm: promotions wake, offers teach people to ask to leave.
_ADVERSE: dict[str, Any] = {
    "promotion_gain": 0.0,
    "team_promotion_gain": 0.0,
    "wakeup_hr": 4.0,
    "offer_training_hr": 2.5,
    "offer_log_hr": 0.0,
    "message_gain": -0.08,
    "reply_public_reach": 1.5,
    "reply_fast_reach_cut": 0.0,
    "winback_offer_log_hr": -0.3,
    "mailing_log_hr": -0.3,
}
# Services paid without thinking: most mean to leave and never get round to it, so that nearly a
# third of all exits come with a new card (Einav, Klopack and Mahoney 2023: 31 %).
_STREAMING: dict[str, Any] = {
    "inert_share": 0.7,
    "attempts_per_day_inert": 0.001,
    "intent_fade_pm": 0.01,
    "exit_hazard_service_pm": 0.02,
    "exit_hazard_competitor_pm": 0.02,
}
PRESETS = MappingProxyType(
    {
        "literature": {},
        "null": _NULL,
        "seed_true": _SEED_TRUE,
        "adverse": _ADVERSE,
        "streaming": _STREAMING,
    }
)
