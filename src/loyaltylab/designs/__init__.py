"""From association towards effect: contrasts from a common time zero."""

from loyaltylab.designs.balance import standardised_difference
from loyaltylab.designs.case_bounds import (
    EffectBounds,
    bound_effect_by_extremes,
    bound_effect_by_trimming,
)
from loyaltylab.designs.e_values import (
    EValue,
    benchmark_confounders,
    bounding_factor,
    e_value_of_ratio,
    e_value_of_restricted_means,
    e_value_of_risks,
    find_e_value,
)
from loyaltylab.designs.equivalence import EquivalenceTest, tost
from loyaltylab.designs.group_contrast import GroupContrast, contrast_groups
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.designs.misclassification import (
    ReasonMatrix,
    StatedIncidences,
    correct_incidence_differences,
    correct_incidences,
    draw_corrected_incidences,
    estimate_stated_incidences,
    read_reason_matrix,
)
from loyaltylab.designs.negative_controls import (
    NegativeControl,
    judge_negative_control,
    ratio_to_control,
)
from loyaltylab.designs.rate_ratios import ratio_of_rate_ratios, reform_rate_ratio
from loyaltylab.designs.reform import (
    DifferenceInDifferences,
    ReformContrast,
    assign_period,
    contrast_reform,
)
from loyaltylab.designs.shares import estimate_share
from loyaltylab.designs.specification_curve import SpecificationCurve, run_specifications
from loyaltylab.designs.tipping_point import (
    TippingPoint,
    delta_adjusted_restricted_mean,
    find_tipping_point,
)

__all__ = [
    "DifferenceInDifferences",
    "EValue",
    "EffectBounds",
    "EquivalenceTest",
    "GroupContrast",
    "NegativeControl",
    "ReasonMatrix",
    "ReformContrast",
    "SpecificationCurve",
    "StatedIncidences",
    "TippingPoint",
    "assign_period",
    "benchmark_confounders",
    "bound_effect_by_extremes",
    "bound_effect_by_trimming",
    "bounding_factor",
    "contrast_groups",
    "contrast_reform",
    "correct_incidence_differences",
    "correct_incidences",
    "delta_adjusted_restricted_mean",
    "draw_corrected_incidences",
    "e_value_of_ratio",
    "e_value_of_restricted_means",
    "e_value_of_risks",
    "estimate_share",
    "estimate_stated_incidences",
    "find_e_value",
    "find_tipping_point",
    "hazard_ratios",
    "judge_negative_control",
    "ratio_of_rate_ratios",
    "ratio_to_control",
    "read_reason_matrix",
    "reform_rate_ratio",
    "run_specifications",
    "standardised_difference",
    "tost",
]
