"""From association towards effect: contrasts from a common time zero."""

from loyaltylab.designs.balance import standardised_difference
from loyaltylab.designs.clone_censor_weight import (
    StrategyContrast,
    clone_censor_weight,
    contrast_strategies,
    strategy_values,
)
from loyaltylab.designs.clones import Clones, clone_customers
from loyaltylab.designs.customer_bootstrap import Bootstrap, bootstrap_customers
from loyaltylab.designs.group_contrast import GroupContrast, contrast_groups
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.designs.landmark import Landmark, landmark
from loyaltylab.designs.protocol import Protocol, ProtocolElement, protocol_table
from loyaltylab.designs.rate_ratios import ratio_of_rate_ratios, reform_rate_ratio
from loyaltylab.designs.reform import (
    DifferenceInDifferences,
    ReformContrast,
    assign_period,
    contrast_reform,
)
from loyaltylab.designs.sequential_trials import (
    SequentialContrast,
    contrast_trials,
    trial_values,
)
from loyaltylab.designs.shares import estimate_share
from loyaltylab.designs.strategies import Strategy
from loyaltylab.designs.trial_stacking import SequentialTrials, stack_trials

__all__ = [
    "Bootstrap",
    "Clones",
    "DifferenceInDifferences",
    "GroupContrast",
    "Landmark",
    "Protocol",
    "ProtocolElement",
    "ReformContrast",
    "SequentialContrast",
    "SequentialTrials",
    "Strategy",
    "StrategyContrast",
    "assign_period",
    "bootstrap_customers",
    "clone_censor_weight",
    "clone_customers",
    "contrast_groups",
    "contrast_reform",
    "contrast_strategies",
    "contrast_trials",
    "estimate_share",
    "hazard_ratios",
    "landmark",
    "protocol_table",
    "ratio_of_rate_ratios",
    "reform_rate_ratio",
    "stack_trials",
    "standardised_difference",
    "strategy_values",
    "trial_values",
]
