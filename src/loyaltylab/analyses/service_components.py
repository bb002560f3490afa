"""H09: do kept promises, speed and helpfulness keep customers, and which of them most?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import AdjustedAnalysis, analyse_cohort
from loyaltylab.analyses.handled_contacts import merge_rare, recent_severity
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, add_baseline, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import bootstrap_customers
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.measures.service_index import BAD, GOOD, component_events
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.timeline import follow_up_from

SERVICE = "service"
FURTHER = ("topic", "channel", "log_wait", "handoffs_then", "recent_severity", "site_has_team")
RANKING_HOLDS = 0.8  # share of resamples, as declared


@dataclass(frozen=True, eq=False)
class ServiceComponents:
    """What each component of service is worth, at the first contact that shows it.

    Attributes
    ----------
    analyses : dict of str to AdjustedAnalysis
        By component: good against bad.
    together : Estimate
        Sum of the differences of restricted means, in days.
    ranking : tuple of str
        Components, most worth first.
    ranking_share : float
        Share of resamples of customers with this very ranking.
    first_share : float
        Share with the same component in front.
    falsifications, diagnostics : tuple of Check
        Those of every component.
    """

    analyses: dict[str, AdjustedAnalysis]
    together: Estimate
    ranking: tuple[str, ...]
    ranking_share: float
    first_share: float
    falsifications: tuple[Check, ...]
    diagnostics: tuple[Check, ...]

    @property
    def e_value(self) -> float | None:
        """Smallest E-value of a limit among the components; None where one has none."""
        found = [one.e_value for one in self.analyses.values()]
        return min((e.of_limit for e in found if e), default=None) if all(found) else None

    @property
    def strongest_confounder(self) -> float | None:
        """Strongest measured confounder of any component."""
        found = [one.strongest_confounder for one in self.analyses.values()]
        return max((strength for strength in found if strength is not None), default=None)


def component_cohorts(data: StudyData) -> dict[str, pd.DataFrame]:
    """First contacts that show each component, good or bad, with what was known before.

    Raises
    ------
    NotEstimableError
        If the contacts tell of no component.
    """
    need(data, "contacts")
    events = component_events(data.tables["contacts"], known_until=data.window_end_at)
    if not events:
        raise NotEstimableError("Not estimable: needs promises, waits or closings of contacts.")
    starts = team_starts(data.tables)
    entry = data.lives.set_index("customer_id")["entry_at"]
    found = {}
    for name, index in events.items():
        seen = index[index["opened_at"] >= index["customer_id"].map(entry)]
        followed = follow_up_from(data.lives, seen).frame
        mine = followed[followed[SERVICE].isin([GOOD, BAD])].reset_index(drop=True)
        # Known before the contact was opened: what came after is part of how it went.
        mine = _add_baseline_at_opening(data, mine)
        has_team = (mine["site"].map(starts) <= mine["index_at"]).astype("float64")
        merged = {key: merge_rare(mine[key], mine[SERVICE]) for key in ("topic", "channel")}
        found[name] = mine.assign(
            **merged, site_has_team=has_team, recent_severity=recent_severity(data, mine)
        )
    return found


def _add_baseline_at_opening(data: StudyData, mine: pd.DataFrame) -> pd.DataFrame:
    days = (mine["index_at"] - mine["opened_at"]) / pd.Timedelta(days=1)
    opened = mine.assign(index_at=mine["opened_at"], tenure_days=mine["tenure_days"] - days)
    known = add_baseline(data, opened)
    return known.assign(index_at=mine["index_at"], tenure_days=mine["tenure_days"])


def analyse_components(
    cohorts: Mapping[str, pd.DataFrame],
    *,
    horizon_months: float,
    n_replicates: int,
    seed: int,
    confidence_level: float = 0.95,
) -> ServiceComponents:
    """Good against bad service by component, all of them together, and their ranking.

    Parameters
    ----------
    cohorts : mapping of str to pandas.DataFrame
        As from :func:`component_cohorts`.
    horizon_months : float
        Of the restricted mean.
    n_replicates, seed : int
        Of the bootstrap behind the ranking: customers are drawn anew, and every difference moved
        by their influence on it.
    confidence_level : float

    Returns
    -------
    ServiceComponents

    Raises
    ------
    EstimationError
        As :func:`analyse_cohort`.
    """
    analyses = {
        name: analyse_cohort(
            frame,
            group=SERVICE,
            exposed=GOOD,
            reference=BAD,
            further=FURTHER,
            horizon_months=horizon_months,
            with_g_formula=False,
            confidence_level=confidence_level,
        )
        for name, frame in cohorts.items()
    }
    values, influence = align_influence(analyses)
    ranking, whole, first = rank_components(
        values, influence, names=tuple(analyses), n_replicates=n_replicates, seed=seed
    )
    return ServiceComponents(
        analyses=analyses,
        together=_add(
            values,
            influence,
            n_events=_count_leavers(cohorts, horizon_months),
            confidence_level=confidence_level,
        ),
        ranking=ranking,
        ranking_share=whole,
        first_share=first,
        falsifications=_name_checks(analyses, "falsifications"),
        diagnostics=_name_checks(analyses, "diagnostics"),
    )


def align_influence(analyses: Mapping[str, AdjustedAnalysis]) -> tuple[FloatArray, FloatArray]:
    """Differences in days, shape (k,), and each customer's influence on them, shape (n, k)."""
    parts = [
        pd.Series(one.contrast.influence, index=pd.Index(one.contrast.customer, dtype=object))
        for one in analyses.values()
    ]
    table = pd.concat(parts, axis="columns").fillna(0.0).sort_index()
    values = [one.contrast.restricted_mean_difference.value for one in analyses.values()]
    return np.array(values), table.to_numpy(dtype=np.float64)


