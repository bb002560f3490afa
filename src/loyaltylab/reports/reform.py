"""What the page of a reform shows: the split of excess exits into stock and flow."""

from __future__ import annotations

import pandas as pd

from loyaltylab.designs import StockAndFlow
from loyaltylab.findings.disclosure import guard_estimate

COLUMNS = ["part", "value", "interval", "unit"]


def split_table(split: StockAndFlow | None, *, min_cell: int) -> pd.DataFrame:
    """Parts of the excess with their intervals; no rows where it could not be split."""
    if split is None:
        return pd.DataFrame(columns=COLUMNS)
    share = split.transient_share
    parts = [
        ("stock at the reform", split.stock, 1.0, split.stock.unit),
        ("flow that stays", split.flow, 1.0, split.flow.unit),
        ("excess in all", split.total_excess, 1.0, split.total_excess.unit),
        ("of it released stock", split.transient_excess, 1.0, split.transient_excess.unit),
        *([("released stock of the excess", share, 100.0, "%")] if share else []),
    ]
    lines = []
    for name, estimate, worth, unit in parts:
        shown = guard_estimate(estimate, min_cell=min_cell)
        digits = 2 if "per" in unit else 0
        value, lower, upper = (
            f"{worth * number:.{digits}f}".replace("-", "\N{MINUS SIGN}")
            for number in (shown.value, shown.ci_lower, shown.ci_upper)
        )
        lines.append((name, value, f"{lower} to {upper}", unit))
    if split.decay_months is not None:
        life = f"{split.decay_months:.1f}"
        lines.append(("mean life of the stock", life, "", "months"))
    return pd.DataFrame(lines, columns=COLUMNS)
