"""Outcomes of worlds written down by hand: what is not said never happened."""

from __future__ import annotations

from typing import Any

import numpy as np

from loyaltylab.sources.synthetic import Recorded, World, WorldOutcome
from loyaltylab.truth import Contrast

NEVER = np.inf
N_DAYS = 1000
DAYS = (
    "entry_day", "go_live_day", "first_contact_day", "second_contact_day", "first_hang_up_day",
    "first_request_day", "first_denial_day",
    "first_failure_day", "first_bad_rating_day", "first_attempt_day", "first_cancellation_day",
    "notice_day",
    "first_post_day", "exit_day", "won_back_day", "second_exit_day", "migrated_day",
)  # fmt: skip
COUNTS = ("exit_cause", "n_contacts", "n_contacts_month", "n_denials")


def make_outcome(n: int, *, n_days: int = N_DAYS, **given: Any) -> WorldOutcome:
    """Everybody is a newcomer of day 0 to whom nothing happens, but for what is given."""
    arrays: dict[str, Any] = {name: np.full(n, NEVER) for name in DAYS}
    arrays |= {name: np.zeros(n, dtype=np.int64) for name in COUNTS}
    arrays |= {"entry_day": np.zeros(n), "tenure_days": np.zeros(n)}
    arrays["exit_grievance"] = np.full(n, np.nan)
    for name, values in given.items():
        assert len(values) == n
        arrays[name] = np.array(values, dtype=arrays[name].dtype)
    arrays["dormant_share"] = np.zeros(n_days)
    quiet = Recorded(
        load=np.zeros(n_days),
        outrage=np.zeros(n_days),
        heard_step=np.zeros(0, dtype=np.int64),
        heard_by=np.zeros(0, dtype=np.int64),
    )
    return WorldOutcome(world=World(), n_days=n_days, step_days=1, environment=quiet, **arrays)


def make_contrast(**given: Any) -> Contrast:
    """The desk, for those who ask to leave, unless something else is given."""
    fields: dict[str, Any] = {
        "id": "desk",
        "hypothesis": "H01",
        "kind": "direct",
        "time_zero": "first_cancellation",
        "strategy_name": "desk",
        "reference_name": "straight through",
        "strategy": World(desk="reactive"),
        "reference": World(desk="none"),
    }
    return Contrast(**{**fields, **given})