def rank_components(
    values: FloatArray,
    influence: FloatArray,
    *,
    names: tuple[str, ...],
    n_replicates: int,
    seed: int,
) -> tuple[tuple[str, ...], float, float]:
    """Ranking, the share of resamples with that ranking, and that with the same one in front.

    Parameters
    ----------
    values : ndarray of float, shape (k,)
    influence : ndarray of float, shape (n, k)
        Of each customer on each value; a resample moves a value by the influences of those drawn.
    names : tuple of str, length k
    n_replicates, seed : int

    Raises
    ------
    EstimationError
        As :func:`bootstrap_customers`.
    """

    def move(weights: FloatArray) -> dict[str, float]:
        moved = values + (weights - 1) @ influence
        return {name: float(value) for name, value in zip(names, moved, strict=True)}

    drawn = bootstrap_customers(
        move, n_customers=len(influence), n_replicates=n_replicates, seed=seed
    )
    order = np.argsort(-values, kind="stable")
    found = np.argsort(-drawn.replicates, axis=1, kind="stable")
    is_same = found == order
    return (
        tuple(names[place] for place in order),
        float(is_same.all(axis=1).mean()),
        float(is_same[:, 0].mean()),
    )


def _count_leavers(cohorts: Mapping[str, pd.DataFrame], horizon_months: float) -> int:
    """Customers who left by the horizon after any of the components."""
    horizon = horizon_months * DAYS_PER_MONTH
    left = [
        frame.loc[frame["event"] & (frame["stop"] <= horizon), "customer_id"]
        for frame in cohorts.values()
    ]
    return int(pd.concat(left).nunique())


def _add(
    values: FloatArray, influence: FloatArray, *, n_events: int, confidence_level: float
) -> Estimate:
    """Sum of the differences, its error over customers who are in several of them."""
    value, by_customer = float(values.sum()), influence.sum(axis=1)
    error = math.sqrt(float(np.sum(by_customer**2)))
    if not error > 0:
        raise EstimationError("The sum of the components has no error.")
    reach = normal_quantile(confidence_level) * error
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - reach,
        ci_upper=value + reach,
        confidence_level=confidence_level,
        n=len(influence),
        n_events=n_events,
        unit="days",
        method="sum of doubly robust differences of restricted means, errors by customer",
        p_value=float(two_sided_p_value(value / error)),
    )


def _name_checks(analyses: Mapping[str, AdjustedAnalysis], kind: str) -> tuple[Check, ...]:
    return tuple(
        replace(check, name=f"{name}, {check.name}")
        for name, one in analyses.items()
        for check in getattr(one, kind)
    )
