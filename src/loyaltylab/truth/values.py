"""The true value of an estimand in one pair of worlds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loyaltylab.errors import EstimationError
from loyaltylab.sources.synthetic import CAUSES
from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.survival import fit_cox
from loyaltylab.truth.estimands import Estimand
from loyaltylab.truth.pairs import Floats, Followed, Pair

NOT_A_NUMBER = float("nan")


@dataclass(frozen=True)
class TrueValue:
    """One estimand in one pair of worlds.

    Attributes
    ----------
    value : float
        Strategy minus reference, or their hazard ratio; nan if nobody informs it.
    paired_se : float
        Of the value over customers, who are their own controls. It knows nothing of what
        customers do to each other.
    strategy_value, reference_value : float
        The two sides of a difference; nan for a hazard ratio.
    n : int
        Customers who reach time zero.
    identical_share : float
        See :class:`Pair`.
    """

    value: float
    paired_se: float
    strategy_value: float
    reference_value: float
    n: int
    identical_share: float


def compute_true_value(estimand: Estimand, pair: Pair) -> TrueValue:
    """Mean of paired differences, or the marginal hazard ratio of the stacked pair.

    Parameters
    ----------
    estimand : Estimand
    pair : Pair
        Of the estimand's contrast.

    Returns
    -------
    TrueValue

    Raises
    ------
    EstimationError
        If the horizon is past what everybody is followed for.

    Notes
    -----
    A difference of means over the same customers is the mean of their differences. Where only
    leavers count (win-back, grievance at exit) it is a difference of ratios, and the error is
    that of its linear part.
    """
    horizon = estimand.horizon_months * DAYS_PER_MONTH
    if horizon > pair.follow_up_days:
        raise EstimationError(
            f"{estimand.id}: horizon {horizon:g} days is past the follow-up of "
            f"{pair.follow_up_days:g} days; rule: nobody is censored before the horizon; fix: "
            "a longer follow_up_months of its contrast"
        )
    if estimand.measure == "hazard_ratio":
        value, error = _hazard_ratio(pair, horizon=horizon)
        sides = (NOT_A_NUMBER, NOT_A_NUMBER)
    else:
        value, error, sides = _difference(estimand, pair, horizon=horizon)
    return TrueValue(value, error, *sides, n=pair.n, identical_share=pair.identical_share)


def _difference(
    estimand: Estimand, pair: Pair, *, horizon: float
) -> tuple[float, float, tuple[float, float]]:
    influence, sides = 0.0, []
    for sign, followed in ((1.0, pair.strategy), (-1.0, pair.reference)):
        amount, counts = _amounts(
            estimand, followed, horizon=horizon, follow_up=pair.follow_up_days
        )
        if not counts.any():
            return NOT_A_NUMBER, NOT_A_NUMBER, (NOT_A_NUMBER, NOT_A_NUMBER)
        mean = float(amount.sum() / counts.sum())
        influence = influence + sign * (amount - mean * counts) / counts.mean()
        sides.append(mean)
    n = np.size(influence)
    error = float(np.std(influence, ddof=1) / math.sqrt(n)) if n > 1 else NOT_A_NUMBER
    return sides[0] - sides[1], error, (sides[0], sides[1])


def _amounts(
    estimand: Estimand, followed: Followed, *, horizon: float, follow_up: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """What each customer adds, and whether the customer counts; shape (n,) each.

    For sign-ups the customers are all newcomers, followed or not.
    """
    has_left = followed.days <= horizon
    everybody = np.ones(has_left.shape, dtype=bool)
    amount: Floats | NDArray[np.bool_] | NDArray[np.int64]
    match estimand.measure:
        case "restricted_mean":
            amount, counts = np.minimum(followed.days, horizon) / DAYS_PER_MONTH, everybody
        case "retention":
            amount, counts = ~has_left, everybody
        case "incidence":
            causes = [CAUSES.index(cause) for cause in estimand.causes]
            amount, counts = has_left & np.isin(followed.cause, causes), everybody
        case "contacts_month":
            amount, counts = followed.n_contacts_month, everybody
        case "recontact_week":
            amount, counts = followed.is_back_in_a_week, everybody
        case "hang_up":
            amount, counts = followed.has_hung_up, everybody
        case "sign_ups":
            amount, counts = followed.has_signed_up, np.ones_like(followed.has_signed_up)
        case "exit_grievance":
            amount, counts = np.where(has_left, followed.grievance, 0.0), has_left
        case "win_back":
            counts = followed.days <= follow_up - horizon
            amount = counts & (followed.away_days <= horizon)
        case "second_life":
            until = np.minimum(followed.second_exit_days, horizon)
            back = np.minimum(followed.away_days, horizon)
            amount, counts = np.maximum(until - back, 0.0) / DAYS_PER_MONTH, everybody
        case _:
            raise AssertionError(f"{estimand.measure} is not a difference")
    return amount.astype(np.float64), counts


def _hazard_ratio(pair: Pair, *, horizon: float) -> tuple[float, float]:
    """Both lives of every customer in one data set, nobody censored before the horizon."""
    strategy, reference = (
        np.minimum(followed.days, horizon + 1) for followed in (pair.strategy, pair.reference)
    )
    if np.array_equal(strategy, reference):
        return (1.0, 0.0) if (strategy <= horizon).any() else (NOT_A_NUMBER, NOT_A_NUMBER)
    days = np.concatenate([strategy, reference])
    is_strategy = np.repeat([1.0, 0.0], pair.n)
    event = days <= horizon
    if not all(event[is_strategy == side].any() for side in (0.0, 1.0)):
        return NOT_A_NUMBER, NOT_A_NUMBER
    fit = fit_cox(
        np.zeros(days.size),
        np.minimum(days, horizon),
        event,
        pd.DataFrame({"strategy": is_strategy}),
        cluster=np.tile(np.arange(pair.n), 2),
    )
    ratio = float(fit.hazard_ratio[0])
    return ratio, ratio * float(fit.standard_error[0])
