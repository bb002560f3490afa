"""Whether hazard ratios stay constant over time: the score test, and Schoenfeld residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.cox_likelihood import (
    compute_event_means,
    compute_information,
    compute_score,
)
from loyaltylab.survival.intervals import chi_square_p_value

TRANSFORMS = ("km", "rank", "identity", "log")


def check_proportional_hazards(fit: CoxFit, *, transform: str = "km") -> pd.DataFrame:
    """Test whether each log hazard ratio is constant in time, and all together.

    The exact score test of the coefficient of x * g(t) added to the model. Like the function
    it follows, it uses the information even when the fit has robust errors; with several
    events per customer its p-values are then too small. With a ridge penalty it uses the
    penalised information of the coefficients.

    Parameters
    ----------
    fit : CoxFit
    transform : {"km", "rank", "identity", "log"}
        g: 1 - retention just before t (all rows pooled, unweighted), rank of t among all stops,
        t, or log t.

    Returns
    -------
    DataFrame
        Index: the covariates, then "GLOBAL". Columns statistic (chi-square),
        degrees_of_freedom, p_value.

    Raises
    ------
    EstimationError
        If the transform is unknown, or the events do not spread over time.

    Source
    ------
    Grambsch and Therneau (1994); ``cox.zph(fit, transform=)`` of R survival 3.

    Examples
    --------
    >>> from loyaltylab.survival.cox import fit_cox
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1], x)
    >>> list(check_proportional_hazards(fit).index)
    ['calls', 'GLOBAL']
    """
    design, moments = fit.state.design, fit.state.moments
    g = _transform_times(fit, transform)
    p = len(fit.names)
    off_diagonal = compute_information(design, moments, g)
    joint = np.block(
        [
            [fit.state.information, off_diagonal],
            [off_diagonal, compute_information(design, moments, g**2)],
        ]
    )
    score = np.concatenate([np.zeros(p), compute_score(design, moments, g)])
    members = [[*range(p), p + j] for j in range(p)] + [list(range(2 * p))]
    statistic = np.array([_score_statistic(joint, score, keep) for keep in members])
    freedom = np.array([1] * p + [p])
    return pd.DataFrame(
        {
            "statistic": statistic,
            "degrees_of_freedom": freedom,
            "p_value": chi_square_p_value(statistic, freedom),
        },
        index=pd.Index([*fit.names, "GLOBAL"], name="covariate"),
    )


def schoenfeld_residuals(fit: CoxFit) -> pd.DataFrame:
    """Covariates of each event minus those expected of it given its risk set.

    Returns
    -------
    DataFrame, shape (n_events, p + 2)
        Columns stratum, time, then one per covariate, in its own unit; ordered by stratum and
        time. Under Efron's ties the expectation is the average over the tied events.

    Source
    ------
    Schoenfeld (1982); ``residuals(coxph, type = "schoenfeld")`` of R survival.
    """
    state, design = fit.state, fit.state.design
    means = compute_event_means(design, state.moments)
    residual = (design.x[design.event_row] - means[design.event_index]) * state.scale
    frame = pd.DataFrame(residual, columns=list(fit.names))
    frame.insert(0, "time", design.time[design.event_index])
    frame.insert(0, "stratum", np.array(state.process.strata)[design.stratum[design.event_index]])
    return frame


def _score_statistic(joint: FloatArray, score: FloatArray, keep: list[int]) -> float:
    matrix = joint[np.ix_(keep, keep)]
    size = np.sqrt(np.diag(matrix))
    scaled = score[keep] / size
    try:
        return float(scaled @ np.linalg.solve(matrix / np.outer(size, size), scaled))
    except np.linalg.LinAlgError:
        raise EstimationError(
            "Constant hazard ratios cannot be tested on these events.",
            [
                "the trends in time are collinear with the covariates; rule: more event times, "
                "with several customers at risk, than trends; fix: test fewer covariates"
            ],
        ) from None


def _transform_times(fit: CoxFit, transform: str) -> FloatArray:
    """g at each event time, minus its mean over events, shape (m,)."""
    process, time = fit.state.process, fit.state.design.time
    if transform == "km":
        g = _left_before(process, time)
    elif transform == "rank":
        stops = np.sort(process.stop)
        below, up_to = np.searchsorted(stops, time), np.searchsorted(stops, time, side="right")
        g = (below + up_to + 1) / 2.0
    elif transform == "identity":
        g = time
    elif transform == "log":
        g = np.log(time)
    else:
        raise EstimationError(f"unknown transform {transform!r}; choose one of {list(TRANSFORMS)}")
    n_tied = fit.state.design.n_tied
    centred = g - np.average(g, weights=n_tied)
    if np.ptp(g) == 0:
        raise EstimationError(
            "All events fall at one time; rule: a trend in time needs at least two event times"
        )
    return np.asarray(centred)


def _left_before(process: CountingProcess, time: FloatArray) -> FloatArray:
    """1 - Kaplan-Meier just before each time, all strata pooled, weights ignored."""
    events = np.sort(process.stop[process.event])
    distinct, n_events = np.unique(events, return_counts=True)
    n_entered = np.searchsorted(np.sort(process.start), distinct, side="left")
    n_left = np.searchsorted(np.sort(process.stop), distinct, side="left")
    retention = np.cumprod(1.0 - n_events / (n_entered - n_left))
    before = np.searchsorted(distinct, time, side="left")
    return np.asarray(1.0 - np.concatenate([[1.0], retention])[before])
