"""Groups of customers an effect is asked for apart, by traits that no strategy changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.run import found_run
from loyaltylab.truth.contrasts import Contrast, Group
from loyaltylab.truth.pairs import Flags

# A desk takes requests only where no team does; the reform covers consumers alone; promotions
# wake the slow; vouchers suit those who do not prefer money.
_ASKED: MappingProxyType[str, tuple[Group, ...]] = MappingProxyType(
    {
        "desk_once_reactive_none": ("without_team",),
        "desk_once_obstructive_reactive": ("without_team",),
        "message_first": ("without_team",),
        "reform": ("consumers", "businesses"),
        "reform_friction": ("consumers", "businesses"),
        "promotions": ("slow", "quick"),
        "compensation_voucher_forfeited": ("money", "no_money"),
        "compensation_voucher_refunded": ("money", "no_money"),
    }
)


def split_by_group(contrasts: Iterable[Contrast]) -> Iterator[Contrast]:
    """Every contrast, and after it the same within each group its hypothesis names."""
    for contrast in contrasts:
        yield contrast
        for group in _ASKED.get(contrast.id, ()):
            yield replace(contrast, id=f"{contrast.id}_{group}", group=group)


def find_members(parameters: SyntheticParameters, *, seed: int) -> Mapping[Group, Flags]:
    """Who belongs to each group of traits, shape (n_customers,) each."""
    traits = found_run(parameters, seed=seed, is_recording=False).traits
    return {
        "consumers": traits.is_consumer,
        "businesses": ~traits.is_consumer,
        "slow": traits.is_inert,
        "quick": ~traits.is_inert,
        "money": traits.prefers_money,
        "no_money": ~traits.prefers_money,
    }
