"""What a page shows of a reform's stock and flow."""

from __future__ import annotations

import pandas as pd

from loyaltylab.designs import split_stock_and_flow
from loyaltylab.reports.reform import split_table


def test_a_split_shows_its_ratios_and_its_share_in_percent() -> None:
    """Rates 1, 1.4 and 1.2 against 1: excess 400 + 400, flow 600 of it, stock 200."""
    counts = pd.DataFrame(
        {
            "period": ["before", "0 to 6 months", "6 to 18 months"],
            "is_late": [False, False, True],
            "covered_events": [4000, 1400, 2400],
            "covered_days": [4000.0, 1000.0, 2000.0],
            "exempt_events": [4000, 1000, 2000],
            "exempt_days": [4000.0, 1000.0, 2000.0],
        }
    )
    split = split_stock_and_flow(counts, n_customers=9000)
    table = split_table(split, min_cell=5).set_index("part")
    assert table.loc["0 to 6 months after", "value"] == "1.40"
    assert table.loc["excess in all", "value"] == "800"
    assert table.loc["released stock of the excess", ["value", "unit"]].tolist() == ["25", "%"]
    hidden = split_table(split_stock_and_flow(counts, n_customers=3), min_cell=5)
    assert hidden["value"].eq("nan").all()
