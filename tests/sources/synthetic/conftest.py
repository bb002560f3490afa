"""One provider, simulated once, for every test that only looks at it."""

from __future__ import annotations

import pytest

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import simulate_provider
from loyaltylab.tables.delivery import Delivery

SEED = 1


@pytest.fixture(scope="session")
def parameters() -> SyntheticParameters:
    return SyntheticParameters(n_customers=2500)


@pytest.fixture(scope="session")
def provider(parameters: SyntheticParameters) -> Delivery:
    return simulate_provider(parameters, seed=SEED)
