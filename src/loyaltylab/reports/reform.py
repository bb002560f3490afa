"""What the page of a reform shows: the split of excess requests into stock and flow."""

from __future__ import annotations

import pandas as pd

from loyaltylab.designs import StockAndFlow
from loyaltylab.findings.disclosure import guard_estimate
from loyaltylab.findings.wording import p_value, ratio_with_interval
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

COLUMNS = ["part", "value", "interval", "unit"]


def split_table(split: StockAndFlow, *, min_cell: int) -> pd.DataFrame:
    """Ratios by period, then the excess and its parts, with their intervals."""
    parts: list[tuple[str, Estimate, float, str]] = [
        *((f"{name} after", ratio, 1.0, "ratio") for name, ratio in split.ratios.items()),
        ("late months together: the flow", split.flow_ratio, 1.0, "ratio"),
        ("excess in all", split.total_excess, 1.0, "requests"),
        ("of it released stock", split.stock_excess, 1.0, "requests"),
    ]
    if split.transient_share is not None:
        parts.append(("released stock of the excess", split.transient_share, 100.0, "%"))
    lines = []
    for name, estimate, worth, unit in parts:
        shown = guard_estimate(estimate, min_cell=min_cell)
        digits = 2 if unit == "ratio" else 0
        value, lower, upper = (
            f"{worth * number:.{digits}f}".replace("-", "\N{MINUS SIGN}")
            for number in (shown.value, shown.ci_lower, shown.ci_upper)
        )
        lines.append((name, value, f"{lower} to {upper}", unit))
    return pd.DataFrame(lines, columns=COLUMNS)


def show_split(split: StockAndFlow | None, told: str, *, study: Study) -> None:
    """Show what is said of stock and flow, and the numbers it rests on."""
    show_note(told)
    if split is None:
        return
    show_table(
        split_table(split, min_cell=study.min_cell),
        caption="First requests to end, covered against exempt, after the reform against before: "
        "ratio of ratios by period, and the excess as a stock that runs dry and a flow that stays.",
    )
    drift = split.exempt_drift
    show_note(
        "The exempt segment's change is taken as one over all these months; in the late ones its "
        f"rate was {ratio_with_interval(drift)} times that of the early ones "
        f"(p {p_value(drift.p_value)})."
    )
