"""H17, the day vouchers run out: rates of asking to leave and of leaving around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.period_rates import (
    Jump,
    contrast_jump,
    hazard_ratios_by_period,
    name_periods,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, Cohort, StudyData, need
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.measures.compensation import common_voucher_life, compensation_offers
from loyaltylab.survival import Estimate, rates_by_interval
from loyaltylab.tables.schemas import VOLUNTARY_CAUSES
from loyaltylab.timeline import follow_up_from

REQUESTS, EXITS = "requests to cancel", "voluntary exits"
HOLDING, HAS_VOUCHER, HAS_MONEY = "holding", "voucher, unused so far", "refund received"


@dataclass(frozen=True, eq=False)
class ExpiryAnalysis:
    """What happens around the expiry of vouchers.

    Attributes
    ----------
    life_days : float
        From issue to expiry.
    window_days : float
        Length of the periods just before and just after.
    cuts_days : tuple of float
        Ends of the four periods since the offer.
    rates : dict of str to DataFrame
        "lot" (by offer) and "holders": requests per 100 customer-months by period and group, for
        :func:`loyaltylab.figures.hazard_by_period`.
    by_lot, holders : dict of str to Jump
        By outcome; one that cannot be estimated is in ``failures``.
    hazard_ratios : dict of str to dict of str to Estimate
        By outcome and period: exposed against reference, by offer.
    n_lapsed, n_paid_out : int
        Vouchers that ran out unused under observation, and those of them paid out instead.
    failures : dict of str to str
        What could not be estimated, and why.
    audit : dict of str to int
    """

    life_days: float
    window_days: float
    cuts_days: tuple[float, ...]
    rates: dict[str, pd.DataFrame]
    by_lot: dict[str, Jump]
    holders: dict[str, Jump]
    hazard_ratios: dict[str, dict[str, Estimate]]
    n_lapsed: int
    n_paid_out: int
    audit: dict[str, int]
    failures: dict[str, str] = field(default_factory=dict)


def expiry_cohort(data: StudyData) -> Cohort:
    """First offers, with the days of the first request to cancel and of the voucher's end.

    Returns
    -------
    Cohort
        ``offered``, ``received``, ``holding``; in days since the offer ``asked_day``,
        ``used_day``, ``lapse_day``, ``paid_day``, missing for never. Whoever had asked to leave
        before the offer is left out.

    Raises
    ------
    NotEstimableError
        Without compensations or vouchers.
    """
    need(data, "compensations", "vouchers")
    offers = data.tables["compensations"]
    kept = offers[["compensation_id", "received"]].reset_index(drop=True)
    index_events = compensation_offers(offers).reset_index(drop=True).join(kept)
    followed = follow_up_from(data.lives, index_events)
    frame = _add_vouchers(followed.frame, data.tables["vouchers"])
    frame = frame.assign(asked_day=_first_request_days(data.tables, frame))
    asked_at = data.lives.set_index("customer_id")["requested_at"]
    is_leaving = (frame["customer_id"].map(asked_at) <= frame["index_at"]).to_numpy()
    audit = {
        **{name: n for name, n in followed.audit.items() if name not in ("followed", "total")},
        "had_asked_to_leave": int(is_leaving.sum()),
        "followed": int((~is_leaving).sum()),
        "total": followed.audit["total"],
    }
    return Cohort(frame[~is_leaving].reset_index(drop=True), audit)


def _add_vouchers(frame: pd.DataFrame, vouchers: pd.DataFrame) -> pd.DataFrame:
    mine = vouchers.drop_duplicates("compensation_id").set_index("compensation_id")
    days = {
        name: (frame["compensation_id"].map(mine[column]) - frame["index_at"])
        / pd.Timedelta(days=1)
        for name, column in (
            ("used_day", "redeemed_at"),
            ("lapse_day", "expires_at"),
            ("paid_day", "refunded_at"),
        )
    }
    holding = pd.Series(pd.NA, index=frame.index, dtype="string")
    holding = holding.mask(frame["received"].eq("refund").fillna(False), HAS_MONEY)
    return frame.assign(**days).assign(
        **{HOLDING: holding.mask(days["lapse_day"].notna(), HAS_VOUCHER)}
    )


def _first_request_days(tables: Mapping[str, pd.DataFrame], frame: pd.DataFrame) -> pd.Series:
    if "cancellation_journey" not in tables:
        return pd.Series(np.nan, index=frame.index)
    journey = tables["cancellation_journey"]
    asked = journey.loc[journey["step"] == "requested", ["customer_id", "stepped_at"]]
    pairs = frame[["customer_id", "index_at"]].merge(asked, on="customer_id")
    later = pairs[pairs["stepped_at"] > pairs["index_at"]]
    first = later.groupby("customer_id")["stepped_at"].min()
    return (frame["customer_id"].map(first) - frame["index_at"]) / pd.Timedelta(days=1)


def follow_outcome(frame: pd.DataFrame, *, outcome: str, is_holding: bool = False) -> pd.DataFrame:
    """Follow customers to an outcome, one row each.

    Parameters
    ----------
    frame : pandas.DataFrame
        As from :func:`expiry_cohort`.
    outcome : str
        ``REQUESTS`` (the first since the offer) or ``EXITS``.
    is_holding : bool
        Whether to follow only as long as the voucher is not used; a customer without one to the
        end.

    Returns
    -------
    pandas.DataFrame
        The same with ``stop`` and ``event`` of the outcome.
    """
    if outcome == REQUESTS:
        stop = frame["stop"].clip(upper=frame["asked_day"].fillna(np.inf))
        event = frame["asked_day"].notna() & (frame["asked_day"] <= frame["stop"])
    else:
        stop = frame["stop"]
        event = frame["event"] & frame["exit_cause"].isin(VOLUNTARY_CAUSES)
    if is_holding:
        used = frame["used_day"].fillna(np.inf)
        event = event & (stop <= used)
        stop = stop.clip(upper=used)
    followed = frame.assign(stop=stop, event=event.astype(bool))
    return followed[followed["stop"] > 0].reset_index(drop=True)


def expiry_cuts(life_days: float, *, window_days: float, horizon_months: float) -> list[float]:
    """Ends of the four periods: offer, window before expiry, expiry, window after, horizon.

    Raises
    ------
    EstimationError
        If they do not increase.
    """
    cuts = [
        0.0,
        life_days - window_days,
        life_days,
        life_days + window_days,
        horizon_months * DAYS_PER_MONTH,
    ]
    if any(lower >= upper for lower, upper in pairwise(cuts)):
        raise EstimationError(
            f"The periods around expiry end at {cuts} days; rule: increasing; fix: a shorter "
            "window_days or a longer horizon_months"
        )
    return cuts


def require_common_life(data: StudyData) -> float:
    """Days that every voucher runs.

    Raises
    ------
    NotEstimableError
        If vouchers run for different lengths, so that a refund has no such day to compare with.
    """
    need(data, "vouchers")
    life = common_voucher_life(data.tables["vouchers"])
    if life is None:
        raise NotEstimableError(
            "Not estimable: needs vouchers that all run equally long from their issue."
        )
    return life


def analyse_expiry(
    data: StudyData,
    *,
    exposed: str,
    reference: str,
    window_days: float,
    horizon_months: float,
    confidence_level: float,
    n_permutations: int = 999,
    seed: int = 0,
) -> ExpiryAnalysis:
    """Rates around the day vouchers run out: by offer, and for those who hold one unused.

    By offer the contrast is that of the lot, if offers are made by lot. Who still holds a voucher
    when it runs out has neither used it nor left, so that what is found for holders describes
    them.

    Parameters
    ----------
    data : StudyData
    exposed, reference : str
        Offers compared.
    window_days : float
        Length of the periods just before and after expiry.
    horizon_months : float
        End of the last period.
    confidence_level : float
    n_permutations, seed : int
        Shuffles of the offers.

    Raises
    ------
    NotEstimableError
        Without compensations or vouchers, or where vouchers run for different lengths.
    """
    life = require_common_life(data)
    cohort = expiry_cohort(data)
    cuts = expiry_cuts(life, window_days=window_days, horizon_months=horizon_months)
    level: dict[str, Any] = {"confidence_level": confidence_level}
    asked = cohort.frame["asked_day"].notna().any()
    failures = {} if asked else {REQUESTS: "no requests to cancel are recorded"}
    lot: dict[str, Any] = {
        "group": "offered",
        "exposed": exposed,
        "reference": reference,
        "cuts_days": cuts,
    }
    hold = {**lot, "group": HOLDING, "exposed": HAS_VOUCHER, "reference": HAS_MONEY}
    by_lot: dict[str, Jump] = {}
    holders: dict[str, Jump] = {}
    ratios: dict[str, dict[str, Estimate]] = {}
    rates: dict[str, pd.DataFrame] = {}
    for outcome in (REQUESTS, EXITS) if asked else (EXITS,):
        everybody = follow_outcome(cohort.frame, outcome=outcome)
        held = follow_outcome(cohort.frame, outcome=outcome, is_holding=True)
        for found, frame, pair, shuffles in (
            (by_lot, everybody, lot, n_permutations),
            (holders, held, hold, 0),
        ):
            try:
                found[outcome] = contrast_jump(
                    frame, **pair, **level, n_permutations=shuffles, seed=seed
                )
            except EstimationError as problem:
                failures[f"{outcome}, by {pair['group']}"] = str(problem)
        ratios[outcome] = hazard_ratios_by_period(everybody, **lot, **level)
        if not rates:
            rates = {"lot": _rates(everybody, lot, level), "holders": _rates(held, hold, level)}
    lapsed = cohort.frame[cohort.frame["lapse_day"] <= cohort.frame["stop"]]
    lapsed = lapsed[~(lapsed["used_day"] <= lapsed["lapse_day"])]
    return ExpiryAnalysis(
        life_days=life,
        window_days=window_days,
        cuts_days=tuple(cuts),
        rates=rates,
        by_lot=by_lot,
        holders=holders,
        hazard_ratios=ratios,
        n_lapsed=len(lapsed),
        n_paid_out=int(lapsed["paid_day"].notna().sum()),
        audit=cohort.audit,
        failures=failures,
    )


def _rates(
    followed: pd.DataFrame, pair: Mapping[str, Any], level: Mapping[str, float]
) -> pd.DataFrame:
    frames = []
    for name in (pair["reference"], pair["exposed"]):
        part = followed[followed[pair["group"]] == name]
        try:
            rates = rates_by_interval(
                part["start"],
                part["stop"],
                part["event"],
                cuts=pair["cuts_days"],
                time_unit=DAYS_PER_MONTH,
                **level,
            )
        except EstimationError:
            continue
        scaled = {key: 100 * rates[key] for key in ("rate", "ci_lower", "ci_upper")}
        frames.append(rates.assign(label=name_periods(pair["cuts_days"]), group=name, **scaled))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
