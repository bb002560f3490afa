"""Parts that several pages share: curves with their numbers at risk, and what the data are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.designs import GroupContrast, standardised_difference
from loyaltylab.errors import EstimationError
from loyaltylab.findings.linked_counts import NOT_SHOWN, TOTAL, Sum, write_counts
from loyaltylab.findings.wording import DAYS_PER_MONTH, p_value, ratio_with_interval
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import (
    CumulativeIncidence,
    RetentionCurve,
    rates_by_interval,
)
from loyaltylab.survival.rates import find_rate_limits

TICK_MONTHS = {12: 3, 24: 6, 36: 6, 48: 12, 60: 12}
AUDIT_WORDS = {
    "customers": "customers delivered",
    "customers_without_contract": "customers without a valid contract",
    "customers_under_observation": "customers under observation",
    "customers_never_under_observation": "customers never under observation",
    "contracts": "valid contracts",
    "contracts_overlapping": "contracts that overlap another of the same customer",
    "spells": "lives (contracts joined)",
    "spells_under_observation": "lives under observation",
    "spells_ended_before_observation": "lives that ended before observation began",
    "spells_begun_after_observation": "lives that began after observation ended",
    "spells_with_delayed_entry": "lives that entered late",
    "endings": "contract endings",
    "endings_used": "endings used as exits",
    "endings_before_observation": "endings before observation began",
    "endings_followed_by_another_contract": "endings followed by another contract at once",
    "endings_too_recent_to_tell": "endings too close to the window's end to tell",
    "endings_of_unknown_cause": "exits of unknown cause",
}


def tick_times(horizon_months: int) -> list[float]:
    """Days to label on the axis and to count customers at, up to the horizon."""
    step = next(
        (step for limit, step in TICK_MONTHS.items() if horizon_months <= limit),
        12 * max(1, horizon_months // 60),
    )
    return [month * DAYS_PER_MONTH for month in range(0, horizon_months + 1, step)]


def bundle_exits(frame: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """Times at which at least ``min_cell`` exits have come together since the one kept before.

    A curve shown at every exit would date every single customer's leaving. The curve is exact at
    the times kept, which are rounded up to half days unless many left at that very time; exits
    after the last of them are not shown.
    """
    total = frame["n_events"].cumsum()
    kept, last = [], 0
    for number in total:
        kept.append(number - last >= min_cell)
        last = number if kept[-1] else last
    shown = frame[kept]
    is_shared = shown["n_events"] >= min_cell
    days = shown["time"].where(is_shared, np.ceil(2 * shown["time"]) / 2)
    return shown.assign(time=days).drop_duplicates("time", keep="last").reset_index(drop=True)


def curve_panels(
    curves: Mapping[str, RetentionCurve], *, horizon_months: int, min_cell: int
) -> dict[str, Any]:
    """Arguments of :func:`loyaltylab.figures.retention_curves`: curves and numbers at risk."""
    ticks = tick_times(horizon_months)
    bundled = {
        name: bundle_exits(curve.to_frame(), min_cell=min_cell) for name, curve in curves.items()
    }
    shown = [name for name, frame in bundled.items() if len(frame)]
    _check_shown(shown, min_cell)
    return {
        "curves": {name: bundled[name] for name in shown},
        "at_risk": {name: curves[name].at(ticks)[["time", "n_at_risk"]] for name in shown},
        "at_risk_times": ticks,
        "horizon": horizon_months * DAYS_PER_MONTH,
    }


def _check_shown(shown: Sequence[object], min_cell: int) -> None:
    if not shown:
        raise EstimationError(
            f"Fewer than {min_cell} customers left (disclosure.min_cell), too few to show a curve."
        )


def incidence_panels(
    incidence: Mapping[str, CumulativeIncidence], *, horizon_months: int, min_cell: int
) -> dict[str, Any]:
    """Arguments of :func:`loyaltylab.figures.cumulative_incidence_curves`, a panel per group.

    A cause of which a group has fewer than ``min_cell`` exits has no curve there. It cannot be
    told as the rest of the other curves either: each leaves out up to ``min_cell`` - 1 exits.
    """
    ticks = tick_times(horizon_months)
    frames, counts = [], []
    labels: dict[str, str] = {}
    for name, curves in incidence.items():
        counted = curves.at(ticks, curves.causes[0])[["time", "n_at_risk"]]
        frames += [
            bundle_exits(part, min_cell=min_cell).assign(group=name)
            for _, part in curves.to_frame().groupby("cause", sort=False)
        ]
        counts.append(counted.assign(group=name))
        labels |= {cause: cause.replace("_", " ") for cause in curves.causes}
    _check_shown([frame for frame in frames if len(frame)], min_cell)
    is_one = len(incidence) == 1
    frame, at_risk = pd.concat(frames, ignore_index=True), pd.concat(counts, ignore_index=True)
    return {
        "frame": frame.drop(columns="group") if is_one else frame,
        "at_risk": at_risk.drop(columns="group") if is_one else at_risk,
        "at_risk_times": ticks,
        "cause_labels": labels,
        "horizon": horizon_months * DAYS_PER_MONTH,
    }


def rate_periods(
    followed: pd.DataFrame,
    *,
    group: str,
    groups: Sequence[str],
    causes: Sequence[str],
    cuts_months: Sequence[float],
    confidence_level: float,
) -> pd.DataFrame:
    """Exits per 100 customer-months in each period since time zero, per group.

    Laid out for :func:`loyaltylab.figures.hazard_by_period`.
    """
    frames = []
    for name in groups:
        part = followed[followed[group] == name]
        rates = rates_by_interval(
            part["start"],
            part["stop"],
            part["event"] & part["exit_cause"].isin(list(causes)),
            cuts=[month * DAYS_PER_MONTH for month in cuts_months],
            time_unit=DAYS_PER_MONTH,
            confidence_level=confidence_level,
        )
        scaled = rates.assign(**{key: 100 * rates[key] for key in ("rate", "ci_lower", "ci_upper")})
        labels = [
            f"months {lower:g} to {upper:g}" for lower, upper in itertools.pairwise(cuts_months)
        ]
        frames.append(scaled.assign(label=labels, group=name))
    return pd.concat(frames, ignore_index=True)


def monthly_rates(counts: pd.DataFrame, *, group: str, confidence_level: float) -> pd.DataFrame:
    """Share leaving per month of 30.4375 days, for :func:`loyaltylab.figures.rates_over_time`.

    Months of a group with so few customers that the interval goes beyond all of them are left out.

    Parameters
    ----------
    counts : pandas.DataFrame
        As from :func:`loyaltylab.timeline.count_by_month`.
    group : str
        Column of the groups.
    confidence_level : float
    """
    lines = []
    for line in counts.itertuples(index=False):
        months = line.person_days / DAYS_PER_MONTH
        limits = find_rate_limits(line.n_events, months, confidence_level)
        if limits[1] > 1:
            continue  # a handful of customers: their rate is no share
        lines.append(
            (
                line.month_start,
                getattr(line, group),
                line.n_events / months,
                *limits,
                line.n_events,
            )
        )
    columns = ["period_start", "group", "rate", "ci_lower", "ci_upper", "n_events"]
    return pd.DataFrame(lines, columns=columns)


def describe_balance(
    followed: pd.DataFrame, *, group: str, exposed: str, reference: str
) -> tuple[str, str, str]:
    """A line of diagnostics: whether the groups had the same tenure at time zero."""
    tenures = [
        followed.loc[followed[group] == name, "tenure_days"] for name in (exposed, reference)
    ]
    try:
        result = f"{standardised_difference(*tenures):+.2f}".replace("-", "−")
    except EstimationError:
        result = "not estimable"
    return (
        "tenure at time zero, standardised difference",
        result,
        "Beyond 0.1 in size the groups were not alike in tenure.",
    )


def describe_contrast(contrast: GroupContrast) -> list[tuple[str, str, str]]:
    """Lines of diagnostics of a contrast of two groups."""
    control = contrast.control_hazard_ratio
    return [
        (
            f"hazard ratio of voluntary exit, {contrast.exposed} against {contrast.reference}",
            ratio_with_interval(contrast.hazard_ratio),
            "Secondary: an average over the follow-up.",
        ),
        (
            "proportional hazards of that ratio",
            f"p {p_value(contrast.proportional_hazards_p)}",
            "A small p says the ratio changes over time; rely on the absolute differences.",
        ),
        (
            "log-rank test, any exit",
            f"p {p_value(contrast.logrank_p)}",
            "Whether the two curves differ at all.",
        ),
        (
            "negative control: hazard ratio of exits by life event",
            "no such exits in both groups" if control is None else ratio_with_interval(control),
            "The exposure cannot bring these about; away from 1 the groups were not alike.",
        ),
    ]


def show_diagnostics(checks: Iterable[tuple[str, str, str]]) -> None:
    """Show what was checked, what came out, and how to read it."""
    frame = pd.DataFrame(list(checks), columns=["check", "result", "how to read it"])
    show_table(frame, caption="What was checked, and what came out.")


def show_rows_kept(study: Study) -> None:
    """Show rows delivered, kept and set aside, by table and rule, and missing values."""
    audit = study.audit("tables")
    traps = audit.pop("traps", [])
    lines = [
        {
            "table": name,
            "rows delivered": write_guarded(counts["rows_delivered"]),
            "kept": write_guarded(counts["rows_kept"]),
            "set aside": write_guarded(counts["rows_set_aside"]),
            "rules broken": ", ".join(
                f"{rule} ({write_guarded(rows)})"
                for rule, rows in counts["set_aside_by_rule"].items()
            )
            or "none",
        }
        for name, counts in audit.items()
    ]
    show_table(
        pd.DataFrame(lines),
        caption="Rows delivered, kept, and set aside with their rule; none was repaired.",
    )
    missing = [
        f"{name}.{column} ({write_guarded(rows)} rows)"
        for name, table in audit.items()
        for column, rows in table["missing_values"].items()
        if column.startswith("attribute_")
    ]
    if missing:
        show_note("Attributes with empty values: " + ", ".join(missing) + ".")
    show_traps(traps)


def show_traps(traps: Sequence[Mapping[str, Any]]) -> None:
    """Show what in the data may not mean what it is taken to mean, if anything was found."""
    if not traps:
        return
    lines = [
        {
            "trap": trap["name"].replace("_", " "),
            "where": f"{trap['table']}.{trap['column']}",
            "count": write_guarded(trap["count"]),
            "what was found": trap["what"],
            "acknowledged": "yes" if trap["is_acknowledged"] else "not needed",
        }
        for trap in traps
    ]
    show_table(
        pd.DataFrame(lines),
        caption="What in the data may not mean what a study takes it to mean.",
    )


def show_events(study: Study) -> None:
    """Show what became of every contract and ending, and of every event behind a covariate."""
    audit = study.audit("timeline")
    counts = {AUDIT_WORDS[key]: write_guarded(audit["spells"][key]) for key in AUDIT_WORDS}
    _show_written(counts, caption="What became of every contract and every ending.")
    _show_by_covariate(
        audit["jumps"],
        caption="Changes of every covariate over time, by what became of them. The fates add "
        "up to the total; tied ones are among those within.",
    )
    _show_by_covariate(
        audit["places"],
        caption="The same changes by where they fall among a customer's stays, counted as R's "
        "tmerge does.",
    )


def _show_by_covariate(counts: Mapping[str, Mapping[str, int | str]], *, caption: str) -> None:
    frame = pd.DataFrame(
        {name: {key: write_guarded(one) for key, one in line.items()}
         for name, line in counts.items()}
    ).T  # fmt: skip
    if not len(frame):
        return
    table = frame.rename_axis("covariate").reset_index()
    show_table(
        table.rename(columns={name: name.replace("_", " ") for name in table}), caption=caption
    )


def show_fates(counts: Mapping[str, int], *, caption: str, study: Study) -> None:
    """Show counts by fate; all of them add up to "total", or to what is known from elsewhere."""
    parts = tuple(name for name in counts if name != TOTAL)
    whole = TOTAL if TOTAL in counts else None
    add_up = whole is None or sum(counts[name] for name in parts) == counts[TOTAL]
    sums = [Sum(parts, whole)] if add_up else []
    written = write_counts(counts, sums=sums, min_cell=study.min_cell)
    _show_written({name.replace("_", " "): text for name, text in written.items()}, caption)


def write_guarded(number: int | str) -> str:
    """A count of an audit, which is a text where it may not be shown."""
    return number if isinstance(number, str) else f"{number:,}"


def _show_written(counts: Mapping[str, str], caption: str) -> None:
    note = " Some are not shown, so that no small number follows from the others."
    is_noted = NOT_SHOWN in counts.values()
    frame = pd.DataFrame({"what": list(counts), "count": list(counts.values())})
    show_table(frame, caption=caption + note * is_noted)
