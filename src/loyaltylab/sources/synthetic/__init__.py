"""The synthetic provider: a subscription business simulated day by day, with known truth."""

from loyaltylab.sources.synthetic.counterfactual import simulate_world
from loyaltylab.sources.synthetic.effects import KnownEffect, known_effects
from loyaltylab.sources.synthetic.endings import CAUSES, misclassification_matrix
from loyaltylab.sources.synthetic.provider import simulate_in_parts, simulate_provider
from loyaltylab.sources.synthetic.worlds import Recorded, World, WorldOutcome

__all__ = [
    "CAUSES",
    "KnownEffect",
    "Recorded",
    "World",
    "WorldOutcome",
    "known_effects",
    "misclassification_matrix",
    "simulate_in_parts",
    "simulate_provider",
    "simulate_world",
]
