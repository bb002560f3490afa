"""Pseudo-values of many quantities within one group, and how customers move each other's.

With f the estimate as a function of the weights v of the customers, all 1, the infinitesimal
jackknife gives customer i the value f + n df/dv_i. A weighted sum of these values, with fixed
coefficients c, moves with the weight of customer j by

    sum(c) df/dv_j + n (H c)_j + c . df/dv,      H the second derivatives of f.

It is 0 when the coefficients are equal, and otherwise is what an error that takes pseudo-values
as independent data leaves out. H c is a central difference of the first derivative along c.

Source: Overgaard, Parner and Pedersen (2017), Annals of Statistics 45:1988-2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyaltylab.designs.follow_up_length import known_days
from loyaltylab.survival.arrays import BoolArray, FloatArray
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.influence import compute_product_limit, compute_sum_influence
from loyaltylab.survival.restricted_mean import check_horizon
from loyaltylab.survival.risk_sets import build_risk_sets

# Step of the weights: its square, the error of the central difference, is far below any
# standard error, and rounding over it is smaller still.
WEIGHT_STEP = 1e-4


@dataclass(frozen=True)
class Quantities:
    """What is contrasted: restricted mean, retention at times, incidence by cause and time."""

    horizon: float
    times: tuple[float, ...]
    causes: tuple[str, ...]
    all_causes: tuple[str, ...]

    @property
    def keys(self) -> list[tuple[str, float]]:
        """Name of each column: the cause, or "" for retention; the restricted mean comes first."""
        names = ["", *self.causes]
        return [("restricted mean", self.horizon), *((n, t) for n in names for t in self.times)]


@dataclass(frozen=True, eq=False)
class PseudoOutcomes:
    """Pseudo-values of one group; n customers, q quantities.

    Attributes
    ----------
    values : ndarray of float, shape (n, q)
    """

    values: FloatArray
    quantities: Quantities
    strata: tuple[tuple[BoolArray, CountingProcess, CountingProcess], ...]

    def sum_moves(self, coefficients: FloatArray) -> FloatArray:
        """How customers move the sums of coefficient times pseudo-value, shape (n, q)."""
        moves = np.zeros_like(self.values)
        for is_in, exits, by_cause in self.strata:
            c, n = coefficients[is_in], int(is_in.sum())
            largest = float(np.abs(c).max())
            if largest == 0.0:
                continue
            step = WEIGHT_STEP / largest * c
            _, slope = _differentiate(exits, by_cause, np.ones(n), self.quantities)
            _, above = _differentiate(exits, by_cause, 1.0 + step, self.quantities)
            _, below = _differentiate(exits, by_cause, 1.0 - step, self.quantities)
            bend = (above - below) * (largest / (2.0 * WEIGHT_STEP))
            moves[is_in] = c.sum() * slope + n * bend + c @ slope
        return moves


def compute_pseudo_outcomes(
    part: pd.DataFrame, strata: Sequence[object], quantities: Quantities
) -> PseudoOutcomes:
    """Pseudo-values of the customers of one group, computed within strata.

    Raises
    ------
    EstimationError
        If rows are wrong or the horizon is past the follow-up of a stratum.
    """
    codes = pd.factorize(pd.Series(strata))[0]
    values = np.empty((len(part), len(quantities.keys)))
    found = []
    for code in range(int(codes.max()) + 1):
        is_in = codes == code
        rows = part[is_in]
        exits = build_counting_process(rows["start"], rows["stop"], event=rows["event"])
        by_cause = build_counting_process(
            rows["start"], rows["stop"], exit_cause=rows["exit_cause"], causes=quantities.all_causes
        )
        check_horizon(max(quantities.horizon, *quantities.times), known_days(rows))
        estimate, slope = _differentiate(exits, by_cause, np.ones(len(rows)), quantities)
        values[is_in] = estimate + len(rows) * slope
        found.append((is_in, exits, by_cause))
    return PseudoOutcomes(values, quantities, tuple(found))


def _differentiate(
    exits: CountingProcess, by_cause: CountingProcess, weights: FloatArray, wanted: Quantities
) -> tuple[FloatArray, FloatArray]:
    """Every quantity at given weights (q,), and its derivative by each weight (n, q)."""
    estimates, slopes = [], []
    process = replace(exits, weights=weights)
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    time = risk_sets.time
    by_then = [(time <= asked).astype(np.float64) for asked in wanted.times]
    shapes = [np.maximum(wanted.horizon - time, 0.0), *by_then]
    for whole, shape in zip([wanted.horizon, *np.ones(len(by_then))], shapes, strict=True):
        lost, slope = compute_sum_influence(process, risk_sets, limit, 0, shape)
        estimates.append(whole - lost)
        slopes.append(-slope)
    if wanted.causes:
        process = replace(by_cause, weights=weights)
        risk_sets = build_risk_sets(process)
        limit = compute_product_limit(risk_sets)
        for cause in wanted.causes:
            column = wanted.all_causes.index(cause)
            for shape in by_then:
                left, slope = compute_sum_influence(process, risk_sets, limit, column, shape)
                estimates.append(left)
                slopes.append(slope)
    return np.array(estimates), np.column_stack(slopes)
