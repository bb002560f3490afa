"""Estimators of retention: curves, competing exits, restricted means and hazard models.

Rows are intervals (start, stop]; every result is a frozen dataclass with its error and
interval; what cannot be estimated raises :class:`loyaltylab.errors.EstimationError`.
"""

from loyaltylab.survival.accelerated_failure_time import fit_failure_time
from loyaltylab.survival.collinearity import find_collinear_columns
from loyaltylab.survival.competing import (
    CumulativeIncidence,
    cumulative_incidence,
)
from loyaltylab.survival.concordance import concordance
from loyaltylab.survival.counting_process import (
    CountingProcess,
    build_counting_process,
    find_overlapping_rows,
)
from loyaltylab.survival.cox import fit_cox
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.cox_residuals import CoxResiduals, cox_residuals
from loyaltylab.survival.curves import RetentionCurve, kaplan_meier, retention_difference
from loyaltylab.survival.discrete_hazard import fit_discrete_hazard
from loyaltylab.survival.estimate import Estimate, difference
from loyaltylab.survival.failure_time_fit import FailureTimeFit
from loyaltylab.survival.flexible_hazard import FlexibleHazardFit, fit_flexible_hazard
from loyaltylab.survival.hazard_regression import HazardRegression
from loyaltylab.survival.piecewise_exponential import fit_piecewise_exponential
from loyaltylab.survival.proportional_hazards import (
    check_proportional_hazards,
    schoenfeld_residuals,
)
from loyaltylab.survival.rates import event_rate, rates_by_interval
from loyaltylab.survival.restricted_mean import (
    restricted_mean_difference,
    restricted_mean_retention_time,
)
from loyaltylab.survival.retention_prediction import RetentionPrediction, predict_retention
from loyaltylab.survival.row_splitting import split_at_times
from loyaltylab.survival.time_effects import TimeEffectFit, fit_cox_with_time_effect
from loyaltylab.survival.time_lost import restricted_time_lost

__all__ = [
    "CountingProcess",
    "CoxFit",
    "CoxResiduals",
    "CumulativeIncidence",
    "Estimate",
    "FailureTimeFit",
    "FlexibleHazardFit",
    "HazardRegression",
    "RetentionCurve",
    "RetentionPrediction",
    "TimeEffectFit",
    "build_counting_process",
    "check_proportional_hazards",
    "concordance",
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
    "fit_flexible_hazard",
    "fit_piecewise_exponential",
    "kaplan_meier",
    "predict_retention",
    "rates_by_interval",
    "restricted_mean_difference",
    "restricted_mean_retention_time",
    "restricted_time_lost",
    "retention_difference",
    "schoenfeld_residuals",
    "split_at_times",
]
