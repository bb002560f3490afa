"""Two groups from a common time zero: curves, absolute differences, then the hazard ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyaltylab.designs.follow_up_length import about_months, known_days
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    CumulativeIncidence,
    Estimate,
    RetentionCurve,
    check_proportional_hazards,
    cumulative_incidence,
    difference,
    fit_cox,
    kaplan_meier,
    log_rank_test,
    restricted_mean_retention_time,
)


@dataclass(frozen=True, eq=False)
class GroupContrast:
    """An exposed and a reference group, followed from the same kind of moment.

    Attributes
    ----------
    exposed, reference : str
        Names of the two groups.
    curves : dict of str to RetentionCurve
        Any exit counts as leaving.
    incidence : dict of str to CumulativeIncidence
        Exits by cause, competing.
    restricted_mean : dict of str to Estimate
        Days retained up to the horizon, per group.
    restricted_mean_difference : Estimate
        Exposed minus reference, in days.
    retention_differences : dict of float to Estimate
        Exposed minus reference at each time asked for, as shares.
    incidence_differences : dict of (str, float) to Estimate
        By cause and time, as shares.
    hazard_ratio : Estimate
        Of the exits in ``hazard_causes``, exposed against reference.
    control_hazard_ratio : Estimate or None
        The same for ``control_causes``, which should be 1 if the groups were alike; None without
        such exits in both groups. Cause-specific, since a cumulative incidence also moves with
        the causes it competes with.
    proportional_hazards_p : float
        Score test that the ratio does not change over time.
    logrank_p : float
        Log-rank test that both groups leave alike, over any exit, clustered by customer.
    """

    exposed: str
    reference: str
    curves: dict[str, RetentionCurve]
    incidence: dict[str, CumulativeIncidence]
    restricted_mean: dict[str, Estimate]
    restricted_mean_difference: Estimate
    retention_differences: dict[float, Estimate]
    incidence_differences: dict[tuple[str, float], Estimate]
    hazard_ratio: Estimate
    control_hazard_ratio: Estimate | None
    proportional_hazards_p: float
    logrank_p: float


def contrast_groups(
    followed: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    horizon_days: float,
    times_days: Sequence[float],
    hazard_causes: Sequence[str],
    control_causes: Sequence[str] = (),
    confidence_level: float = 0.95,
) -> GroupContrast:
    """Compare two groups of customers followed from an index event.

    Parameters
    ----------
    followed : pandas.DataFrame
        As from :func:`loyaltylab.timeline.follow_up_from`: one row per customer with ``start``,
        ``stop`` (days), ``event``, ``exit_cause``, ``customer_id`` and the group column.
    group : str
        Column with the group names; rows of other groups are left out.
    exposed, reference : str
        The two groups.
    horizon_days : float
        Horizon of the restricted mean; both groups must be followed that long.
    times_days : sequence of float
        Times at which retention and incidence are compared; the horizon always is.
    hazard_causes : sequence of str
        Causes of exit that count as the event of the hazard ratio; others are censored there.
    control_causes : sequence of str
        Causes that the exposure cannot bring about: a negative control.
    confidence_level : float

    Returns
    -------
    GroupContrast

    Raises
    ------
    EstimationError
        If a group is empty or not followed to the horizon.
    """
    parts = {name: followed[followed[group] == name] for name in (exposed, reference)}
    _check_groups(parts, horizon_days)
    times = sorted({*times_days, horizon_days})
    causes = sorted(set(followed.loc[followed["event"], "exit_cause"]))
    level = confidence_level
    curves = {name: _retain(part, level) for name, part in parts.items()}
    incidence = {name: _accumulate(part, causes, level) for name, part in parts.items()}
    means = {name: _restrict(part, horizon_days, level) for name, part in parts.items()}
    ratio, ph_p = _hazard_ratio(parts, exposed, hazard_causes, level)
    has_control = _has_events_in_both(parts, control_causes)
    control = _hazard_ratio(parts, exposed, control_causes, level)[0] if has_control else None
    return GroupContrast(
        exposed=exposed,
        reference=reference,
        curves=curves,
        incidence=incidence,
        restricted_mean=means,
        restricted_mean_difference=difference(means[exposed], means[reference]),
        retention_differences={
            time: _subtract(*(curve.retention_at(time) for curve in curves.values()))
            for time in times
        },
        incidence_differences={
            (cause, time): _subtract(*(one.incidence_at(time, cause) for one in incidence.values()))
            for cause in causes
            for time in times
        },
        hazard_ratio=ratio,
        control_hazard_ratio=control,
        proportional_hazards_p=ph_p,
        logrank_p=_logrank(parts),
    )


def _retain(part: pd.DataFrame, confidence_level: float) -> RetentionCurve:
    return kaplan_meier(
        part["start"], part["stop"], part["event"], confidence_level=confidence_level
    )


def _accumulate(
    part: pd.DataFrame, causes: Sequence[str], confidence_level: float
) -> CumulativeIncidence:
    rows = part["start"], part["stop"], part["exit_cause"]
    return cumulative_incidence(*rows, causes=causes, confidence_level=confidence_level)


def _restrict(part: pd.DataFrame, horizon_days: float, confidence_level: float) -> Estimate:
    rows = part["start"], part["stop"], part["event"]
    return restricted_mean_retention_time(
        *rows, horizon=horizon_days, confidence_level=confidence_level
    )


def _check_groups(parts: dict[str, pd.DataFrame], horizon_days: float) -> None:
    problems = []
    for name, part in parts.items():
        if part.empty:
            problems.append(f"group '{name}' has no customers")
        elif known_days(part) < horizon_days:
            problems.append(
                f"group '{name}' is followed for {about_months(part['stop'].max())}, less "
                f"than the horizon of {horizon_days:g}; take a shorter horizon"
            )
    if problems:
        raise EstimationError("The two groups cannot be compared:", problems)


def _subtract(exposed: Estimate, reference: Estimate) -> Estimate:
    """Difference of two shares; where neither has an error, nor has the difference."""
    errors = (exposed.standard_error, reference.standard_error)
    if max(errors) > 0 and not any(map(math.isnan, errors)):
        return difference(exposed, reference)
    nothing = float("nan")
    return replace(
        exposed,
        value=exposed.value - reference.value,
        standard_error=nothing,
        ci_lower=nothing,
        ci_upper=nothing,
        n=exposed.n + reference.n,
        method="no error: no exits in either group by then, or nobody left",
        p_value=None,
    )


def _has_events_in_both(parts: dict[str, pd.DataFrame], causes: Sequence[str]) -> bool:
    return all(
        bool((part["event"] & part["exit_cause"].isin(list(causes))).any())
        for part in parts.values()
    )


def _logrank(parts: dict[str, pd.DataFrame]) -> float:
    both = pd.concat(list(parts.values()), ignore_index=True)
    group = np.repeat(list(parts), [len(part) for part in parts.values()])
    test = log_rank_test(
        both["start"], both["stop"], both["event"], group, cluster=both["customer_id"]
    )
    return test.p_value


def _hazard_ratio(
    parts: dict[str, pd.DataFrame], exposed: str, causes: Sequence[str], confidence_level: float
) -> tuple[Estimate, float]:
    both = pd.concat(list(parts.values()), ignore_index=True)
    is_exposed = pd.concat(
        [pd.Series(float(name == exposed), index=part.index) for name, part in parts.items()],
        ignore_index=True,
    )
    fit = fit_cox(
        both["start"],
        both["stop"],
        both["event"] & both["exit_cause"].isin(list(causes)),
        pd.DataFrame({exposed: is_exposed}),
        cluster=both["customer_id"],
        confidence_level=confidence_level,
    )
    test = check_proportional_hazards(fit)
    return hazard_ratios(fit)[exposed], float(test.loc["GLOBAL", "p_value"])
