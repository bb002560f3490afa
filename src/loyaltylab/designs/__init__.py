"""From association towards effect: trials emulated, weights, natural experiments, sensitivity."""

from loyaltylab.designs.baseline_covariates import (
    expand_covariates,
)
from loyaltylab.designs.case_bounds import (
    EffectBounds,
    bound_effect_by_extremes,
    bound_effect_by_trimming,
)
from loyaltylab.designs.clone_censor_weight import (
    StrategyContrast,
    clone_censor_weight,
    contrast_strategies,
    strategy_values,
)
from loyaltylab.designs.clones import (
    Clones,
    clone_customers,
)
from loyaltylab.designs.covariate_balance import (
    covariate_balance,
    standardised_difference,
)
from loyaltylab.designs.customer_bootstrap import (
    Bootstrap,
    bootstrap_customers,
)
from loyaltylab.designs.discontinuity_bandwidth import (
    choose_bandwidth,
)
from loyaltylab.designs.discontinuity_density import (
    check_density,
)
from loyaltylab.designs.doubly_robust import (
    AdjustedContrast,
    doubly_robust_contrast,
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
from loyaltylab.designs.equivalence import (
    EquivalenceTest,
    tost,
)
from loyaltylab.designs.event_path import (
    EventPath,
)
from loyaltylab.designs.event_study import (
    EventStudy,
    estimate_event_study,
)
from loyaltylab.designs.exposure_cells import (
    exposure_cells,
)
from loyaltylab.designs.group_contrast import (
    GroupContrast,
    contrast_groups,
)
from loyaltylab.designs.hazard_ratios import (
    hazard_ratios,
)
from loyaltylab.designs.interrupted_series import (
    InterruptedSeries,
    fit_interrupted_series,
)
from loyaltylab.designs.landmark import (
    Landmark,
    landmark,
)
from loyaltylab.designs.marginal_structural import (
    MarginalStructuralCox,
    censoring_weights,
    history_weights,
    marginal_structural_cox,
    summarise_weights_by_time,
)
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
from loyaltylab.designs.placebos import (
    PlaceboDates,
    PlaceboOutcomes,
    run_placebo_dates,
    run_placebo_outcomes,
)
from loyaltylab.designs.pre_trends import (
    PreTrendTest,
    assess_pre_trend,
    assess_slope,
)
from loyaltylab.designs.propensity import (
    Propensity,
    fit_propensity,
)
from loyaltylab.designs.protocol import (
    Protocol,
    ProtocolElement,
    protocol_table,
)
from loyaltylab.designs.randomised_starts import (
    RandomisationTest,
    permute_start_dates,
)
from loyaltylab.designs.rate_ratios import (
    ratio_of_rate_ratios,
    reform_rate_ratio,
)
from loyaltylab.designs.reform import (
    DifferenceInDifferences,
    ReformContrast,
    assign_period,
    contrast_reform,
)
from loyaltylab.designs.regression_discontinuity import (
    RegressionDiscontinuity,
    estimate_discontinuity,
    vary_discontinuity,
)
from loyaltylab.designs.restricted_mean_effect import (
    RestrictedMeanEffect,
    estimate_restricted_mean_effect,
)
from loyaltylab.designs.sequential_trials import (
    SequentialContrast,
    contrast_trials,
    trial_values,
)
from loyaltylab.designs.shares import (
    estimate_share,
)
from loyaltylab.designs.specification_curve import (
    SpecificationCurve,
    run_specifications,
)
from loyaltylab.designs.staggered import (
    StaggeredEffects,
    estimate_staggered_effects,
)
from loyaltylab.designs.standardisation import (
    StandardisedContrast,
    standardised_contrast,
)
from loyaltylab.designs.stock_and_flow import (
    StockAndFlow,
    split_stock_and_flow,
)
from loyaltylab.designs.strategies import (
    Strategy,
)
from loyaltylab.designs.tipping_point import (
    TippingPoint,
    delta_adjusted_restricted_mean,
    find_tipping_point,
)
from loyaltylab.designs.trend_bounds import (
    TrendBounds,
    bound_by_relative_steps,
    bound_by_smoothness,
    find_breakdown,
)
from loyaltylab.designs.trial_stacking import (
    SequentialTrials,
    stack_trials,
)
from loyaltylab.designs.two_way_fixed_effects import (
    TwoWayFixedEffects,
    estimate_two_way_fixed_effects,
)
from loyaltylab.designs.weights import (
    TreatmentWeights,
    summarise_weights,
    treatment_weights,
    truncation_path,
)

__all__ = [
    "AdjustedContrast",
    "Bootstrap",
    "Clones",
    "DifferenceInDifferences",
    "EValue",
    "EffectBounds",
    "EquivalenceTest",
    "EventPath",
    "EventStudy",
    "GroupContrast",
    "InterruptedSeries",
    "Landmark",
    "MarginalStructuralCox",
    "NegativeControl",
    "PlaceboDates",
    "PlaceboOutcomes",
    "PreTrendTest",
    "Propensity",
    "Protocol",
    "ProtocolElement",
    "RandomisationTest",
    "ReasonMatrix",
    "ReformContrast",
    "RegressionDiscontinuity",
    "RestrictedMeanEffect",
    "SequentialContrast",
    "SequentialTrials",
    "SpecificationCurve",
    "StaggeredEffects",
    "StandardisedContrast",
    "StatedIncidences",
    "StockAndFlow",
    "Strategy",
    "StrategyContrast",
    "TippingPoint",
    "TreatmentWeights",
    "TrendBounds",
    "TwoWayFixedEffects",
    "assess_pre_trend",
    "assess_slope",
    "assign_period",
    "benchmark_confounders",
    "bootstrap_customers",
    "bound_by_relative_steps",
    "bound_by_smoothness",
    "bound_effect_by_extremes",
    "bound_effect_by_trimming",
    "bounding_factor",
    "censoring_weights",
    "check_density",
    "choose_bandwidth",
    "clone_censor_weight",
    "clone_customers",
    "contrast_groups",
    "contrast_reform",
    "contrast_strategies",
    "contrast_trials",
    "correct_incidence_differences",
    "correct_incidences",
    "covariate_balance",
    "delta_adjusted_restricted_mean",
    "doubly_robust_contrast",
    "draw_corrected_incidences",
    "e_value_of_ratio",
    "e_value_of_restricted_means",
    "e_value_of_risks",
    "estimate_discontinuity",
    "estimate_event_study",
    "estimate_restricted_mean_effect",
    "estimate_share",
    "estimate_staggered_effects",
    "estimate_stated_incidences",
    "estimate_two_way_fixed_effects",
    "expand_covariates",
    "exposure_cells",
    "find_breakdown",
    "find_e_value",
    "find_tipping_point",
    "fit_interrupted_series",
    "fit_propensity",
    "hazard_ratios",
    "history_weights",
    "judge_negative_control",
    "landmark",
    "marginal_structural_cox",
    "permute_start_dates",
    "protocol_table",
    "ratio_of_rate_ratios",
    "ratio_to_control",
    "read_reason_matrix",
    "reform_rate_ratio",
    "run_placebo_dates",
    "run_placebo_outcomes",
    "run_specifications",
    "split_stock_and_flow",
    "stack_trials",
    "standardised_contrast",
    "standardised_difference",
    "strategy_values",
    "summarise_weights",
    "summarise_weights_by_time",
    "tost",
    "treatment_weights",
    "trial_values",
    "truncation_path",
    "vary_discontinuity",
]
