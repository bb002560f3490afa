"""A reform month by month: covered customers against exempt ones around its date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.unit_panel import DAYS_PER_MONTH
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

EVENT_STUDY_SCALES = ("log", "additive")
PER_HUNDRED = 100.0


@dataclass(frozen=True, eq=False)
class EventStudy:
    """Covered against exempt in every month, relative to the reference months.

    Attributes
    ----------
    by_month : pandas.DataFrame
        By ``event_time`` (0 in the month of the reform): ``month_start``, ``is_reference``,
        ``covered_events``, ``covered_months`` (customer-months), ``exempt_events``,
        ``exempt_months``, ``effect``, ``standard_error``, ``ci_lower``, ``ci_upper``,
        ``p_value``. Months of the donut are left out. Log hazard ratios, or excess exits per
        100 customer-months.
    covariance : ndarray, shape (m, m)
        Of the effects by month: the reference months are common to all.
    scale : str
    dispersion : float
        Variance of monthly exits over that of a Poisson count, from the months before; at
        least 1. Standard errors hold it.
    confidence_level : float
    caveats : tuple of str
    """

    by_month: pd.DataFrame
    covariance: FloatArray
    scale: str
    dispersion: float
    confidence_level: float
    caveats: tuple[str, ...]


def estimate_event_study(
    cells: pd.DataFrame,
    *,
    reform_at: pd.Timestamp,
    covered: str,
    exempt: str,
    reference_months: Sequence[int],
    donut_days: float = 0.0,
    scale: str = "log",
    confidence_level: float = 0.95,
) -> EventStudy:
    """Effect of a reform by month, against customers whom it does not cover.

    It is an effect only if both would have moved in parallel on the scale chosen.

    Parameters
    ----------
    cells : pandas.DataFrame
        As from :func:`exposure_cells` with the segment as unit; tenure is added up.
    reform_at : pandas.Timestamp
        Month 0 is the one that contains it.
    covered, exempt : str
        Units.
    reference_months : sequence of int
        Event times, before the donut, whose joint level is 0: [-1], or range(-12, 0) to be
        free of season.
    donut_days : float
        Months that touch this many days on either side are left out: announcement, and the
        first rush.
    scale : {"log", "additive"}
    confidence_level : float

    Returns
    -------
    EventStudy

    Raises
    ------
    EstimationError
        If a segment or a month is missing, a cell has no time at risk or (log scale) no exits,
        or a reference month is not before the reform.

    Source
    ------
    Log scale: ``glm(n_events ~ covered * month + offset(log(person_days)), poisson)`` of R;
    dispersion: Pearson's, of ``quasipoisson`` with covered + month before the reform.

    Examples
    --------
    >>> edges = pd.date_range("2024-01-01", periods=3, freq="MS", tz="UTC")
    >>> cells = pd.DataFrame({"unit": ["new", "new", "old", "old"], "tenure_from_days": 0.0,
    ...     "month_start": [*edges[:2]] * 2, "month_stop": [*edges[1:]] * 2,
    ...     "person_days": 3e4, "n_events": [20, 60, 40, 40]})
    >>> study = estimate_event_study(cells, reform_at=edges[1], covered="new", exempt="old",
    ...     reference_months=[-1])
    >>> round(float(np.exp(study.by_month.loc[0, "effect"])), 6)
    3.0
    """
    table = _place_months(
        _tabulate(cells, covered, exempt), reform_at, donut_days, reference_months, scale
    )
    events = table[["covered_events", "exempt_events"]].to_numpy(dtype=np.float64)
    time = table[["covered_months", "exempt_months"]].to_numpy(dtype=np.float64)
    reference = table["is_reference"].to_numpy()
    dispersion = _estimate_dispersion(events[table.index < 0], time[table.index < 0])
    effect, covariance = _contrast(events, time, reference, scale)
    covariance = covariance * dispersion
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    # The only reference month is 0 by definition.
    error[error < 1e-12] = np.nan
    effect = np.where(np.isnan(error), 0.0, effect)
    half = normal_quantile(confidence_level) * error
    few = int((events < 5).any(axis=1).sum())
    caveats = [
        "Two segments: errors are of the counts of exits, with dispersion; a shock to one "
        "segment alone is not among them."
    ]
    if few:
        caveats.append(f"{few} months have fewer than 5 exits in a segment.")
    return EventStudy(
        table.assign(
            effect=effect,
            standard_error=error,
            ci_lower=effect - half,
            ci_upper=effect + half,
            p_value=two_sided_p_value(effect / error),
        ),
        as_read_only(covariance),
        scale,
        dispersion,
        confidence_level,
        tuple(caveats),
    )


def _place_months(
    table: pd.DataFrame,
    reform_at: pd.Timestamp,
    donut_days: float,
    reference_months: Sequence[int],
    scale: str,
) -> pd.DataFrame:
    """Months by their distance to the reform, without the donut, checked."""
    edges = table.index
    reform_month = int(edges.searchsorted(reform_at, side="right")) - 1
    gap = pd.Timedelta(days=donut_days)
    is_hidden = (table["month_stop"] > reform_at - gap) & (edges < reform_at + gap)
    is_hidden &= donut_days > 0
    table = table.assign(
        month_start=edges, event_time=np.arange(len(table)) - reform_month
    ).set_index("event_time")[~is_hidden.to_numpy()]
    table["is_reference"] = table.index.isin(list(reference_months))
    _check(table, scale, reference_months, reform_at, gap, edges)
    return table


def _tabulate(cells: pd.DataFrame, covered: str, exempt: str) -> pd.DataFrame:
    found = set(cells["unit"])
    missing = [name for name in (covered, exempt) if name not in found]
    if missing or covered == exempt:
        raise EstimationError(
            f"Segments {covered!r} and {exempt!r}: rule: two different units of the cells; "
            f"missing: {missing}"
        )
    parts = {
        role: cells[cells["unit"] == name].groupby("month_start")
        for role, name in (("covered", covered), ("exempt", exempt))
    }
    columns = {"month_stop": parts["covered"]["month_stop"].first()}
    for role, part in parts.items():
        columns[f"{role}_events"] = part["n_events"].sum()
        columns[f"{role}_months"] = part["person_days"].sum() / DAYS_PER_MONTH
    return pd.DataFrame(columns)


def _check(
    table: pd.DataFrame,
    scale: str,
    reference_months: Sequence[int],
    reform_at: pd.Timestamp,
    gap: pd.Timedelta,
    edges: pd.Index,
) -> None:
    problems = []
    if scale not in EVENT_STUDY_SCALES:
        problems.append(f"scale is {scale!r}; rule: one of {EVENT_STUDY_SCALES}")
    wrong = [month for month in reference_months if month >= 0 or month not in table.index]
    if wrong or not len(reference_months):
        problems.append(
            f"reference months {wrong} are not there before the reform of {reform_at:%Y-%m-%d} "
            f"and its donut of {gap.days} days; rule: months of the cells, before it"
        )
    if not (table.index >= 0).any():
        problems.append(f"no month after the reform; the cells begin with {edges[0]:%Y-%m}")
    for role in ("covered", "exempt"):
        empty = ~(table[f"{role}_months"] > 0)
        silent = ~(table[f"{role}_events"] > 0) & ~empty
        if empty.any():
            problems.append(f"{role}: nobody at risk in {int(empty.sum())} months")
        if silent.any() and scale == "log":
            problems.append(
                f"{role}: no exits in {int(silent.sum())} months; rule: a log needs exits; fix: "
                "longer months, or the additive scale"
            )
    if problems:
        raise EstimationError("The months around the reform cannot be compared:", problems)


def _estimate_dispersion(events: FloatArray, time: FloatArray) -> float:
    """Pearson's chi-squared over its degrees of freedom for one common ratio of rates."""
    total = events.sum(axis=1)
    ratio = events[:, 0].sum() / max(events[:, 1].sum(), 1.0)
    for _ in range(200):  # The ratio of rates that is the same in all months, by its score.
        share = ratio * time[:, 0] / (ratio * time[:, 0] + time[:, 1])
        step = events[:, 0].sum() / max((total * share).sum(), 1e-300)
        ratio *= step
        if abs(step - 1) < 1e-13:
            break
    share = ratio * time[:, 0] / (ratio * time[:, 0] + time[:, 1])
    expected = np.column_stack([total * share, total * (1 - share)])
    freedom = len(events) - 1
    if freedom < 1:
        return 1.0
    terms = np.divide(
        (events - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0
    )
    return max(1.0, float(terms.sum()) / freedom)


def _contrast(
    events: FloatArray, time: FloatArray, reference: np.ndarray, scale: str
) -> tuple[FloatArray, FloatArray]:
    """Effects by month and their Poisson covariance; the reference is pooled."""
    base_events, base_time = events[reference].sum(axis=0), time[reference].sum(axis=0)
    if scale == "log":
        level = np.log(events / time)
        base = np.log(base_events / base_time)
        own, common = (1 / events).sum(axis=1), float((1 / base_events).sum())
        shared = reference * common
        unit = 1.0
    else:
        level, base = events / time, base_events / base_time
        own, common = (events / time**2).sum(axis=1), float((base_events / base_time**2).sum())
        # Covariance of the rate of a reference month with the pooled rate of all of them.
        shared = reference * (events / time / base_time).sum(axis=1)
        unit = PER_HUNDRED
    effect = unit * ((level[:, 0] - level[:, 1]) - (base[0] - base[1]))
    covariance = unit**2 * (np.diag(own) + common - shared[:, None] - shared[None, :])
    return effect, covariance
