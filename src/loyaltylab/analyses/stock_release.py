"""H22: is what a reform of leaving sets off a release that passes, or a flow that stays?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from loyaltylab.analyses.exit_reform import reform_of
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, need
from loyaltylab.designs import StockAndFlow, split_stock_and_flow
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.measures.cancellation_friction import Reform
from loyaltylab.survival import Estimate
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds

# Months after the reform. Who had long wanted to leave is taken to have asked within six.
PERIOD_CUTS_MONTHS = (0, 3, 6, 12, 18)
LATE_FROM_MONTH = 6
# A lasting flow is claimed only if less than this share of the excess is released stock.
MOST_TRANSIENT = 0.5


def first_requests(data: StudyData) -> pd.DataFrame:
    """First requests to end that reached the provider, and the time until then.

    A request is dated when it is made, not when service ends: under tacit renewal ends pile up
    a year after requests, and a reform of renewal moves them by itself.

    Returns
    -------
    pandas.DataFrame
        One row per life: ``segment``, ``entry_at``, ``stop_at`` (the first request, or the end
        of the life), ``is_request``. Lives whose first request came before entry are left out.
    """
    need(data, "cancellation_journey")
    journey = data.tables["cancellation_journey"]
    asked = journey[journey["step"] == "requested"]
    first = data.lives["customer_id"].map(asked.groupby("customer_id")["stepped_at"].min())
    lives = data.lives[["customer_id", "segment", "entry_at", "stop_at"]]
    is_request = (first <= lives["stop_at"]).to_numpy(dtype=bool)
    stop_at = lives["stop_at"].where(~is_request, first)
    frame = lives.assign(stop_at=stop_at, is_request=is_request)
    return frame[(frame["stop_at"] > frame["entry_at"]) & frame["segment"].notna()].reset_index(
        drop=True
    )


def count_by_period(
    requests: pd.DataFrame,
    reform: Reform,
    *,
    first_at: pd.Timestamp,
    last_at: pd.Timestamp,
    cuts_months: Sequence[float] = PERIOD_CUTS_MONTHS,
    late_from_month: float = LATE_FROM_MONTH,
) -> pd.DataFrame:
    """Requests and days at risk before the announcement and by period after the reform.

    The months between announcement and reform belong to neither. A last period that the window
    cuts is kept as far as it goes.

    Returns
    -------
    pandas.DataFrame
        As :func:`loyaltylab.designs.split_stock_and_flow` takes it.
    """
    quiet_end = min(reform.announced_at or reform.effective_at, reform.effective_at)
    edges = [reform.effective_at + pd.Timedelta(days=m * DAYS_PER_MONTH) for m in cuts_months]
    bounds = [("before", False, first_at, quiet_end)]
    for (start, stop), (begin, end) in zip(pairwise(cuts_months), pairwise(edges), strict=True):
        if begin < last_at:
            name = f"{start:g} to {stop:g} months"
            bounds.append((name, start >= late_from_month, begin, min(end, last_at)))
    lines = []
    for name, is_late, begin, end in bounds:
        cells = [
            _count(requests[requests["segment"] == segment], begin, end)
            for segment in (reform.covered, reform.exempt)
        ]
        lines.append((name, is_late, *cells[0], *cells[1]))
    return pd.DataFrame(
        lines,
        columns=[
            "period",
            "is_late",
            "covered_events",
            "covered_days",
            "exempt_events",
            "exempt_days",
        ],
    )


def _count(requests: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp) -> tuple[int, float]:
    first, last = (int(to_microseconds(pd.Series([at]))[0]) for at in (begin, end))
    entry, stop = to_microseconds(requests["entry_at"]), to_microseconds(requests["stop_at"])
    days = np.maximum(np.minimum(stop, last) - np.maximum(entry, first), 0).sum()
    is_inside = (first < stop) & (stop <= last) & requests["is_request"].to_numpy(dtype=bool)
    return int(is_inside.sum()), float(days) / MICROSECONDS_PER_DAY


def split_requests(
    data: StudyData, reform: Reform, *, confidence_level: float
) -> StockAndFlow | None:
    """The excess of first requests as stock and flow; None if there are too few to tell.

    Raises
    ------
    NotEstimableError
        Without the steps of cancelling.
    """
    requests = first_requests(data)
    counts = count_by_period(
        requests, reform, first_at=data.window_start_at, last_at=data.window_end_at
    )
    try:
        return split_stock_and_flow(
            counts, n_customers=len(requests), confidence_level=confidence_level
        )
    except EstimationError:
        return None


def estimate_transient_share(data: StudyData, *, confidence_level: float) -> Estimate:
    """Share of the excess of first requests after the reform that is released stock.

    Raises
    ------
    NotEstimableError
        If tables or a reform are missing, periods have no requests, or the total excess does
        not differ from none: there is no share of nothing.
    """
    split = split_requests(data, reform_of(data), confidence_level=confidence_level)
    if split is None:
        raise NotEstimableError("Not estimable: needs first requests in every period.")
    if split.transient_share is None:
        raise NotEstimableError("Not estimable: the total excess does not differ from none.")
    return split.transient_share


def tell_stock_from_flow(split: StockAndFlow | None) -> str:
    """Whether a lasting flow may be claimed, in a sentence."""
    if split is None:
        return "Too few requests lie around the reform to tell released stock from lasting flow."
    share = split.transient_share
    if share is None:
        return "The total excess does not differ from none, so there is no share to give."
    interval = (
        f"{100 * share.confidence_level:g} % CI {100 * share.ci_lower:.0f} to "
        f"{100 * share.ci_upper:.0f}"
    ).replace("-", "\N{MINUS SIGN}")
    value = f"{100 * share.value:.0f}".replace("-", "\N{MINUS SIGN}")
    told = f"Of the excess of first requests {value} % ({interval}) is released stock"
    if share.ci_upper < MOST_TRANSIENT:
        return f"{told}, less than half: a lasting flow."
    if share.ci_lower > MOST_TRANSIENT:
        return f"{told}, more than half: a release that passes."
    return (
        f"{told}; a lasting flow is claimed only if the upper limit is below "
        f"{100 * MOST_TRANSIENT:g} %. Stock and flow are not told apart in data of this size."
    )
