"""One small simulated provider with a roll-out, shared by the analyses' tests."""

from __future__ import annotations

import pytest

from loyaltylab.analyses.study_data import StudyData, build_study_data
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver


@pytest.fixture(scope="session")
def small_study() -> StudyData:
    parameters = SyntheticParameters(n_customers=3000, team_rollout="staggered")
    delivery = deliver(live_through(parameters, seed=11, step_days=7))
    source = delivery.description
    return build_study_data(
        delivery.frames,
        window_start_at=source.window_start_at,
        window_end_at=source.window_end_at,
        memory_days=180.0,
    )
