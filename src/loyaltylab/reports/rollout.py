"""What the page of a roll-out shows: effects by month from the start and by site, other designs."""

from __future__ import annotations

import pandas as pd

from loyaltylab.analyses.integrated_team import RolloutAnalysis
from loyaltylab.designs import RestrictedMeanEffect, StaggeredEffects
from loyaltylab.errors import EstimationError
from loyaltylab.findings.wording import p_value
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


def signed(value: float) -> str:
    """A number with its sign: "+0.12"."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _numbers(estimate: Estimate) -> tuple[str, str, str]:
    limits = f"{signed(estimate.ci_lower)} to {signed(estimate.ci_upper)}"
    return signed(estimate.value), limits, p_value(estimate.p_value)
