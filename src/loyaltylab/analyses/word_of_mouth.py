"""H25: whether a customer who leaves over service takes neighbours along.

Neighbours are alike, and share a site. An exit over service tells that those nearby are likely
to leave too, whether or not anybody talks; an exit by life event tells no such thing, so it shares
the surroundings and not the likeness. What likeness does is there before the exit as well as
after it. The contrast is therefore of changes: the hazard of asking to cancel after a neighbour's
exit over that before the same exit, for service over the same for life events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from loyaltylab.analyses.neighbour_rows import (
    REASONS,
    Clock,
    Lags,
    TiedCustomers,
    exposure_rows,
    tied_customers,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival import CoxFit, Estimate, fit_cox
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

# Told within 30 days of the exit, asked to cancel within 60 days of that.
MEMORY_DAYS = 90.0
BEFORE_DAYS = 180.0
LATER_DAYS = 360.0
METHOD = (
    "Cox on calendar time, Efron ties, strata of site and year of tenure, errors by customer; "
    "standard error on the log scale"
)
# What each ratio takes of the log hazard ratios "<reason> <window>".
SERVICE = MappingProxyType({"service recent": 1.0})
CONTROL = MappingProxyType({"control recent": 1.0})
PRICE = MappingProxyType({"price recent": 1.0})
BETWEEN_REASONS = MappingProxyType({"service recent": 1.0, "control recent": -1.0})


def change(reason: str, sign: float = 1.0) -> dict[str, float]:
    """Weights of the hazard after a neighbour's exit over that of the year before it."""
    return {
        f"{reason} recent": sign,
        f"{reason} before": -sign / 2,
        f"{reason} long before": -sign / 2,
    }


CONTRAST = MappingProxyType(change("service") | change("control", -1.0))
PLACEBO = MappingProxyType(
    {
        "service before": 1.0,
        "service long before": -1.0,
        "control before": -1.0,
        "control long before": 1.0,
    }
)


@dataclass(frozen=True, eq=False)
class NeighbourModel:
    """One model of the hazard of asking to cancel, by why and when a neighbour left.

    Attributes
    ----------
    fit : CoxFit
        Covariates "<reason> <window>".
    exposed : pandas.DataFrame
        Index as the covariates; customers, months and events (requests) while exposed.
    """

    fit: CoxFit
    exposed: pd.DataFrame

    def ratio(self, weights: Mapping[str, float]) -> Estimate:
        """exp of a weighted sum of log hazard ratios, by the joint covariance.

        Its counts are those of the smallest part: an estimate is as thin as that.

        Raises
        ------
        NotEstimableError
            If nobody asked to cancel in one of the parts.
        """
        missing = [name for name in weights if name not in self.fit.names]
        if missing:
            raise NotEstimableError(
                "Not estimable: nobody asked to cancel while exposed in this way: "
                f"{', '.join(missing)}."
            )
        vector = np.array([weights.get(name, 0.0) for name in self.fit.names])
        value = float(vector @ self.fit.coefficients)
        error = math.sqrt(float(vector @ self.fit.covariance @ vector))
        half = normal_quantile(self.fit.confidence_level) * error
        parts = self.exposed.loc[list(weights)]
        return Estimate(
            value=math.exp(value),
            standard_error=error,
            ci_lower=math.exp(value - half),
            ci_upper=math.exp(value + half),
            confidence_level=self.fit.confidence_level,
            n=int(parts["customers"].min()),
            n_events=int(parts["events"].min()),
            unit="ratio",
            method=METHOD,
            p_value=float(two_sided_p_value(value / error)),
            caveats=self.fit.caveats,
        )


def neighbour_windows(*, memory_days: float, before_days: float = BEFORE_DAYS) -> dict[str, Lags]:
    """The windows around a neighbour's exit, in days since it, that the contrast is made of."""
    return {
        "long before": (-2 * before_days, -before_days),
        "before": (-before_days, 0.0),
        "recent": (0.0, memory_days),
        "later": (memory_days, max(LATER_DAYS, 2 * memory_days)),
    }


def fit_neighbours(
    tied: TiedCustomers,
    *,
    windows: Mapping[str, Lags],
    confidence_level: float,
    strata: Sequence[str] = ("site", "band"),
    clock: Clock = "calendar",
    band_months: float = 12,
    cluster: str = "customer_id",
) -> NeighbourModel:
    """Fit one model with every reason and window.

    Parameters
    ----------
    tied : TiedCustomers
    windows : mapping of str to (float, float)
        As in :func:`loyaltylab.analyses.neighbour_rows.exposure_rows`.
    confidence_level : float
    strata : sequence of str
        Of site and band: what customers share, besides the clock.
    clock : {"calendar", "tenure"}
        On the calendar, customers are compared with those at risk on the same day, so that shocks
        common to all drop out, in bands of tenure; on tenure, in bands of the calendar.
    band_months : float
        Length of the bands.
    cluster : {"customer_id", "component"}
        Whose rows belong together: a customer's, or those of all who are connected by ties.

    Returns
    -------
    NeighbourModel

    Raises
    ------
    EstimationError
        As :func:`loyaltylab.survival.fit_cox`.
    """
    band_days = band_months * DAYS_PER_MONTH
    rows = exposure_rows(tied, windows=windows, clock=clock, band_days=band_days)
    names = [f"{reason} {window}" for reason in REASONS for window in windows]
    exposed = pd.DataFrame([_count_exposed(rows, name) for name in names], index=names)
    kept = [name for name in names if exposed.loc[name, "events"] > 0]
    labels = rows.groupby(list(strata), sort=True).ngroup() if strata else None
    fit = fit_cox(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows[kept],
        cluster=rows[cluster],
        strata=labels,
        confidence_level=confidence_level,
    )
    return NeighbourModel(fit, exposed)


def estimate_word_of_mouth(data: StudyData, *, confidence_level: float) -> Estimate:
    """The contrast on which the claim rests: a ratio, 1 where nobody takes anybody along.

    Raises
    ------
    NotEstimableError, EstimationError
        Without ties or exits, or with too few.
    """
    windows = neighbour_windows(memory_days=MEMORY_DAYS)
    tied = tied_customers(data)
    return fit_neighbours(tied, windows=windows, confidence_level=confidence_level).ratio(CONTRAST)


def naive_word_of_mouth(data: StudyData, *, confidence_level: float) -> Estimate:
    """Hazard ratio after a neighbour's exit over service, against no such exit.

    Neighbours are alike: whoever has one that leaves over service is likelier to leave, talk or
    no talk.
    """
    return fit_naive(
        tied_customers(data), memory_days=MEMORY_DAYS, confidence_level=confidence_level
    )


def fit_naive(tied: TiedCustomers, *, memory_days: float, confidence_level: float) -> Estimate:
    """The naive ratio with another memory; see :func:`naive_word_of_mouth`."""
    model = fit_neighbours(
        TiedCustomers(tied.frame, tied.ties[tied.ties["reason"] == "service"], tied.audit),
        windows={"recent": (0.0, memory_days)},
        confidence_level=confidence_level,
        strata=(),
    )
    plain = model.ratio(SERVICE)
    return replace(plain, method=METHOD.replace(" strata of site and year of tenure,", ""))


def _count_exposed(rows: pd.DataFrame, name: str) -> dict[str, float]:
    exposed = rows[rows[name] > 0]
    return {
        "customers": int(exposed["customer_id"].nunique()),
        "months": float((exposed["stop"] - exposed["start"]).sum() / DAYS_PER_MONTH),
        "events": int(exposed["event"].sum()),
    }
