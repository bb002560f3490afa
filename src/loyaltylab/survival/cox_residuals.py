"""Residuals of a Cox model: who leaves sooner or later than it says, and who moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.survival.arrays import (
    FloatArray,
    IntArray,
    as_read_only,
    as_read_only_counts,
)
from loyaltylab.survival.cluster_sums import sum_by_cluster
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.cox_likelihood import compute_row_scores
from loyaltylab.survival.cox_state import CoxState, compute_coefficient_influence


@dataclass(frozen=True, eq=False)
class CoxResiduals:
    """Residuals of a Cox model, one line per row or per cluster; u lines, p covariates.

    Attributes
    ----------
    names : tuple of str, length p
    unit : ndarray of int, shape (u,)
        Position of the row among the rows given to the fit; of a cluster, that of its first
        row. Increasing.
    is_by_cluster : bool
        Whether lines are weighted sums over the rows of a cluster.
    n_events : ndarray of float, shape (u,)
        1 or 0 for a row; weighted events of a cluster.
    cox_snell : ndarray of float, shape (u,)
        Events expected: the cumulative hazard while at risk. Exponential if the model holds.
    martingale : ndarray of float, shape (u,)
        Events observed minus expected. Weighted, they sum to 0 in each stratum.
    deviance : ndarray of float, shape (u,)
        The same on a scale on which its size is comparable: 0 as expected, positive for an
        exit sooner than expected.
    score : ndarray of float, shape (u, p)
        Contribution to the score of each coefficient, in units of the covariate; unweighted
        for rows, weighted sums for clusters.
    dfbeta : ndarray of float, shape (u, p)
        Weight times the derivative of the coefficients by it: roughly how much they fall when
        the unit is left out. The cross-product over clusters is the robust covariance.
    """

    names: tuple[str, ...]
    unit: IntArray
    is_by_cluster: bool
    n_events: FloatArray
    cox_snell: FloatArray
    martingale: FloatArray
    deviance: FloatArray
    score: FloatArray
    dfbeta: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the residuals, one line per unit (the index); score_x and dfbeta_x per x."""
        columns = ["n_events", "cox_snell", "martingale", "deviance"]
        frame = pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})
        for j, name in enumerate(self.names):
            frame[f"score_{name}"] = self.score[:, j]
            frame[f"dfbeta_{name}"] = self.dfbeta[:, j]
        label = "first_row" if self.is_by_cluster else "row"
        return frame.set_axis(pd.Index(self.unit, name=label), axis="index")


def cox_residuals(fit: CoxFit, *, by_cluster: bool = False) -> CoxResiduals:
    """Compute martingale, deviance, Cox-Snell, score and dfbeta residuals in one pass.

    Parameters
    ----------
    fit : CoxFit
        With delayed entry, strata, weights and ties as fitted. A row of weight zero has none.
    by_cluster : bool
        Sum the rows of each cluster, with their weights: one customer, one residual.

    Returns
    -------
    CoxResiduals

    Source
    ------
    Therneau, Grambsch and Fleming (1990); ``residuals(coxph, type =, collapse =)`` of R
    survival, with Efron's ties.

    Examples
    --------
    >>> from loyaltylab.survival.cox import fit_cox
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1], x)
    >>> bool(abs(cox_residuals(fit).martingale.sum()) < 1e-12)
    True
    """
    state = fit.state
    process, design = state.process, state.design
    events = process.event.astype(np.float64)
    expected = compute_expected_events(state)
    score = np.zeros((process.n_rows, len(fit.names)))
    score[design.row] = compute_row_scores(design, state.moments) * state.scale
    influence = compute_coefficient_influence(process, design, state.moments, state.information)
    dfbeta = influence / state.scale
    unit = np.flatnonzero(process.kept)
    if by_cluster:
        weight, n = process.weights, process.n_clusters
        both = sum_by_cluster(
            process.cluster, weight[:, None] * np.column_stack([events, expected]), n
        )
        events, expected = both[:, 0], both[:, 1]
        score = sum_by_cluster(process.cluster, weight[:, None] * score, n)
        dfbeta = sum_by_cluster(process.cluster, dfbeta, n)
        first = np.unique(process.cluster, return_index=True)[1]
        order = np.argsort(first)
        events, expected, score, dfbeta = (
            part[order] for part in (events, expected, score, dfbeta)
        )
        unit = unit[first[order]]
    return CoxResiduals(
        names=fit.names,
        unit=as_read_only_counts(unit),
        is_by_cluster=by_cluster,
        n_events=as_read_only(events),
        cox_snell=as_read_only(expected),
        martingale=as_read_only(events - expected),
        deviance=as_read_only(_deviance(events, expected)),
        score=as_read_only(score),
        dfbeta=as_read_only(dfbeta),
    )


def compute_expected_events(state: CoxState) -> FloatArray:
    """Cumulative hazard of each row while it is at risk, unweighted, shape (n,).

    A row with an event at a tied time carries, at Efron's step f, the risk share 1 - f.
    """
    design, moments = state.design, state.moments
    cumulative = np.concatenate([[0.0], np.cumsum(moments.inverse[0])])
    hazard = cumulative[design.last + 1] - cumulative[design.first]
    hazard[design.event_row] -= moments.inverse[1][design.event_index]
    expected = np.zeros(state.process.n_rows)
    expected[design.row] = moments.risk / design.weights * hazard
    return expected


def _deviance(events: FloatArray, expected: FloatArray) -> FloatArray:
    """Sign of the martingale residual times the root of twice the Poisson deviance."""
    martingale = events - expected
    seen = events > 0
    log_ratio = np.zeros_like(events)
    log_ratio[seen] = np.log(expected[seen] / events[seen])
    half = -(martingale + events * log_ratio)
    return np.sign(martingale) * np.sqrt(2.0 * np.maximum(half, 0.0))
