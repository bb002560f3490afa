"""H13: are there endings that good service neither causes nor prevents, and what do they cap?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.exit_reasons import ReasonCheck, check_reasons, stated_causes
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, need
from loyaltylab.designs import Bootstrap, EquivalenceTest, bootstrap_customers, tost
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.timeline import await_memory, split_by_tenure

LIFE_EVENT, SERVICE = "life_event", "service"
NOT_OURS = ("life_event", "payment_failure")
BAD = {"recent_denials": 1, "recent_broken_promises": 1, "recent_handoffs": 2}
MOST_CONTACTS = 4  # customers with as many recent contacts or more are one stratum
BAND_MONTHS = (6, 12, 18, 24, 36, 48, 60)
MARGIN = 1.25
FEWEST_KAPPA = 0.7
SERVICE_CUT = 0.5  # the damper asks what halving exits over service would bring


@dataclass(frozen=True, eq=False)
class LifeEventEquivalence:
    """Exits by life event after bad against good service.

    Attributes
    ----------
    as_recorded : Estimate
        Ratio of rates, by the recorded reason: the verified one where there is one.
    as_stated : Estimate
        By the stated reason alone.
    corrected : Estimate
        By the stated reason, freed of exits by others that are stated as life events.
    service : Estimate
        The same ratio of exits over service: what bad service should move.
    reasons : ReasonCheck
    test : EquivalenceTest
        Of the corrected ratio.
    positive_control, agreement : Check
    n_bad_days_share : float
        Share of the days at risk that count as bad service.
    """

    as_recorded: Estimate
    as_stated: Estimate
    corrected: Estimate
    service: Estimate
    reasons: ReasonCheck
    test: EquivalenceTest
    positive_control: Check
    agreement: Check
    n_bad_days_share: float


@dataclass(frozen=True, eq=False)
class Damper:
    """What fewer exits over service would bring, as things are and without other endings.

    Attributes
    ----------
    gain : Estimate
        Days retained up to the horizon, as things are.
    gain_without : Estimate
        The same if nobody left by life event or failed payment.
    ratio : Estimate
        The first over the second: the share of the gain that other endings leave.
    """

    gain: Estimate
    gain_without: Estimate
    ratio: Estimate


def mark_service(rows: pd.DataFrame) -> pd.Series:
    """Whether recent service was bad: a denial, a broken promise, or two handoffs.

    Raises
    ------
    NotEstimableError
        If the rows have none of these.
    """
    known = {name: least for name, least in BAD.items() if name in rows}
    if not known:
        raise NotEstimableError("Not estimable: needs contacts or requests, for what service was.")
    marks = [rows[name] >= least for name, least in known.items()]
    return pd.concat(marks, axis="columns").any(axis="columns")


def compare_life_events(
    data: StudyData, *, memory_days: float, confidence_level: float = 0.95
) -> LifeEventEquivalence:
    """Hold exits by life event after bad service against those after good service.

    Rates are compared within strata of tenure, segment and number of recent contacts
    (Mantel-Haenszel), so that those who contact at all are compared with their like. Customers
    who entered late count once their recent past has been watched.

    Parameters
    ----------
    data : StudyData
    memory_days : float
        How long service counts as recent.
    confidence_level : float

    Returns
    -------
    LifeEventEquivalence

    Raises
    ------
    NotEstimableError
        If reasons, or what service was, are not on file.
    EstimationError
        If there is no such exit after good or after bad service.
    """
    need(data, "exits")
    level: dict[str, Any] = {"confidence_level": confidence_level}
    reasons = check_reasons(data.tables["exits"], cause=LIFE_EVENT, **level)
    rows = service_rows(data, memory_days=memory_days)
    stated = rows["customer_id"].map(stated_causes(data)).where(rows["event"], "")
    is_life = rows["event"] & (rows["exit_cause"] == LIFE_EVENT)
    is_stated = rows["event"] & (stated == LIFE_EVENT).fillna(False)
    is_service = rows["event"] & (rows["exit_cause"] == SERVICE)
    corrected = rate_ratio(rows, is_stated, wrongly=reasons, **level)
    service = rate_ratio(rows, is_service, **level)
    days = rows["stop"] - rows["start"]
    return LifeEventEquivalence(
        as_recorded=rate_ratio(rows, is_life, **level),
        as_stated=rate_ratio(rows, is_stated, **level),
        corrected=corrected,
        service=service,
        reasons=reasons,
        test=tost(corrected, lower_margin=1 / MARGIN, upper_margin=MARGIN, scale="log"),
        positive_control=_check_positive_control(service),
        agreement=_check_agreement(reasons),
        n_bad_days_share=float(days[rows["is_bad"]].sum() / days.sum()),
    )


def service_rows(data: StudyData, *, memory_days: float) -> pd.DataFrame:
    """Rows at risk once the recent past is known, with ``is_bad`` and ``stratum``."""
    rows = await_memory(data.rows, memory_days=memory_days)
    rows = split_by_tenure(rows, [month * DAYS_PER_MONTH for month in BAND_MONTHS])
    segment = rows["customer_id"].map(data.lives.set_index("customer_id")["segment"])
    contacts = rows["recent_contacts"] if "recent_contacts" in rows else pd.Series(0, rows.index)
    stratum = (
        rows["tenure_band"].astype("string")
        + ", "
        + segment.fillna("unknown").astype("string")
        + ", "
        + contacts.clip(upper=MOST_CONTACTS).astype("int64").astype("string")
    )
    return rows.assign(is_bad=mark_service(rows), stratum=stratum)


def rate_ratio(
    rows: pd.DataFrame,
    event: pd.Series,
    *,
    wrongly: ReasonCheck | None = None,
    confidence_level: float = 0.95,
) -> Estimate:
    """Mantel-Haenszel ratio of rates, bad against good service, errors by customer.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`service_rows`.
    event : pandas.Series of bool
        Exits that count, by row.
    wrongly : ReasonCheck, optional
        Frees the events of exits by other reasons that are stated as this one: their share among
        all exits by other reasons is the same after good and bad service. The share of this
        reason that is stated as another cancels.
    confidence_level : float

    Returns
    -------
    Estimate
        The error of ``wrongly`` is in the interval.

    Raises
    ------
    EstimationError
        If no such exit is left after good, or after bad service.

    Source
    ------
    Rothman, Greenland and Lash (2008), Modern Epidemiology, ch. 15, for the ratio.
    """
    share = 0.0 if wrongly is None else wrongly.stated_if_other.value
    days = (rows["stop"] - rows["start"]).to_numpy(dtype=np.float64)
    is_bad = rows["is_bad"].to_numpy(dtype=bool)
    by_stratum = pd.DataFrame({"stratum": rows["stratum"], "bad": days * is_bad, "all": days})
    sums = by_stratum.groupby("stratum")[["bad", "all"]].transform("sum").to_numpy()
    weight = np.where(is_bad, sums[:, 1] - sums[:, 0], sums[:, 0]) / sums[:, 1]
    mine = weight * event.to_numpy(dtype=np.float64)
    exits = weight * rows["event"].to_numpy(dtype=np.float64)
    net = mine - share * exits
    top, bottom = float(net[is_bad].sum()), float(net[~is_bad].sum())
    if not (top > 0 and bottom > 0):
        raise EstimationError(
            "No such exit is left after good, or after bad service; rule: one of each."
        )
    codes, _ = pd.factorize(rows["customer_id"])
    influence = np.bincount(codes, weights=np.where(is_bad, net / top, -net / bottom))
    variance = float(np.sum(influence**2))
    if wrongly is not None:
        slope = float(exits[~is_bad].sum()) / bottom - float(exits[is_bad].sum()) / top
        variance += slope**2 * share * (1 - share) / wrongly.stated_if_other.n
    return _log_estimate(
        math.log(top / bottom),
        math.sqrt(variance),
        n=int(codes.max()) + 1,
        n_events=int(event.sum()),
        confidence_level=confidence_level,
    )


def _log_estimate(
    value: float, error: float, *, n: int, n_events: int, confidence_level: float
) -> Estimate:
    reach = normal_quantile(confidence_level) * error
    return Estimate(
        value=math.exp(value),
        standard_error=math.exp(value) * error,
        ci_lower=math.exp(value - reach),
        ci_upper=math.exp(value + reach),
        confidence_level=confidence_level,
        n=n,
        n_events=n_events,
        unit="ratio",
        method="ratio of rates within tenure, segment and recent contacts, errors by customer",
        p_value=float(two_sided_p_value(value / error)),
    )


def _check_positive_control(service: Estimate) -> Check:
    """Equivalence says something only where bad service does move what it should."""
    moves = service.ci_lower > 1
    return Check(
        "positive control: exits over service",
        "passed" if moves else "failed",
        f"After bad service their rate is {service.value:.2f} times that after good service "
        f"({service.ci_lower:.2f} to {service.ci_upper:.2f}); rule: above 1, or the comparison "
        "could not show a difference if there were one.",
    )


def _check_agreement(reasons: ReasonCheck) -> Check:
    return Check(
        "agreement of stated and verified reasons",
        "passed" if reasons.kappa >= FEWEST_KAPPA else "failed",
        f"Kappa is {reasons.kappa:.2f}; rule: at least {FEWEST_KAPPA:g}.",
    )


def measure_damper(
    lives: pd.DataFrame,
    *,
    horizon_days: float,
    n_replicates: int,
    seed: int,
    confidence_level: float = 0.95,
) -> Damper:
    """What halving exits over service would bring, with and without endings that are not ours.

    Hazards by cause are estimated at every exit (delayed entry by tenure), that of service is
    halved, and the curves made again. Assumes that the other hazards stay as they are: those who
    are kept leave for other causes as the others do, which fails where the same customers are
    prone to both.

    Parameters
    ----------
    lives : pandas.DataFrame
        ``entry_days``, ``stop_days``, ``event``, ``exit_cause``; one row per customer.
    horizon_days : float
    n_replicates, seed : int
        Of the bootstrap by customer.
    confidence_level : float

    Returns
    -------
    Damper

    Raises
    ------
    EstimationError
        If nobody left over service by the horizon.
    """
    analyse = _prepare_damper(lives, horizon_days)
    drawn = bootstrap_customers(
        analyse, n_customers=len(lives), n_replicates=n_replicates, seed=seed
    )
    return Damper(
        gain=_read(drawn, "gain", "days", confidence_level),
        gain_without=_read(drawn, "gain_without", "days", confidence_level),
        ratio=_read(drawn, "ratio", "share", confidence_level),
    )


def _read(drawn: Bootstrap, name: str, unit: str, confidence_level: float) -> Estimate:
    return drawn.estimate(name, unit=unit, confidence_level=confidence_level)


def _prepare_damper(
    lives: pd.DataFrame, horizon_days: float
) -> Callable[[FloatArray], Mapping[str, float]]:
    entry = lives["entry_days"].to_numpy(dtype=np.float64)
    stop = lives["stop_days"].to_numpy(dtype=np.float64)
    is_exit = lives["event"].to_numpy(dtype=bool) & (stop <= horizon_days)
    cause = lives["exit_cause"].to_numpy(dtype=object)
    if not (is_exit & (cause == SERVICE)).any():
        raise EstimationError("Nobody left over service by the horizon.")
    times = np.unique(stop[is_exit])
    place = np.searchsorted(times, stop)
    kinds = {
        "service": is_exit & (cause == SERVICE),
        "not ours": is_exit & np.isin(cause, NOT_OURS),
        "other": is_exit & (cause != SERVICE) & ~np.isin(cause, NOT_OURS),
    }
    first = np.searchsorted(times, entry, side="right")
    last = np.searchsorted(times, stop, side="right")
    widths = np.diff(np.concatenate([[0.0], times, [horizon_days]]))

    def analyse(weights: FloatArray) -> Mapping[str, float]:
        m = len(times)
        change = np.bincount(first, weights=weights, minlength=m + 1)
        change = change - np.bincount(last, weights=weights, minlength=m + 1)
        at_risk = np.cumsum(change)[:m]
        hazards = {
            name: np.divide(
                np.bincount(place[here], weights=weights[here], minlength=m)[:m],
                at_risk,
                out=np.zeros(m),
                where=at_risk > 0,
            )
            for name, here in kinds.items()
        }

        def mean(service: float, not_ours: float) -> float:
            total = service * hazards["service"] + hazards["other"] + not_ours * hazards["not ours"]
            kept = np.concatenate([[1.0], np.cumprod(1 - total)])
            return float(kept @ widths)

        gain = mean(SERVICE_CUT, 1) - mean(1, 1)
        without = mean(SERVICE_CUT, 0) - mean(1, 0)
        return {"gain": gain, "gain_without": without, "ratio": gain / without}

    return analyse
