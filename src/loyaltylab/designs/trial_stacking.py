"""Customers enrolled in a sequence of trials, once for each they are eligible for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.strategies import refuse
from loyaltylab.errors import EstimationError
from loyaltylab.survival.row_checks import describe_rows, read_numbers, read_times

NEEDED = ("customer_id", "start", "stop", "event", "exit_cause")


@dataclass(frozen=True, eq=False)
class SequentialTrials:
    """Person-trials: customers, once for each trial they are eligible for.

    Attributes
    ----------
    frame : DataFrame
        One row per person-trial: ``customer_id``, ``trial`` (its start), ``is_initiator``,
        ``start`` (0), ``stop`` (since the trial's start), ``event``, ``exit_cause``,
        the covariates as known before assignment, and ``unit`` (position in ``units``).
    covariates : tuple of str
    units : ndarray, shape (u,)
        Labels of the clusters, sorted.
    n_customers : int
    causes : tuple of str
    flow : DataFrame
        Index trial: n_eligible, n_initiators, n_others, n_exits, and whether the trial
        ``is_used``: it has both groups.
    """

    frame: pd.DataFrame
    covariates: tuple[str, ...]
    units: npt.NDArray[np.object_]
    n_customers: int
    causes: tuple[str, ...]
    flow: pd.DataFrame


def stack_trials(
    rows: pd.DataFrame,
    *,
    treatment: str,
    starts: Sequence[float],
    covariates: Sequence[str] = (),
    recruitment: float = 0.0,
    cluster: str = "customer_id",
    eligible: str | None = None,
    censor_at_initiation: bool = False,
) -> SequentialTrials:
    """Stack the trials that start at given times.

    A customer is in the trial at time s if at risk just after s and untreated, and eligible,
    just after s - recruitment (just before s if recruitment is 0). Initiators begin treatment
    in (s - recruitment, s], or at s; covariates are those known before that stretch.
    Everybody is followed from s, so nobody has to survive in order to count as an initiator.

    Where groups of customers are treated at fixed dates (sites that go live), ``starts`` are
    these dates on a calendar scale, ``treatment`` is 0 before and 1 from the date on, and
    ``cluster`` the group.

    Parameters
    ----------
    rows : DataFrame
        (start, stop] rows on one time scale: ``customer_id``, ``start``, ``stop``, ``event``,
        ``exit_cause``, the treatment, covariates. One spell per customer.
    treatment : str
        0 until treated, above 0 from then on; a treatment at t shows from t on.
    starts : sequence of float
        Increasing.
    covariates : sequence of str
    recruitment : float
        Not negative; 0 where treatment begins exactly at the starts.
    cluster : str
        Column of the independent unit.
    eligible : str, optional
        Column, true where a customer may enter a trial; read with the covariates.
    censor_at_initiation : bool
        Whether others are censored when they begin treatment later ("not yet"), which takes
        later treatment to be unrelated to leaving given the trial and its covariates. Otherwise
        the contrast is by what was begun at the start (intention to treat).

    Returns
    -------
    SequentialTrials

    Raises
    ------
    EstimationError
        If rows are wrong, or no trial has both groups.

    Source
    ------
    Hernán et al. (2008), Epidemiology 19:766-779; Danaei et al. (2013), Statistical Methods in
    Medical Research 22:70-96.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a", "b"], "start": [0.0, 10.0, 0.0],
    ...     "stop": [10.0, 40.0, 35.0], "event": [False, True, False],
    ...     "exit_cause": ["", "price", ""], "refunds": [0, 1, 0]})
    >>> trials = stack_trials(rows, treatment="refunds", starts=[10.0])
    >>> trials.frame[["customer_id", "is_initiator", "stop"]].values.tolist()
    [['a', True, 30.0], ['b', False, 25.0]]
    """
    _check_rows(rows, treatment, starts, covariates, recruitment, cluster, eligible)
    frame = rows.sort_values(["customer_id", "start"], kind="stable", ignore_index=True)
    refuse(_find_broken_spells(frame), "The rows cannot be stacked:")
    lives = _summarise_lives(frame, treatment, cluster)
    kept = [*covariates, *([] if eligible is None else [eligible])]
    parts = [_enrol(frame, lives, float(s), treatment, kept, recruitment) for s in starts]
    stacked = pd.concat(parts, ignore_index=True)
    if eligible is not None:
        stacked = stacked[stacked[eligible].astype(bool)].drop(columns=eligible)
    if censor_at_initiation:
        stacked = _censor_others(stacked)
    flow = _count(stacked, starts)
    if not flow["is_used"].any():
        raise EstimationError(
            "No trial has both initiators and others.",
            ["rule: at least one; fix: other starts, or a longer recruitment"],
        )
    unit, units = pd.factorize(stacked["cluster"], sort=True)
    stacked = stacked.assign(unit=unit).drop(columns=["initiated", "cluster"])
    stacked = stacked.reset_index(drop=True)
    return SequentialTrials(
        frame=stacked,
        covariates=tuple(covariates),
        units=np.asarray(units, dtype=object),
        n_customers=int(stacked["customer_id"].nunique()),
        causes=tuple(sorted(set(stacked["exit_cause"]) - {""})),
        flow=flow,
    )


def _check_rows(
    rows: pd.DataFrame,
    treatment: str,
    starts: Sequence[float],
    covariates: Sequence[str],
    recruitment: float,
    cluster: str,
    eligible: str | None,
) -> None:
    needed = [*NEEDED, treatment, *covariates, cluster, *([eligible] if eligible else [])]
    problems = [f"no column {name!r}" for name in dict.fromkeys(needed) if name not in rows]
    times = np.asarray(starts, dtype=np.float64)
    if len(times) == 0 or not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        problems.append(f"starts are {list(starts)[:5]}; rule: finite and increasing")
    elif not 0 <= recruitment <= np.min(np.diff(times), initial=np.inf):
        problems.append(
            f"recruitment is {recruitment:g}; rule: from 0 to the shortest time between starts, "
            "so that nobody initiates in two trials"
        )
    if not problems:
        read_times(rows["start"], rows["stop"], problems)
        read_numbers(treatment, rows[treatment], problems)
        problems += _find_unclear_exits(rows)
        for name in ("customer_id", cluster):
            if rows[name].isna().any():
                problems.append(f"{name} is missing; rule: every row has one")
    refuse(problems, "The rows cannot be stacked:")


def _find_unclear_exits(rows: pd.DataFrame) -> list[str]:
    has_cause = rows["exit_cause"].notna() & (rows["exit_cause"] != "")
    is_unclear = (has_cause != rows["event"].astype(bool)).to_numpy()
    if not is_unclear.any():
        return []
    return [
        f"event and exit_cause contradict each other in {describe_rows(is_unclear)}; rule: a "
        "cause where there is an exit, and only there"
    ]


def _find_broken_spells(frame: pd.DataFrame) -> list[str]:
    same = (frame["customer_id"] == frame["customer_id"].shift()).to_numpy()
    torn = same & (frame["start"] != frame["stop"].shift()).to_numpy()
    if not torn.any():
        return []
    return [
        f"{describe_rows(torn)}, by customer and time, do not begin where the customer's last one "
        "ends; rule: one spell per customer; fix: give spells of one customer names of their own "
        "and cluster by customer"
    ]


def _summarise_lives(frame: pd.DataFrame, treatment: str, cluster: str) -> pd.DataFrame:
    """Per customer: end of the spell, its outcome, first treatment (infinite for never)."""
    last = frame.drop_duplicates("customer_id", keep="last").set_index("customer_id", drop=False)
    initiated = frame[frame[treatment] > 0].groupby("customer_id")["start"].min()
    return pd.DataFrame(
        {
            "end": last["stop"],
            "event": last["event"].astype(bool),
            "exit_cause": last["exit_cause"].astype(object).where(last["event"].astype(bool), ""),
            "initiated": initiated.reindex(last.index).fillna(np.inf),
            "cluster": last[cluster],
        }
    )


def _enrol(
    frame: pd.DataFrame,
    lives: pd.DataFrame,
    at: float,
    treatment: str,
    kept: Sequence[str],
    recruitment: float,
) -> pd.DataFrame:
    known = at - recruitment
    if recruitment > 0:
        in_force = (frame["start"] <= known) & (known < frame["stop"])
    else:
        in_force = (frame["start"] < at) & (at <= frame["stop"])
    rows = frame[in_force & (frame[treatment] <= 0)]
    life = lives.loc[rows["customer_id"]].reset_index(names="customer_id")
    part = pd.DataFrame(
        {
            "customer_id": life["customer_id"],
            "trial": at,
            "is_initiator": life["initiated"] <= at,
            "start": 0.0,
            "stop": life["end"] - at,
            "event": life["event"],
            "exit_cause": life["exit_cause"],
            "cluster": life["cluster"],
            "initiated": life["initiated"] - at,
        }
    )
    part = part.assign(**{name: rows[name].to_numpy() for name in kept})
    return part[part["stop"] > 0]


def _censor_others(stacked: pd.DataFrame) -> pd.DataFrame:
    is_cut = ~stacked["is_initiator"] & (stacked["initiated"] < stacked["stop"])
    return stacked.assign(
        stop=stacked["stop"].where(~is_cut, stacked["initiated"]),
        event=stacked["event"] & ~is_cut,
        exit_cause=stacked["exit_cause"].where(~is_cut, ""),
    )


def _count(stacked: pd.DataFrame, starts: Sequence[float]) -> pd.DataFrame:
    by_trial = stacked.groupby("trial")
    flow = pd.DataFrame(
        {
            "n_eligible": by_trial.size(),
            "n_initiators": by_trial["is_initiator"].sum(),
            "n_exits": by_trial["event"].sum(),
        }
    )
    flow = flow.reindex(pd.Index([float(s) for s in starts], name="trial"), fill_value=0)
    flow = flow.astype(np.int64)
    flow.insert(2, "n_others", flow["n_eligible"] - flow["n_initiators"])
    return flow.assign(is_used=(flow["n_initiators"] > 0) & (flow["n_others"] > 0))
