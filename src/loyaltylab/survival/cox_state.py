"""What a fitted Cox model leaves behind for curves, residuals and tests."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.cox_design import CoxDesign
from loyaltylab.survival.cox_likelihood import RiskMoments, compute_row_scores, sum_row_scores
from loyaltylab.survival.cox_newton import solve_information


@dataclass(frozen=True, eq=False)
class CoxState:
    """The rows, the scaling and the fitted risk sums; p covariates.

    Attributes
    ----------
    process : CountingProcess
    design : CoxDesign
        Covariates centred and scaled, offsets centred.
    moments : RiskMoments
        At the estimate.
    information : ndarray of float, shape (p, p)
        Of the scaled coefficients, with the ridge penalty where there is one.
    beta : ndarray of float, shape (p,)
        Scaled coefficients.
    centre, scale : ndarray of float, shape (p,)
    offset_centre : float
    covariance : ndarray of float, shape (p, p)
        Of the scaled coefficients: the one reported.
    """

    process: CountingProcess = field(repr=False)
    design: CoxDesign = field(repr=False)
    moments: RiskMoments = field(repr=False)
    information: FloatArray = field(repr=False)
    beta: FloatArray
    centre: FloatArray
    scale: FloatArray
    offset_centre: float
    covariance: FloatArray = field(repr=False)

    @property
    def is_robust(self) -> bool:
        """Whether errors are summed within clusters (or weighted rows)."""
        return self.process.is_robust


def compute_coefficient_influence(
    process: CountingProcess, design: CoxDesign, moments: RiskMoments, information: FloatArray
) -> FloatArray:
    """Weight of each row times the derivative of the scaled coefficients by it, shape (n, p).

    Rows are those of the process; a row at risk at no event time moves nothing.

    Source: Lin and Wei (1989); Reid and Crepeau (1985).
    """
    scores = design.weights[:, None] * compute_row_scores(design, moments)
    influence = np.zeros((process.n_rows, scores.shape[1]))
    influence[design.row] = solve_information(information, scores.T).T
    return influence


def sum_coefficient_influence(
    process: CountingProcess, design: CoxDesign, moments: RiskMoments, information: FloatArray
) -> FloatArray:
    """Influence on the scaled coefficients summed within clusters, shape (n_clusters, p).

    Its cross-product is Lin and Wei's sandwich.
    """
    cluster = process.cluster[design.row]
    scores = sum_row_scores(design, moments, cluster, process.n_clusters)
    return solve_information(information, scores.T).T
