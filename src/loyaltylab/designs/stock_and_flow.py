"""What a reform releases at once, and what it changes for good."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

BEFORE = "before"
COUNTS = ("covered_events", "covered_days", "exempt_events", "exempt_days")


@dataclass(frozen=True, eq=False)
class StockAndFlow:
    """Excess events after a reform, as a stock that runs dry and a flow that stays.

    Attributes
    ----------
    ratios : dict of str to Estimate
        By period after the reform: covered against before, divided by the same of the exempt.
    flow_ratio : Estimate
        The same of the late periods together.
    exempt_drift : Estimate
        Rate of the exempt in the late periods against the early ones; 1 if they stood still.
    by_period : pandas.DataFrame
        By ``period``: the counts, ``expected_events`` of the covered, ``excess_events``.
    total_excess, stock_excess : Estimate
        Events over all periods after the reform; the stock is what goes beyond the late rate.
    transient_share : Estimate or None
        Stock over total; None where the total does not differ from 0 at the level of the
        interval, since a share of nothing is no number.
    caveats : tuple of str
    """

    ratios: dict[str, Estimate]
    flow_ratio: Estimate
    exempt_drift: Estimate
    by_period: pd.DataFrame
    total_excess: Estimate
    stock_excess: Estimate
    transient_share: Estimate | None
    caveats: tuple[str, ...]


def split_stock_and_flow(
    counts: pd.DataFrame, *, n_customers: int, confidence_level: float = 0.95
) -> StockAndFlow:
    """Split the excess after a reform by the rates of its late periods.

    Expected events of the covered are their rate before, times what the exempt segment's rate
    changed by since then, over all periods after the reform together: period by period the few
    exempt events would be most of the error. ``exempt_drift`` says whether that may be done. The
    excess rate of the late periods is the flow; it is taken to have held from the first day, and
    what early periods have beyond it is released stock.

    Parameters
    ----------
    counts : pandas.DataFrame
        ``period``: "before" once, and periods after the reform in order of time; ``is_late``;
        ``covered_events``, ``covered_days``, ``exempt_events``, ``exempt_days``. Periods are
        declared before the data are seen: late ones begin when the stock must have run dry.
    n_customers : int
        Customers behind the counts, to be said with the estimates.
    confidence_level : float

    Returns
    -------
    StockAndFlow
        Errors are those of independent Poisson counts; the interval of the share is Fieller's,
        which covers where a ratio of two noisy numbers has no normal distribution.

    Raises
    ------
    EstimationError
        If "before" is not there once, early or late periods are missing, or a cell has no
        events or no time.

    Source
    ------
    Ratios: the interactions of ``glm(events ~ group * period + offset(log(days)), poisson)`` in
    R. Share: Fieller (1954), J Roy Stat Soc B 16:175-185.

    Examples
    --------
    >>> counts = pd.DataFrame({"period": ["before", "0 to 6", "6 to 18"],
    ...     "is_late": [False, False, True], "covered_events": [4000, 1400, 2400],
    ...     "covered_days": [4000.0, 1000.0, 2000.0], "exempt_events": [4000, 1000, 2000],
    ...     "exempt_days": [4000.0, 1000.0, 2000.0]})
    >>> split = split_stock_and_flow(counts, n_customers=9000)
    >>> round(split.total_excess.value, 6), round(split.stock_excess.value, 6)
    (800.0, 200.0)
    """
    _check(counts)
    after = counts[counts["period"] != BEFORE]
    before = counts[counts["period"] == BEFORE].iloc[0]
    observed = after["covered_events"].to_numpy(dtype=np.float64)
    days = after["covered_days"].to_numpy(dtype=np.float64)
    exempt_events, exempt_days = after["exempt_events"].sum(), after["exempt_days"].sum()
    growth = exempt_events / exempt_days / (before["exempt_events"] / before["exempt_days"])
    expected = days * growth * before["covered_events"] / before["covered_days"]
    shared = 1 / before["covered_events"] + 1 / before["exempt_events"] + 1 / exempt_events
    covariance = np.diag(observed) + shared * np.outer(expected, expected)
    excess = observed - expected
    late = after["is_late"].to_numpy(dtype=bool)
    of_stock = 1 - late * days.sum() / days[late].sum()
    weights = np.vstack([of_stock, np.ones(len(days))])
    facts = (confidence_level, n_customers, int(counts[list(COUNTS[::2])].to_numpy().sum()))
    values, errors = weights @ excess, weights @ covariance @ weights.T
    stock, total = (
        _estimate(values[i], math.sqrt(errors[i, i]), facts, unit="events") for i in (0, 1)
    )
    share = _divide(values, errors, facts)
    return StockAndFlow(
        ratios={
            str(name): _ratio(counts, (counts["period"] == name).to_numpy(), facts)
            for name in after["period"]
        },
        flow_ratio=_ratio(counts, counts["is_late"].to_numpy(dtype=bool), facts),
        exempt_drift=_drift(after, facts),
        by_period=after.assign(expected_events=expected, excess_events=excess).set_index("period"),
        total_excess=total,
        stock_excess=stock,
        transient_share=share,
        caveats=()
        if share
        else ("The total excess does not differ from 0: no share of released stock is given.",),
    )


def _ratio(counts: pd.DataFrame, which: np.ndarray, facts: tuple[float, int, int]) -> Estimate:
    """Ratio of rate ratios of some periods together against before."""
    cells = [counts.loc[of, list(COUNTS)].sum() for of in (which, (counts["period"] == BEFORE))]
    log, variance = 0.0, 0.0
    for sign, cell in zip((1, -1), cells, strict=True):
        covered = cell["covered_events"] / cell["covered_days"]
        log += sign * math.log(covered / (cell["exempt_events"] / cell["exempt_days"]))
        variance += 1 / cell["covered_events"] + 1 / cell["exempt_events"]
    n_events = int(sum(cell["covered_events"] + cell["exempt_events"] for cell in cells))
    return _exponentiate(log, variance, (facts[0], facts[1], n_events))


def _drift(after: pd.DataFrame, facts: tuple[float, int, int]) -> Estimate:
    """Exempt events per day in the late periods over those in the early ones."""
    is_late = after["is_late"].to_numpy(dtype=bool)
    late, early = (after.loc[of, list(COUNTS[2:])].sum() for of in (is_late, ~is_late))
    log = math.log(late["exempt_events"] / late["exempt_days"]) - math.log(
        early["exempt_events"] / early["exempt_days"]
    )
    variance = 1 / late["exempt_events"] + 1 / early["exempt_events"]
    n_events = int(late["exempt_events"] + early["exempt_events"])
    return _exponentiate(log, variance, (facts[0], facts[1], n_events))


def _exponentiate(log: float, variance: float, facts: tuple[float, int, int]) -> Estimate:
    half = normal_quantile(facts[0]) * math.sqrt(variance)
    return Estimate(
        value=math.exp(log),
        standard_error=math.sqrt(variance),
        ci_lower=math.exp(log - half),
        ci_upper=math.exp(log + half),
        confidence_level=facts[0],
        n=facts[1],
        n_events=facts[2],
        unit="ratio",
        method="ratio of rates, Poisson; standard error on the log scale",
        p_value=float(two_sided_p_value(log / math.sqrt(variance))),
    )


def _estimate(value: float, error: float, facts: tuple[float, int, int], *, unit: str) -> Estimate:
    half = normal_quantile(facts[0]) * error
    return Estimate(
        value=float(value),
        standard_error=error,
        ci_lower=float(value - half),
        ci_upper=float(value + half),
        confidence_level=facts[0],
        n=facts[1],
        n_events=facts[2],
        unit=unit,
        method="observed minus expected, Poisson counts",
        p_value=float(two_sided_p_value(value / error)),
    )


def _divide(
    values: FloatArray, errors: FloatArray, facts: tuple[float, int, int]
) -> Estimate | None:
    """Stock over total with Fieller's interval; None where the total may be 0."""
    (stock, total), square = values, normal_quantile(facts[0]) ** 2
    leading = total**2 - square * errors[1, 1]
    if leading <= 0:
        return None
    middle = stock * total - square * errors[0, 1]
    root = math.sqrt(max(middle**2 - leading * (stock**2 - square * errors[0, 0]), 0.0))
    share = stock / total
    spread = errors[0, 0] - 2 * share * errors[0, 1] + share**2 * errors[1, 1]
    return Estimate(
        value=float(share),
        standard_error=math.sqrt(spread) / abs(total),
        ci_lower=float((middle - root) / leading),
        ci_upper=float((middle + root) / leading),
        confidence_level=facts[0],
        n=facts[1],
        n_events=facts[2],
        unit="share",
        method="stock over total excess, Fieller's interval",
        p_value=None,
    )


def _check(counts: pd.DataFrame) -> None:
    problems = [f"column {name!r} is missing" for name in ("period", "is_late", *COUNTS)
                if name not in counts]  # fmt: skip
    if not problems:
        is_before = counts["period"] == BEFORE
        if is_before.sum() != 1 or counts["period"].duplicated().any():
            problems.append(f"periods are {list(counts['period'])}; rule: 'before' and others once")
        is_late = counts["is_late"].astype(bool)
        if not (is_late & ~is_before).any() or not (~is_late & ~is_before).any():
            problems.append("rule: at least one early and one late period after the reform")
        if (is_late & is_before).any():
            problems.append("'before' is called late")
        for line in counts.to_dict(orient="records"):
            empty = [name for name in COUNTS if not line[name] > 0]
            if empty:
                problems.append(f"{line['period']}: no {' and no '.join(empty)}")
    if problems:
        raise EstimationError("Stock and flow cannot be told apart:", problems)
