"""The worlds that methods are tried in: presets, and one that breaks what methods rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from loyaltylab.params import SyntheticParameters
from loyaltylab.truth.parts import choose_provider


@dataclass(frozen=True)
class TrialWorld:
    """A kind of provider.

    Attributes
    ----------
    name : str
        Of its results, data/validation/NAME.json.
    preset : str
    changes : mapping of str to float
        Parameters other than the preset's.
    is_identified : bool
        Whether what the methods assume holds. Where it does not, no method is to blame.
    description : str
    """

    name: str
    preset: str
    description: str
    changes: Mapping[str, float] = field(default_factory=dict)
    is_identified: bool = True


WORLDS: MappingProxyType[str, TrialWorld] = MappingProxyType(
    {
        world.name: world
        for world in (
            TrialWorld("literature", "literature", "Effects as the literature has them."),
            TrialWorld("null", "null", "Nothing that is tested has an effect."),
            TrialWorld(
                "adverse", "adverse", "Promotions wake the dormant, desks train customers to ask."
            ),
            TrialWorld(
                "confounded",
                "literature",
                "As in the literature, but who meets the desk, who gets a voucher, who is denied "
                "and which sites start first depend on what moves leaving and is not recorded.",
                MappingProxyType(
                    {
                        "k_save_route": 1.0,
                        "k_comp_assign": 1.0,
                        "k_denial_severity": 1.0,
                        "site_launch_selection": 1.0,
                    }
                ),
                is_identified=False,
            ),
        )
    }
)


def provider_of(
    study: SyntheticParameters, world: TrialWorld, *, n_customers: int
) -> SyntheticParameters:
    """The study's provider in a world: what the study chose itself stays."""
    chosen = choose_provider(study, preset=world.preset, n_customers=n_customers)
    return chosen.model_copy(update=dict(world.changes))
