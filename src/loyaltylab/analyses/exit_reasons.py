"""Reasons as customers state them, held against those that were verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import StudyData, need
from loyaltylab.designs import (
    ReasonMatrix,
    StatedIncidences,
    correct_incidence_differences,
    draw_corrected_incidences,
    estimate_share,
    estimate_stated_incidences,
    read_reason_matrix,
)
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival import Estimate, cumulative_incidence, difference

OTHER = "other"
FEWEST_CHECKED = 20  # per true reason: fewer say next to nothing on how it is misstated


@dataclass(frozen=True, eq=False)
class ReasonCheck:
    """How one reason is stated, against what was verified.

    Attributes
    ----------
    cause : str
    matrix : ReasonMatrix
        Of this reason and all others together.
    stated_if_true : Estimate
        Share of those who left for it that say so.
    stated_if_other : Estimate
        Share of those who left for another reason that say so all the same.
    kappa : float
        Agreement beyond chance (Cohen).
    checked_share : float
        Share of endings with a verified reason.
    """

    cause: str
    matrix: ReasonMatrix
    stated_if_true: Estimate
    stated_if_other: Estimate
    kappa: float
    checked_share: float


@dataclass(frozen=True, eq=False)
class CorrectedReason:
    """Share that left for one reason, exposed minus reference, under three readings.

    Attributes
    ----------
    check : ReasonCheck
    differences : dict of str to Estimate
        "as stated", "as stated, corrected", and "as recorded (verified where it was)".
    drawn : dict of str to Estimate
        Corrected share per group by probabilistic bias analysis.
    """

    check: ReasonCheck
    differences: dict[str, Estimate]
    drawn: dict[str, Estimate]


def stated_causes(data: StudyData) -> pd.Series:
    """Reason stated at the end of each first life, by customer; "unknown" where none was."""
    need(data, "exits")
    exits = data.tables["exits"]
    ended = data.lives.loc[data.lives["event"], ["customer_id", "stop_at"]]
    found = ended.merge(
        exits[["customer_id", "service_end_at", "cause_stated"]],
        left_on=["customer_id", "stop_at"],
        right_on=["customer_id", "service_end_at"],
        how="left",
    )
    known = found.assign(cause=found["cause_stated"].fillna("unknown"))
    known = known.assign(is_unknown=known["cause"] == "unknown")
    first = known.sort_values(["customer_id", "is_unknown", "cause"]).drop_duplicates("customer_id")
    return first.set_index("customer_id")["cause"]


def check_reasons(
    exits: pd.DataFrame, *, cause: str, confidence_level: float = 0.95
) -> ReasonCheck:
    """Hold one stated reason against the verified one.

    Raises
    ------
    NotEstimableError
        If fewer than ``FEWEST_CHECKED`` endings by this reason, or by others, were verified.
    """
    both = exits[exits["cause_verified"].notna() & exits["cause_stated"].notna()]
    is_true = (both["cause_verified"] == cause).to_numpy(dtype=bool)
    is_stated = (both["cause_stated"] == cause).to_numpy(dtype=bool)
    if min(is_true.sum(), (~is_true).sum()) < FEWEST_CHECKED:
        raise NotEstimableError(
            f"Not estimable: needs {FEWEST_CHECKED} endings with a verified reason by {cause} and "
            "as many by others."
        )
    counts = pd.DataFrame(
        [[np.sum(said & true) for true in (is_true, ~is_true)] for said in (is_stated, ~is_stated)],
        index=[cause, OTHER],
        columns=[cause, OTHER],
    )
    level: dict[str, Any] = {"confidence_level": confidence_level}
    return ReasonCheck(
        cause=cause,
        matrix=read_reason_matrix(counts, is_counts=True),
        stated_if_true=estimate_share(
            int(counts.loc[cause, cause]), int(counts[cause].sum()), **level
        ),
        stated_if_other=estimate_share(
            int(counts.loc[cause, OTHER]), int(counts[OTHER].sum()), **level
        ),
        kappa=cohen_kappa(counts.to_numpy(dtype=np.float64)),
        checked_share=float(exits["cause_verified"].notna().mean()),
    )


def cohen_kappa(counts: np.typing.NDArray[np.float64]) -> float:
    """Agreement of two readings beyond what their shares alone bring about.

    Source
    ------
    Cohen (1960), Educational and Psychological Measurement 20:37-46.

    Examples
    --------
    >>> round(cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])), 9)
    0.4
    """
    shares = counts / counts.sum()
    by_chance = float(shares.sum(axis=1) @ shares.sum(axis=0))
    return (float(np.trace(shares)) - by_chance) / (1 - by_chance)


def correct_reason(
    data: StudyData,
    frame: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    cause: str,
    horizon_days: float,
    seed: int,
    confidence_level: float = 0.95,
) -> CorrectedReason:
    """Difference of the share that left for one reason, freed of how reasons are misstated.

    Not adjusted for covariates. How a reason is misstated is taken to be alike in both groups.

    Parameters
    ----------
    data : StudyData
    frame : pandas.DataFrame
        A cohort of first lives, as from :func:`loyaltylab.timeline.follow_up_from`.
    group, exposed, reference : str
        Column of the exposure and its values.
    cause : str
        The reason in question.
    horizon_days : float
    seed : int
        Of the bias analysis.
    confidence_level : float

    Returns
    -------
    CorrectedReason

    Raises
    ------
    NotEstimableError
        As :func:`check_reasons`.
    EstimationError
        If a group has no exit by the reason, or none by others.
    """
    need(data, "exits")
    level: dict[str, Any] = {"confidence_level": confidence_level}
    check = check_reasons(data.tables["exits"], cause=cause, **level)
    stated = frame["customer_id"].map(stated_causes(data)).fillna("unknown")
    parts: dict[str, StatedIncidences] = {}
    recorded = []
    for name in (exposed, reference):
        is_in = (frame[group] == name).to_numpy()
        mine = frame[is_in]
        parts[name] = estimate_stated_incidences(
            mine["start"],
            mine["stop"],
            _as_one_or_other(stated[is_in], mine["event"], cause),
            causes=(cause, OTHER),
            time=horizon_days,
        )
        known = _as_one_or_other(mine["exit_cause"], mine["event"], cause)
        curve = cumulative_incidence(
            mine["start"], mine["stop"], known, causes=(cause, OTHER), **level
        )
        recorded.append(curve.incidence_at(horizon_days, cause))
    certain = ReasonMatrix((cause, OTHER), np.eye(2), None)
    pair = (parts[exposed], parts[reference])
    return CorrectedReason(
        check=check,
        differences={
            "as stated": correct_incidence_differences(*pair, certain, **level)[cause],
            "as stated, corrected": correct_incidence_differences(*pair, check.matrix, **level)[
                cause
            ],
            "as recorded (verified where it was)": difference(recorded[0], recorded[1]),
        },
        drawn={
            name: draw_corrected_incidences(part, check.matrix, seed=seed, **level)[cause]
            for name, part in parts.items()
        },
    )


def _as_one_or_other(causes: pd.Series, event: pd.Series, cause: str) -> list[str]:
    is_cause = (causes == cause).fillna(False).to_numpy(dtype=bool)
    named = np.where(is_cause, cause, OTHER)
    return np.where(event.to_numpy(dtype=bool), named, "").tolist()
