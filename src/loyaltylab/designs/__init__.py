"""From association towards effect: contrasts from a common time zero."""

from loyaltylab.designs.balance import standardised_difference
from loyaltylab.designs.discontinuity_bandwidth import choose_bandwidth
from loyaltylab.designs.discontinuity_density import check_density
from loyaltylab.designs.event_study import EventStudy, estimate_event_study
from loyaltylab.designs.exposure_cells import exposure_cells
from loyaltylab.designs.group_contrast import GroupContrast, contrast_groups
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.designs.interrupted_series import InterruptedSeries, fit_interrupted_series
from loyaltylab.designs.placebos import (
    PlaceboDates,
    PlaceboOutcomes,
    run_placebo_dates,
    run_placebo_outcomes,
)
from loyaltylab.designs.pre_trends import PreTrendTest, assess_pre_trend
from loyaltylab.designs.randomised_starts import RandomisationTest, permute_start_dates
from loyaltylab.designs.rate_ratios import ratio_of_rate_ratios, reform_rate_ratio
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
from loyaltylab.designs.shares import estimate_share
from loyaltylab.designs.staggered import StaggeredEffects, estimate_staggered_effects
from loyaltylab.designs.stock_and_flow import StockAndFlow, split_stock_and_flow
from loyaltylab.designs.two_way_fixed_effects import (
    TwoWayFixedEffects,
    estimate_two_way_fixed_effects,
)

__all__ = [
    "DifferenceInDifferences",
    "EventStudy",
    "GroupContrast",
    "InterruptedSeries",
    "PlaceboDates",
    "PlaceboOutcomes",
    "PreTrendTest",
    "RandomisationTest",
    "ReformContrast",
    "RegressionDiscontinuity",
    "RestrictedMeanEffect",
    "StaggeredEffects",
    "StockAndFlow",
    "TwoWayFixedEffects",
    "assess_pre_trend",
    "assign_period",
    "check_density",
    "choose_bandwidth",
    "contrast_groups",
    "contrast_reform",
    "estimate_discontinuity",
    "estimate_event_study",
    "estimate_restricted_mean_effect",
    "estimate_share",
    "estimate_staggered_effects",
    "estimate_two_way_fixed_effects",
    "exposure_cells",
    "fit_interrupted_series",
    "hazard_ratios",
    "permute_start_dates",
    "ratio_of_rate_ratios",
    "reform_rate_ratio",
    "run_placebo_dates",
    "run_placebo_outcomes",
    "split_stock_and_flow",
    "standardised_difference",
    "vary_discontinuity",
]
