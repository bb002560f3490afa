"""From association towards effect: contrasts from a common time zero."""

from loyaltylab.designs.baseline_covariates import expand_covariates
from loyaltylab.designs.covariate_balance import covariate_balance, standardised_difference
from loyaltylab.designs.doubly_robust import AdjustedContrast, doubly_robust_contrast
from loyaltylab.designs.group_contrast import GroupContrast, contrast_groups
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.designs.marginal_structural import (
    MarginalStructuralCox,
    censoring_weights,
    history_weights,
    marginal_structural_cox,
    summarise_weights_by_time,
)
from loyaltylab.designs.propensity import Propensity, fit_propensity
from loyaltylab.designs.rate_ratios import ratio_of_rate_ratios, reform_rate_ratio
from loyaltylab.designs.reform import (
    DifferenceInDifferences,
    ReformContrast,
    assign_period,
    contrast_reform,
)
from loyaltylab.designs.shares import estimate_share
from loyaltylab.designs.standardisation import StandardisedContrast, standardised_contrast
from loyaltylab.designs.weights import (
    TreatmentWeights,
    summarise_weights,
    treatment_weights,
    truncation_path,
)

__all__ = [
    "AdjustedContrast",
    "DifferenceInDifferences",
    "GroupContrast",
    "MarginalStructuralCox",
    "Propensity",
    "ReformContrast",
    "StandardisedContrast",
    "TreatmentWeights",
    "assign_period",
    "censoring_weights",
    "contrast_groups",
    "contrast_reform",
    "covariate_balance",
    "doubly_robust_contrast",
    "estimate_share",
    "expand_covariates",
    "fit_propensity",
    "hazard_ratios",
    "history_weights",
    "marginal_structural_cox",
    "ratio_of_rate_ratios",
    "reform_rate_ratio",
    "standardised_contrast",
    "standardised_difference",
    "summarise_weights",
    "summarise_weights_by_time",
    "treatment_weights",
    "truncation_path",
]
