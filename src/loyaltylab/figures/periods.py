"""Rates of leaving by period of the customer relation."""

from __future__ import annotations

import pandas as pd

from loyaltylab.figures import wording
from loyaltylab.figures.checks import check_estimates, check_frame, check_min_cell, check_unique
from loyaltylab.figures.dots import Scale, describe_rows, draw_rows, make_rows
from loyaltylab.figures.figure import Figure
from loyaltylab.figures.suppression import hide_counts, hide_rates


def hazard_by_period(
    frame: pd.DataFrame,
    *,
    stamp: str | None,
    caption: str,
    rate_label: str = "Exits per 1,000 customer-days",
    decimals: int = 2,
    min_cell: int = 1,
    confidence_level: float = 0.95,
    title: str | None = None,
) -> Figure:
    """Draw rates of leaving by period of the customer relation, compared between groups.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns label (the period, such as "60 days around expiry"), rate, ci_lower, ci_upper;
        optionally group, n_events and n_at_risk. Periods and groups keep their order.
    stamp, caption, title : str or None
        Source of the data, message and heading.
    rate_label : str
        The unit of the rates as given.
    decimals : int
        Decimals of the printed numbers.
    min_cell : int
        A rate from fewer events or customers than this is not drawn, as the count could be
        worked out from it; its place says "<min_cell".
    confidence_level : float
        Level of the intervals given.

    Returns
    -------
    Figure
        Its data have label, group, the rate with its interval, and the counts if given.

    Raises
    ------
    FigureError
        If the frame is empty, lacks a column or holds impossible values.

    Examples
    --------
    >>> frame = pd.DataFrame({"label": ["voucher held"], "group": ["voucher"], "rate": [0.8],
    ...                       "ci_lower": [0.6], "ci_upper": [1.1]})
    >>> hazard_by_period(frame, stamp=None, caption="Few leave with a voucher.").alt
    'Exits per 1,000 customer-days with 95 % confidence interval for 1 period. voucher held: \
voucher 0.80 (0.60 to 1.10).'
    """
    check_min_cell(min_cell)
    check_frame(frame, ["label", "rate", "ci_lower", "ci_upper"], what=rate_label)
    check_estimates(frame, "rate", what=rate_label, share=False, may_be_missing=True)
    has_groups = "group" in frame.columns
    keys = ["label", *(["group"] if has_groups else [])]
    check_unique(frame, keys, what=rate_label)
    data = hide_counts(frame, ["n_events", "n_at_risk"], min_cell=min_cell, what=rate_label)
    data = hide_rates(data, min_cell=min_cell)
    columns = [*keys, "rate", "ci_lower", "ci_upper", "shown", "n_events", "shown_n_events",
               "n_at_risk", "shown_n_at_risk"]  # fmt: skip
    data = data[[column for column in columns if column in data.columns]]
    rows = make_rows(data, heading="label" if has_groups else None,
                 label="group" if has_groups else "label", value="rate", decimals=decimals,
                 by_style=has_groups)  # fmt: skip
    n_periods = data["label"].nunique()
    alt = wording.sentences(
        f"{rate_label} with {wording.level(confidence_level)} confidence interval for {n_periods} "
        f"period{'s' if n_periods > 1 else ''}",
        describe_rows(rows),
        stamp,
    )
    scale = Scale(rate_label)
    return Figure(draw_rows(rows, scale, title=title, stamp=stamp), alt, caption, data)
