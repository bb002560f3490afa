"""True effects of the synthetic provider: the same customers, lived through under two strategies.

What an estimator sees in the tables is one world; here the other one is simulated as well, with
the same luck, so that every contrast has a true value and a Monte-Carlo error.
"""

from loyaltylab.truth.calibration import read_calibration, run_calibration
from loyaltylab.truth.contrasts import Contrast
from loyaltylab.truth.estimands import NOT_GENERATED, Estimand, declare_estimands
from loyaltylab.truth.first_values import compare_with_first
from loyaltylab.truth.moments import Moment, measure_moments
from loyaltylab.truth.pairs import Pair, pair_up
from loyaltylab.truth.run import build_truth, run_truth
from loyaltylab.truth.table import hash_parameters, read_truth
from loyaltylab.truth.values import TrueValue, compute_true_value

__all__ = [
    "NOT_GENERATED",
    "Contrast",
    "Estimand",
    "Moment",
    "Pair",
    "TrueValue",
    "build_truth",
    "compare_with_first",
    "compute_true_value",
    "declare_estimands",
    "hash_parameters",
    "measure_moments",
    "pair_up",
    "read_calibration",
    "read_truth",
    "run_calibration",
    "run_truth",
]
