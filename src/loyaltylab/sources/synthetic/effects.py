"""What was built in: the generating parameters, for a page to show beside its estimates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loyaltylab.params import SyntheticParameters

_MEANING_AND_UNIT = re.compile(r"^(?P<meaning>.+) \[(?P<unit>.+)\]$")


@dataclass(frozen=True)
class KnownEffect:
    """One generating parameter.

    Attributes
    ----------
    name : str
        Its key in the ``synthetic`` section of params.yaml.
    value : str
        Its value, as written there.
    unit, meaning : str
        What it counts and what it does.
    """

    name: str
    value: str
    unit: str
    meaning: str


def known_effects(parameters: SyntheticParameters) -> tuple[KnownEffect, ...]:
    """Every generating parameter of a synthetic provider, in the order it acts.

    Examples
    --------
    >>> from loyaltylab.params import SyntheticParameters
    >>> effects = {e.name: e for e in known_effects(SyntheticParameters())}
    >>> effects["desk_share"].value, effects["desk_share"].unit
    ('0.5', 'share')
    """
    effects = []
    for name, field in type(parameters).model_fields.items():
        match = _MEANING_AND_UNIT.match(field.description or "")
        if match is None:
            raise AssertionError(f"the description of {name} must end in its [unit]")
        value = getattr(parameters, name)
        effects.append(KnownEffect(name, _show(value), match["unit"], match["meaning"]))
    return tuple(effects)


def _show(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {share:g}" for key, share in value.items())
    return str(value)
