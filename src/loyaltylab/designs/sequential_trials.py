"""A sequence of target trials, pooled: begin treatment at the start of a trial, or not then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.covariate_balance import standardised_difference
from loyaltylab.designs.trial_stacking import SequentialTrials
from loyaltylab.designs.weighted_arms import WeightedArm, compute_values, contrast_arms
from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    CumulativeIncidence,
    Estimate,
    HazardRegression,
    RetentionCurve,
    fit_discrete_hazard,
)
from loyaltylab.survival.arrays import FloatArray, as_read_only

INITIATORS, OTHERS = "initiate", "wait"
TARGETS = ("initiators", "eligible")
EXTREME_WEIGHT = 20.0


@dataclass(frozen=True, eq=False)
class SequentialContrast:
    """Initiating at a trial's start against not doing so then; arms "initiate" and "wait".

    Attributes
    ----------
    curves, incidence, restricted_mean : dict, by arm
        Weighted, pooled over the trials.
    restricted_mean_difference : Estimate
        Initiate minus wait.
    retention_differences : dict of float to Estimate
    incidence_differences : dict of (str, float) to Estimate
        By cause and time.
    assignment_model : HazardRegression or None
        Pooled logistic regression of initiating, an intercept per trial.
    weights : ndarray of float, shape (number of person-trials used,)
        In the order of the frame of used trials.
    balance : DataFrame
        Index covariate: standardised difference ``before`` and ``after`` weighting.
    flow : DataFrame
    target : str
    caveats : tuple of str
    """

    curves: dict[str, RetentionCurve]
    incidence: dict[str, CumulativeIncidence]
    restricted_mean: dict[str, Estimate]
    restricted_mean_difference: Estimate
    retention_differences: dict[float, Estimate]
    incidence_differences: dict[tuple[str, float], Estimate]
    assignment_model: HazardRegression | None
    weights: FloatArray
    balance: pd.DataFrame
    flow: pd.DataFrame
    target: str
    caveats: tuple[str, ...]


def contrast_trials(
    trials: SequentialTrials,
    *,
    horizon: float,
    times: Sequence[float] = (),
    target: str = "initiators",
    unit_weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> SequentialContrast:
    """Pool the trials, weighted to one population, and compare by curves.

    The propensity is a pooled logistic regression of initiating on the covariates with an
    intercept for each trial. Trials without both groups are left out, as the flow says.

    Parameters
    ----------
    trials : SequentialTrials
    horizon, times
        As in :func:`contrast_strategies`, since the start of a trial.
    target : {"initiators", "eligible"}
        Whose effect: of those who initiated, or of all person-trials.
    unit_weights : array-like of float, shape (u,), optional
        Weight of each cluster, in the order of ``trials.units``; 2 counts as two alike.
    confidence_level : float

    Returns
    -------
    SequentialContrast
        Errors by cluster, over both arms and all trials, weights taken as known.

    Raises
    ------
    EstimationError
        If the propensity cannot be fitted, or an arm is not followed to the horizon.

    Source
    ------
    As in :func:`stack_trials`; Keogh et al. (2023), Statistics in Medicine 42:2191-2225.

    Examples
    --------
    >>> from loyaltylab.designs.trial_stacking import stack_trials
    >>> rows = pd.DataFrame({"customer_id": list("aabbcd"), "start": [0.0, 10.0, 0, 10, 0, 0],
    ...     "stop": [10.0, 40.0, 10, 35, 20, 40], "event": [0, 0, 0, 0, 1, 0],
    ...     "exit_cause": ["", "", "", "", "price", ""], "refunds": [0, 1, 0, 1, 0, 0]})
    >>> trials = stack_trials(rows, treatment="refunds", starts=[10.0])
    >>> contrast_trials(trials, horizon=20).restricted_mean_difference.value
    5.0
    """
    frame, weights, model = _weigh(trials, target, unit_weights)
    arms = _build_arms(frame, weights)
    found = contrast_arms(
        arms,
        reference=OTHERS,
        causes=trials.causes,
        times=times,
        horizon=horizon,
        confidence_level=confidence_level,
    )
    return SequentialContrast(
        curves=found.curves,
        incidence=found.incidence,
        restricted_mean=found.restricted_mean,
        restricted_mean_difference=found.restricted_mean_differences[INITIATORS],
        retention_differences={
            time: value for (_, time), value in found.retention_differences.items()
        },
        incidence_differences={
            (cause, time): value for (_, cause, time), value in found.incidence_differences.items()
        },
        assignment_model=model,
        weights=as_read_only(weights),
        balance=_compare_covariates(frame, weights, trials.covariates),
        flow=trials.flow,
        target=target,
        caveats=_find_caveats(arms, trials),
    )


def trial_values(
    weights: npt.ArrayLike,
    *,
    trials: SequentialTrials,
    horizon: float,
    times: Sequence[float] = (),
    target: str = "initiators",
) -> dict[str, float]:
    """Values of :func:`contrast_trials` for weights of clusters, models fitted anew.

    This is what a bootstrap by cluster repeats, with ``n_customers=len(trials.units)``.
    """
    frame, own, _ = _weigh(trials, target, weights)
    return compute_values(
        _build_arms(frame, own),
        reference=OTHERS,
        causes=trials.causes,
        times=times,
        horizon=horizon,
    )


def _weigh(
    trials: SequentialTrials, target: str, unit_weights: npt.ArrayLike | None
) -> tuple[pd.DataFrame, FloatArray, HazardRegression | None]:
    """Person-trials of trials with both groups, their weights, and the propensity model."""
    if target not in TARGETS:
        raise EstimationError(f"target is {target!r}; rule: one of {list(TARGETS)}")
    frame = trials.frame
    own = np.ones(len(frame))
    if unit_weights is not None:
        by_unit = np.asarray(unit_weights, dtype=np.float64)
        if by_unit.shape != trials.units.shape or np.any(~(by_unit >= 0)):
            raise EstimationError(
                f"unit_weights need one value, not below 0, for each of {len(trials.units)} "
                "clusters, in the order of units."
            )
        own = by_unit[frame["unit"].to_numpy()]
    mass = pd.DataFrame({"a": own * frame["is_initiator"], "b": own * ~frame["is_initiator"]})
    is_used = (mass.groupby(frame["trial"]).transform("sum") > 0).all(axis="columns").to_numpy()
    is_used &= own > 0
    if not is_used.any():
        raise EstimationError("No trial has both initiators and others of positive weight.")
    frame, own = frame[is_used].reset_index(drop=True), own[is_used]
    share, model = _estimate_propensity(frame, own, trials.covariates)
    treated = frame["is_initiator"].to_numpy()
    if target == "initiators":
        balancing = np.where(treated, 1.0, share / (1 - share))
    else:
        balancing = np.where(treated, 1 / share, 1 / (1 - share))
    return frame, own * balancing, model


def _estimate_propensity(
    frame: pd.DataFrame, own: FloatArray, covariates: tuple[str, ...]
) -> tuple[FloatArray, HazardRegression | None]:
    treated = frame["is_initiator"].to_numpy()
    trial = np.unique(frame["trial"], return_inverse=True)[1]
    if not covariates:
        total, begun = np.bincount(trial, own), np.bincount(trial, own * treated)
        return (begun / total)[trial], None
    x = frame[list(covariates)]
    fit = fit_discrete_hazard(trial, treated, x, weights=own, cluster=frame["unit"])
    hazard = np.asarray(fit.baseline)
    linear = np.log(hazard / (1 - hazard))[trial] + x.to_numpy(np.float64) @ fit.coefficients
    return 1 / (1 + np.exp(-linear)), fit


def _build_arms(frame: pd.DataFrame, weights: FloatArray) -> dict[str, WeightedArm]:
    arms = {}
    for name, is_in in (
        (INITIATORS, frame["is_initiator"].to_numpy()),
        (OTHERS, ~frame["is_initiator"].to_numpy()),
    ):
        part = frame[is_in]
        arms[name] = WeightedArm(
            start=part["start"].to_numpy(dtype=np.float64),
            stop=part["stop"].to_numpy(dtype=np.float64),
            exit_cause=part["exit_cause"].to_numpy(dtype=object),
            weights=weights[is_in],
            unit=part["unit"].to_numpy(dtype=np.int64),
        )
    return arms


def _compare_covariates(
    frame: pd.DataFrame, weights: FloatArray, covariates: tuple[str, ...]
) -> pd.DataFrame:
    treated = frame["is_initiator"].to_numpy()
    lines = []
    for name in covariates:
        x = frame[name].to_numpy(dtype=np.float64)
        scale = np.sqrt((x[treated].var(ddof=1) + x[~treated].var(ddof=1)) / 2)
        means = [np.average(x[is_in], weights=weights[is_in]) for is_in in (treated, ~treated)]
        before = standardised_difference(x[treated], x[~treated])
        lines.append([before, float(means[0] - means[1]) / float(scale)])
    index = pd.Index(covariates, name="covariate")
    return pd.DataFrame(lines, index=index, columns=["before", "after"], dtype=np.float64)


def _find_caveats(arms: dict[str, WeightedArm], trials: SequentialTrials) -> tuple[str, ...]:
    caveats = []
    for name, arm in arms.items():
        largest = float(arm.weights.max() / arm.weights.mean())
        if largest > EXTREME_WEIGHT:
            caveats.append(f"arm '{name}': the largest weight is {largest:.0f} times the mean.")
    n_unused = int((~trials.flow["is_used"]).sum())
    if n_unused:
        caveats.append(f"{n_unused} of {len(trials.flow)} trials lack a group and are left out.")
    return tuple(caveats)
