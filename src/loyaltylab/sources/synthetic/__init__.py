"""The synthetic provider: a subscription business simulated day by day, with known truth."""

from loyaltylab.sources.synthetic.effects import KnownEffect, known_effects
from loyaltylab.sources.synthetic.provider import simulate_provider

__all__ = ["KnownEffect", "known_effects", "simulate_provider"]
