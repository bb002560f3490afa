"""Oracles by R survival, read once; rows that several tests share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ORACLES = Path(__file__).parents[1] / "oracles"


class Oracle:
    """What one R script wrote: data sets as frames, R's numbers as float arrays (null is NaN)."""

    def __init__(self, name: str) -> None:
        self.content: dict[str, Any] = json.loads((ORACLES / f"{name}.json").read_text("utf-8"))

    def frame(self, name: str) -> pd.DataFrame:
        return pd.DataFrame(self.content[name])

    def numbers(self, *path: str | int) -> np.ndarray:
        value: Any = self.content
        for key in path:
            value = value[key]
        return np.array(value, dtype=float)

    def value(self, *path: str | int) -> Any:
        value: Any = self.content
        for key in path:
            value = value[key]
        return value


@pytest.fixture(scope="session")
def curves_oracle() -> Oracle:
    return Oracle("curves")


@pytest.fixture(scope="session")
def log_rank_oracle() -> Oracle:
    return Oracle("log_rank")


@pytest.fixture(scope="session")
def bands_oracle() -> Oracle:
    return Oracle("confidence_bands")


@pytest.fixture(scope="session")
def hazards_oracle() -> Oracle:
    return Oracle("cumulative_hazards")


@pytest.fixture(scope="session")
def pseudo_oracle() -> Oracle:
    return Oracle("pseudo_values")


@pytest.fixture(scope="session")
def grouped_oracle() -> Oracle:
    return Oracle("grouped_times")


@pytest.fixture(scope="session")
def cohorts_oracle() -> Oracle:
    return Oracle("cohorts")


@pytest.fixture(scope="session")
def multi_state_oracle() -> Oracle:
    return Oracle("multi_state")


@pytest.fixture(scope="session")
def competing_models_oracle() -> Oracle:
    return Oracle("competing_models")


@pytest.fixture(scope="session")
def recurrent_oracle() -> Oracle:
    return Oracle("recurrent")


@pytest.fixture(scope="session")
def competing_oracle() -> Oracle:
    return Oracle("competing")


@pytest.fixture(scope="session")
def cox_oracle() -> Oracle:
    return Oracle("cox")


@pytest.fixture(scope="session")
def cox_models_oracle() -> Oracle:
    return Oracle("cox_models")


@pytest.fixture(scope="session")
def hazard_oracle() -> Oracle:
    return Oracle("hazard_regressions")


@pytest.fixture(scope="session")
def failure_times_oracle() -> Oracle:
    return Oracle("failure_times")


@pytest.fixture(scope="session")
def frailty_oracle() -> Oracle:
    return Oracle("frailty")


@pytest.fixture(scope="session")
def colon_rotterdam_oracle() -> Oracle:
    return Oracle("colon_rotterdam")


@pytest.fixture(scope="session")
def checks_oracle() -> Oracle:
    return Oracle("checks")


@pytest.fixture(scope="session")
def ventilation_oracle() -> Oracle:
    return Oracle("ventilation")


@pytest.fixture(scope="session")
def controls_oracle() -> Oracle:
    return Oracle("negative_controls")
