"""Why the provider differs from what it was calibrated to, and today's truth from the first."""

from __future__ import annotations

from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml


def read_moment_reasons() -> MappingProxyType[str, str]:
    """Moment -> why it is not its target."""
    return _read()["moments"]


def read_value_reasons() -> MappingProxyType[str, str]:
    """Contrast -> why its true values are not those of the first provider."""
    return _read()["values"]


@cache
def _read() -> dict[str, MappingProxyType[str, str]]:
    text = resources.files("loyaltylab.truth").joinpath("reasons.yaml").read_text("utf-8")
    return {part: MappingProxyType(reasons) for part, reasons in yaml.safe_load(text).items()}
