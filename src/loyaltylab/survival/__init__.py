"""Estimators of retention: curves, competing exits, restricted means and hazard models.

Rows are intervals (start, stop]; every result is a frozen dataclass with its error and
interval; what cannot be estimated raises :class:`loyaltylab.errors.EstimationError`.
"""

from loyaltylab.survival.absolute_risk import absolute_risk
from loyaltylab.survival.accelerated_failure_time import fit_failure_time
from loyaltylab.survival.cause_specific import CauseSpecificCox, cause_specific_cox
from loyaltylab.survival.cohort_retention import retention_by_cohort
from loyaltylab.survival.collinearity import find_collinear_columns
from loyaltylab.survival.competing import CumulativeIncidence, cumulative_incidence
from loyaltylab.survival.concordance import concordance
from loyaltylab.survival.confidence_bands import ConfidenceBand, confidence_band
from loyaltylab.survival.counting_process import (
    CountingProcess,
    build_counting_process,
    find_overlapping_rows,
)
from loyaltylab.survival.cox import fit_cox
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.cox_residuals import CoxResiduals, cox_residuals
from loyaltylab.survival.cumulative_hazards import CumulativeHazard, nelson_aalen
from loyaltylab.survival.curves import RetentionCurve, kaplan_meier, retention_difference
from loyaltylab.survival.discrete_hazard import fit_discrete_hazard
from loyaltylab.survival.estimate import Estimate, difference
from loyaltylab.survival.failure_time_fit import FailureTimeFit
from loyaltylab.survival.fine_gray import FineGrayFit, fit_fine_gray
from loyaltylab.survival.flexible_hazard import FlexibleHazardFit, fit_flexible_hazard
from loyaltylab.survival.gray import GrayTest, gray_test
from loyaltylab.survival.hazard_regression import HazardRegression
from loyaltylab.survival.interval_censoring import (
    IntervalCensoredRetention,
    interval_censored_retention,
)
from loyaltylab.survival.life_tables import life_table
from loyaltylab.survival.log_rank import LogRankTest, log_rank_test
from loyaltylab.survival.mean_cumulative import (
    MeanCumulativeFunction,
    mean_cumulative_difference,
    mean_cumulative_function,
)
from loyaltylab.survival.multi_state import StateOccupation, state_occupation
from loyaltylab.survival.multiplier_bands import multiplier_band
from loyaltylab.survival.negative_controls import (
    NegativeControlComparison,
    compare_with_negative_control,
)
from loyaltylab.survival.pairwise_log_rank import pairwise_log_rank_tests
from loyaltylab.survival.piecewise_exponential import fit_piecewise_exponential
from loyaltylab.survival.proportional_hazards import (
    check_proportional_hazards,
    schoenfeld_residuals,
)
from loyaltylab.survival.pseudo_value_regression import PseudoValueFit, pseudo_value_regression
from loyaltylab.survival.pseudo_values import (
    PseudoValues,
    incidence_pseudo_values,
    restricted_mean_pseudo_values,
    retention_pseudo_values,
)
from loyaltylab.survival.rates import event_rate, rates_by_interval
from loyaltylab.survival.recurrent_cox import andersen_gill, prentice_williams_peterson
from loyaltylab.survival.restricted_mean import (
    restricted_mean_difference,
    restricted_mean_ratio,
    restricted_mean_retention_time,
)
from loyaltylab.survival.retention_prediction import RetentionPrediction, predict_retention
from loyaltylab.survival.row_splitting import split_at_times
from loyaltylab.survival.time_effects import TimeEffectFit, fit_cox_with_time_effect
from loyaltylab.survival.time_in_state import restricted_time_in_state
from loyaltylab.survival.time_lost import restricted_time_lost
from loyaltylab.survival.time_lost_differences import restricted_time_lost_differences
from loyaltylab.survival.transition_cox import TransitionCoxFit, fit_transition_cox
from loyaltylab.survival.transition_hazards import TransitionHazards, transition_hazards
from loyaltylab.survival.transition_prediction import predict_occupation

__all__ = [
    "CauseSpecificCox",
    "ConfidenceBand",
    "CountingProcess",
    "CoxFit",
    "CoxResiduals",
    "CumulativeHazard",
    "CumulativeIncidence",
    "Estimate",
    "FailureTimeFit",
    "FineGrayFit",
    "FlexibleHazardFit",
    "GrayTest",
    "HazardRegression",
    "IntervalCensoredRetention",
    "LogRankTest",
    "MeanCumulativeFunction",
    "NegativeControlComparison",
    "PseudoValueFit",
    "PseudoValues",
    "RetentionCurve",
    "RetentionPrediction",
    "StateOccupation",
    "TimeEffectFit",
    "TransitionCoxFit",
    "TransitionHazards",
    "absolute_risk",
    "andersen_gill",
    "build_counting_process",
    "cause_specific_cox",
    "check_proportional_hazards",
    "compare_with_negative_control",
    "concordance",
    "confidence_band",
    "cox_residuals",
    "cumulative_incidence",
    "difference",
    "event_rate",
    "find_collinear_columns",
    "find_overlapping_rows",
    "fit_cox",
    "fit_cox_with_time_effect",
    "fit_discrete_hazard",
    "fit_failure_time",
    "fit_fine_gray",
    "fit_flexible_hazard",
    "fit_piecewise_exponential",
    "fit_transition_cox",
    "gray_test",
    "incidence_pseudo_values",
    "interval_censored_retention",
    "kaplan_meier",
    "life_table",
    "log_rank_test",
    "mean_cumulative_difference",
    "mean_cumulative_function",
    "multiplier_band",
    "nelson_aalen",
    "pairwise_log_rank_tests",
    "predict_occupation",
    "predict_retention",
    "prentice_williams_peterson",
    "pseudo_value_regression",
    "rates_by_interval",
    "restricted_mean_difference",
    "restricted_mean_pseudo_values",
    "restricted_mean_ratio",
    "restricted_mean_retention_time",
    "restricted_time_in_state",
    "restricted_time_lost",
    "restricted_time_lost_differences",
    "retention_by_cohort",
    "retention_difference",
    "retention_pseudo_values",
    "schoenfeld_residuals",
    "split_at_times",
    "state_occupation",
    "transition_hazards",
]
