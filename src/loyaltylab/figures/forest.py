"""Effects with their intervals, against the value that means no difference."""

from __future__ import annotations

import pandas as pd

from loyaltylab.figures import wording
from loyaltylab.figures.checks import check_estimates, check_frame, check_min_cell, check_unique
from loyaltylab.figures.dots import Scale, describe_rows, draw_rows, make_rows
from loyaltylab.figures.figure import Figure, FigureError
from loyaltylab.figures.suppression import hide_counts


def estimates_forest(
    frame: pd.DataFrame,
    *,
    stamp: str | None,
    caption: str,
    value_label: str = "Hazard ratio",
    reference: float = 1.0,
    log_scale: bool = True,
    decimals: int = 2,
    directions: tuple[str, str] | None = None,
    min_cell: int = 1,
    confidence_level: float = 0.95,
    title: str | None = None,
) -> Figure:
    """Draw estimates with their intervals against the value that means no difference.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns label, value, ci_lower, ci_upper; optionally group (a heading over its rows)
        and n_events. A missing value is written "not estimable". Rows keep their order.
    stamp, caption, title : str or None
        Source of the data, message and heading.
    value_label : str
        What is estimated.
    reference : float
        Where the vertical line stands: 1 for ratios, 0 for differences.
    log_scale : bool
        Whether equal ratios are equally far apart.
    decimals : int
        Decimals of the printed numbers.
    directions : tuple of two str, optional
        What values below and above the reference mean.
    min_cell : int
        A smaller number of events is written "<min_cell".
    confidence_level : float
        Level of the intervals given.

    Returns
    -------
    Figure
        Its data have the columns of `frame` that are drawn, and n_events missing where hidden.

    Raises
    ------
    FigureError
        If the frame is empty, lacks a column, or holds values a logarithmic scale cannot show.

    Examples
    --------
    >>> frame = pd.DataFrame({"label": ["reply above one day"], "value": [1.25],
    ...                       "ci_lower": [1.10], "ci_upper": [1.42]})
    >>> estimates_forest(frame, stamp=None, caption="Slow replies cost customers.").alt
    'Hazard ratio with 95 % confidence interval for 1 estimate; 1 means no difference. reply \
above one day: 1.25 (1.10 to 1.42).'
    """
    check_min_cell(min_cell)
    check_frame(frame, ["label", "value", "ci_lower", "ci_upper"], what=value_label)
    check_estimates(frame, "value", what=value_label, share=False, may_be_missing=True)
    if log_scale:
        _refuse_below_zero(frame, reference, what=value_label)
    has_groups = "group" in frame.columns
    keys = (["group"] if has_groups else []) + ["label"]
    check_unique(frame, keys, what=value_label)
    data = hide_counts(frame, ["n_events"], min_cell=min_cell, what=value_label)
    data = data[[c for c in (*keys, "value", "ci_lower", "ci_upper", "n_events", "shown_n_events")
                 if c in data.columns]]  # fmt: skip
    rows = make_rows(data, heading="group" if has_groups else None, label="label", value="value",
                 decimals=decimals, by_style=False)  # fmt: skip
    scale = Scale(value_label, reference, log_scale, directions)
    alt = wording.sentences(
        f"{value_label} with {wording.level(confidence_level)} confidence interval for "
        f"{len(data)} estimate{'s' if len(data) > 1 else ''}; {reference:g} means no difference",
        describe_rows(rows),
        stamp,
    )
    return Figure(draw_rows(rows, scale, title=title, stamp=stamp), alt, caption, data)


def _refuse_below_zero(frame: pd.DataFrame, reference: float, *, what: str) -> None:
    columns = ["value", "ci_lower", "ci_upper"]
    problems = [f"{column!r} is not above 0 ({(frame[column] <= 0).sum()} rows)"
                for column in columns if (frame[column] <= 0).any()]  # fmt: skip
    problems += [f"reference {reference:g} is not above 0"] if reference <= 0 else []
    if problems:
        raise FigureError(f"{what} cannot be drawn on a logarithmic scale.", problems)
