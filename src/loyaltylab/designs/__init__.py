"""From association towards effect: contrasts from a common time zero."""

from loyaltylab.designs.balance import standardised_difference
from loyaltylab.designs.group_contrast import GroupContrast, contrast_groups
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.designs.rate_ratios import ratio_of_rate_ratios, reform_rate_ratio
from loyaltylab.designs.reform import (
    DifferenceInDifferences,
    ReformContrast,
    assign_period,
    contrast_reform,
)
from loyaltylab.designs.shares import estimate_share

__all__ = [
    "DifferenceInDifferences",
    "GroupContrast",
    "ReformContrast",
    "assign_period",
    "contrast_groups",
    "contrast_reform",
    "estimate_share",
    "hazard_ratios",
    "ratio_of_rate_ratios",
    "reform_rate_ratio",
    "standardised_difference",
]
