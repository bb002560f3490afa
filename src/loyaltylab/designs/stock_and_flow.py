"""What a reform releases at once, and what it changes for good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.event_study import EventStudy
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

DECAY_MONTHS = np.geomspace(0.5, 24.0, 80)
FEWEST_MONTHS = 6
FEWEST_DRAWS = 200


@dataclass(frozen=True, eq=False)
class StockAndFlow:
    """Excess exits after a reform, as a stock that runs dry and a flow that stays.

    Attributes
    ----------
    flow : Estimate
        Excess that stays, exits per 100 customer-months.
    stock : Estimate
        Excess at the reform beyond the flow (decay), or on average over the transient months.
    decay_months : float or None
        Mean life of the stock; None where it was not fitted.
    total_excess, transient_excess : Estimate
        Exits over the months observed after the reform.
    transient_share : Estimate or None
        Transient over total excess; None where the total does not differ from 0 at the level of
        the interval, since a share of nothing is no number.
    fitted : pandas.DataFrame
        By ``event_time``: ``excess`` and ``fitted``, exits per 100 customer-months.
    caveats : tuple of str
    """

    flow: Estimate
    stock: Estimate
    decay_months: float | None
    total_excess: Estimate
    transient_excess: Estimate
    transient_share: Estimate | None
    fitted: pd.DataFrame
    caveats: tuple[str, ...]


def split_stock_and_flow(
    study: EventStudy,
    *,
    transient_months: int | None = None,
    n_draws: int = 999,
    seed: int = 1,
) -> StockAndFlow:
    """Split the excess exits after a reform into a transient and a permanent part.

    Parameters
    ----------
    study : EventStudy
        On the additive scale.
    transient_months : int, optional
        Months from the reform after which only the flow is left: then the flow is the mean
        excess of the later months, and what is left of the stock then counts as flow: take
        four mean lives of the stock or more. By default the stock decays exponentially, with a
        mean life fitted between half a month and 24 months.
    n_draws, seed : int
        Of the parametric bootstrap: excesses are drawn from their joint normal error.

    Returns
    -------
    StockAndFlow
        Errors and percentile intervals from the bootstrap.

    Raises
    ------
    EstimationError
        If the scale is not additive, or fewer than six months follow the reform, or fewer than
        three each before and after ``transient_months``.

    Source
    ------
    Least squares weighted by the inverse covariance, the decay on a grid (variable projection:
    Golub and Pereyra 1973, SIAM J Numerical Analysis 10:413-432); bootstrap: Efron and
    Tibshirani (1993), section 6.5.
    """
    after = study.by_month.index.to_numpy() >= 0
    when = study.by_month.index.to_numpy(dtype=np.float64)[after] + 0.5
    _check(study, when, transient_months, n_draws)
    excess = study.by_month["effect"].to_numpy()[after]
    covariance = study.covariance[np.ix_(after, after)]
    root = np.linalg.cholesky(covariance)
    noise = np.random.default_rng(seed).standard_normal((n_draws, len(excess))) @ root.T
    draws = np.vstack([excess, excess + noise])
    if transient_months is None:
        shapes = np.exp(-when[None, :] / DECAY_MONTHS[:, None])
    else:
        shapes = (when < transient_months)[None, :].astype(np.float64)
    flow, stock, chosen = _fit(draws, np.linalg.inv(root), shapes)
    customers = study.by_month["covered_months"].to_numpy()[after] / 100
    transient = stock * (shapes[chosen] @ customers)
    total = flow * customers.sum() + transient
    parts = {"flow": flow, "stock": stock, "total": total, "transient": transient}
    described = {
        name: _describe(values, study, "exits per 100 customer-months" if i < 2 else "exits")
        for i, (name, values) in enumerate(parts.items())
    }
    whole = described["total"]
    has_excess = not whole.ci_lower <= 0 <= whole.ci_upper
    life = float(DECAY_MONTHS[chosen[0]]) if transient_months is None else None
    return StockAndFlow(
        flow=described["flow"],
        stock=described["stock"],
        decay_months=life,
        total_excess=whole,
        transient_excess=described["transient"],
        transient_share=_describe(transient / total, study, "share") if has_excess else None,
        fitted=pd.DataFrame(
            {"excess": excess, "fitted": flow[0] + stock[0] * shapes[chosen[0]]},
            index=study.by_month.index[after],
        ),
        caveats=(*study.caveats, *_warn(has_excess, flow[0] * stock[0], life)),
    )


def _warn(has_excess: bool, product: float, life: float | None) -> tuple[str, ...]:
    caveats = []
    if not has_excess:
        caveats.append("The total excess does not differ from 0: no share is given.")
    if product < 0:
        caveats.append("Stock and flow have opposite signs: the share lies outside 0 and 1.")
    if life in (DECAY_MONTHS[0], DECAY_MONTHS[-1]):
        caveats.append(
            f"The decay runs to the edge of its range ({life:g} months): stock and flow are "
            "hardly told apart."
        )
    return tuple(caveats)


def _check(study: EventStudy, when: FloatArray, transient_months: int | None, n_draws: int) -> None:
    problems = []
    if study.scale != "additive":
        problems.append("the study is on the log scale; fix: scale='additive', which adds up")
    if len(when) < FEWEST_MONTHS:
        problems.append(f"{len(when)} months after the reform; rule: {FEWEST_MONTHS} or more")
    if n_draws < FEWEST_DRAWS:
        problems.append(f"{n_draws} draws; rule: {FEWEST_DRAWS} or more")
    if transient_months is not None:
        n_early = int((when < transient_months).sum())
        if min(n_early, len(when) - n_early) < 3:
            problems.append(
                f"transient_months {transient_months} leaves {n_early} early and "
                f"{len(when) - n_early} late months; rule: three or more of each"
            )
    if problems:
        raise EstimationError("Stock and flow cannot be told apart:", problems)


def _fit(
    draws: FloatArray, whitener: FloatArray, shapes: FloatArray
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Best flow, stock and shape of each draw, by generalised least squares."""
    whitened = draws @ whitener.T
    level, forms = whitener.sum(axis=1), shapes @ whitener.T
    # Normal equations of two columns, for all draws (rows) and shapes (columns) at once.
    both, own, of_level = forms @ level, (forms**2).sum(axis=1), float(level @ level)
    to_level, to_form = (whitened @ level)[:, None], whitened @ forms.T
    determinant = of_level * own - both**2
    flow = (own * to_level - both * to_form) / determinant
    stock = (of_level * to_form - both * to_level) / determinant
    chosen = np.argmax(flow * to_level + stock * to_form, axis=1)
    rows = np.arange(len(draws))
    return flow[rows, chosen], stock[rows, chosen], chosen


def _describe(values: FloatArray, study: EventStudy, unit: str) -> Estimate:
    level = study.confidence_level
    normal_quantile(level)  # Refuses what is no share.
    lower, upper = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2])
    error = float(values[1:].std(ddof=1))
    table = study.by_month
    return Estimate(
        value=float(values[0]),
        standard_error=error,
        ci_lower=float(lower),
        ci_upper=float(upper),
        confidence_level=level,
        n=len(table),
        n_events=int(table[["covered_events", "exempt_events"]].to_numpy().sum()),
        unit=unit,
        method="weighted least squares on monthly excess exits; parametric bootstrap, percentiles",
        p_value=None if unit == "share" else float(two_sided_p_value(values[0] / error)),
    )
