"""What the page of a roll-out shows: effects by month from the start and by site, other designs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyaltylab.analyses.integrated_team import RolloutAnalysis
from loyaltylab.analyses.rollout_trends import RolloutBounds
from loyaltylab.designs import RestrictedMeanEffect, StaggeredEffects, TrendBounds
from loyaltylab.errors import EstimationError
from loyaltylab.findings.wording import DAYS_PER_MONTH, p_value
from loyaltylab.survival import Estimate

UNIT = "exits per 100 customer-months"


def months_around(
    monthly: StaggeredEffects, *, months_before: int, months_after: int
) -> pd.DataFrame:
    """Effects by month from the start, laid out for ``figures.estimates_forest``.

    Limits are those of the simultaneous band; months without one are left out.

    Raises
    ------
    EstimationError
        If no month around the start has a band.
    """
    table = monthly.by_event_time
    around = table[(table.index >= -months_before) & (table.index < months_after)]
    shown = around[around["band_lower"].notna()]
    if shown.empty:
        raise EstimationError("No month around the start rests on enough sites to be shown.")
    return pd.DataFrame(
        {
            "group": [
                "before the start" if month < 0 else "from the start" for month in shown.index
            ],
            "label": [f"month {month:d}".replace("-", "\N{MINUS SIGN}") for month in shown.index],
            "value": shown["effect"].to_numpy(),
            "ci_lower": shown["band_lower"].to_numpy(),
            "ci_upper": shown["band_upper"].to_numpy(),
        }
    )


def groups_table(retained: RestrictedMeanEffect) -> pd.DataFrame:
    """Months retained by month of start, observed and without a team."""
    table = retained.by_group.reset_index()
    return pd.DataFrame(
        {
            "first month": table["group_month"].dt.strftime("%Y-%m"),
            "sites": table["n_units"],
            "customers": table["customers"].round().astype(int),
            "months retained": table["observed"],
            "without a team": table["counterfactual"],
            "difference": table["effect"],
        }
    )


def designs_table(analysis: RolloutAnalysis) -> pd.DataFrame:
    """The overall effect on exits beside the naive regression and what chance would give."""
    lines = [("group-time effects", *_numbers(analysis.monthly.overall), "")]
    naive = analysis.naive
    if naive is not None:
        share = f"{naive.n_negative_weights} of {naive.n_treated_cells}"
        lines.append(("two-way fixed effects (naive)", *_numbers(naive.effect), share))
    dealt = analysis.randomisation
    lines.append(
        (
            f"start dates dealt at random, {len(dealt.draws)} times",
            signed(dealt.value),
            "",
            p_value(dealt.p_value),
            "",
        )
    )
    columns = ["design", UNIT, "interval", "p", "effects counted negatively"]
    return pd.DataFrame(lines, columns=columns)


def retention_table(retained: RestrictedMeanEffect, at_risk: pd.DataFrame) -> pd.DataFrame:
    """Retention with a team as observed, without as it would have been, and who was there."""
    points = 100 * retained.curves
    lines = []
    for month in at_risk.index:
        if month in points.index:
            line = points.loc[month]
            limits = f"{signed(line['effect_lower'])} to {signed(line['effect_upper'])}"
            numbers = (f"{line['observed']:.1f}", f"{line['counterfactual']:.1f}")
            gap = (signed(line["effect"]), limits)
        else:
            numbers, gap = ("100.0", "100.0"), ("", "")
        counts = (int(at_risk.loc[month, "with_team"]), int(at_risk.loc[month, "waiting"]))
        lines.append((int(month), *numbers, *gap, *counts))
    columns = ["month", "with a team, observed", "without, counterfactual"]
    columns += ["more per 100 customers", "interval", "at risk, with a team", "at waiting sites"]
    return pd.DataFrame(lines, columns=columns)


def retention_panels(retained: RestrictedMeanEffect, at_risk: pd.DataFrame) -> dict[str, Any]:
    """Arguments of :func:`loyaltylab.figures.retention_curves`; ``at_risk`` has every month."""
    points, days = retained.curves, at_risk.index.to_numpy() * DAYS_PER_MONTH
    curves, counts = {}, {}
    for name, column, count in (
        ("with a team, observed", "observed", "with_team"),
        ("without, counterfactual", "counterfactual", "waiting"),
    ):
        numbers = at_risk[count].to_numpy()
        curves[name] = pd.DataFrame(
            {
                "time": days[1:],
                "retention": points[column].clip(0, 1).to_numpy(),
                "ci_lower": points[f"{column}_lower"].clip(0, 1).to_numpy(),
                "ci_upper": points[f"{column}_upper"].clip(0, 1).to_numpy(),
                "n_at_risk": numbers[1:],
            }
        )
        counts[name] = pd.DataFrame({"time": days, "n_at_risk": numbers})
        counts[name] = counts[name][at_risk.index.to_numpy() % 3 == 0].reset_index(drop=True)
    ticks = [float(day) for day in counts[name]["time"]]
    return {"curves": curves, "at_risk": counts, "at_risk_times": ticks, "horizon": days[-1]}


def bounds_table(bounds: RolloutBounds) -> pd.DataFrame:
    """Months retained under each violation of parallel trends."""
    lines = [
        (f"the slope changes by up to {one.violation:g} each quarter", *_interval(one))
        for one in bounds.smooth
    ]
    lines += [
        (f"steps up to {one.violation:g} times the largest before", *_interval(one))
        for one in bounds.relative
    ]
    return pd.DataFrame(lines, columns=["trends may part so far", "months", "robust interval"])


def describe_breakdown(bounds: RolloutBounds) -> str:
    """How large a violation would overturn what the page tells."""
    told = (
        "that there is an effect"
        if bounds.margin is None
        else f"that the effect is smaller than {bounds.margin:g} months"
    )
    texts = []
    for value, rule, words in (
        (
            bounds.smooth_breakdown,
            "with the straight trend of the quarters before going on",
            "the difference in trend changes its slope by {:.3f} exits per 100 customer-months "
            "from one quarter to the next",
        ),
        (
            bounds.relative_breakdown,
            "measured against the last quarter before alone",
            "trends part, from one quarter to the next, by {:.2f} times the most they may have "
            "before",
        ),
    ):
        if value == 0:
            texts.append(f"It is not shown {told} even without a violation, {rule}.")
        else:
            texts.append(f"It is no longer shown {told} once {words.format(value)}.")
    return " ".join(texts)


def _interval(bounds: TrendBounds) -> tuple[str, str]:
    return signed(bounds.value), f"{signed(bounds.ci_lower)} to {signed(bounds.ci_upper)}"


def signed(value: float) -> str:
    """A number with its sign: "+0.12"."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _numbers(estimate: Estimate) -> tuple[str, str, str]:
    limits = f"{signed(estimate.ci_lower)} to {signed(estimate.ci_upper)}"
    return signed(estimate.value), limits, p_value(estimate.p_value)
