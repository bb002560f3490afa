"""The parameters of the synthetic provider, and the presets they start from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from loyaltylab.params.presets import PRESETS
from loyaltylab.params.synthetic_defects import DefectParameters
from loyaltylab.params.synthetic_leaving import LeavingParameters
from loyaltylab.params.synthetic_service import ServiceParameters


class SyntheticParameters(DefectParameters, LeavingParameters, ServiceParameters):
    """The synthetic provider: every value it is built from, with its unit in brackets.

    Every key has a default, so params.yaml lists only what a study changes. ``preset`` picks
    other defaults: a key that is given overrides its preset. ``_pm`` is a rate per
    customer-month (30.4375 days); ``beta_`` and ``_log_hr`` are log hazard ratios.

    Examples
    --------
    >>> SyntheticParameters(preset="seed_true").wom_hr
    1.8
    >>> SyntheticParameters(preset="seed_true", wom_hr=1.4).wom_hr
    1.4
    """

    preset: Literal["literature", "null", "seed_true", "adverse", "streaming"] = Field(
        "literature", description="Defaults of the effects [name]"
    )

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        preset = given.get("preset", "literature")
        is_known = isinstance(preset, str) and preset in PRESETS
        return {**PRESETS[preset], **given} if is_known else given

    @model_validator(mode="after")
    def _dates_and_shares_agree(self) -> SyntheticParameters:
        if not self.window_start < self.window_end:
            raise ValueError("window_end must be later than window_start")
        if not self.shock_start < self.shock_end:
            raise ValueError("shock_end must be later than shock_start")
        if not self.reform_announced <= self.reform_date:
            raise ValueError("reform_announced must not be later than reform_date")
        if abs(sum(self.compensation_shares.values()) - 1) > 1e-9:
            raise ValueError("compensation_shares must sum to 1")
        return self
