"""How far a score of an agent or a site is the agent's or the site's, and how far luck."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from loyaltylab.errors import EstimationError

ENOUGH = 0.70  # reliability from which a score may be used of a single unit
FEW_UNITS = 10


@dataclass(frozen=True)
class Reliability:
    """One-way intraclass correlation of a score: the share of its variance between units.

    Attributes
    ----------
    icc : float
        Of a single ticket; below 0 where units differ less than by chance.
    ci_lower, ci_upper : float
        Exact where every unit has as many tickets, else approximate.
    confidence_level : float
    variance_between, variance_within : float
        Components; that between units is 0 where the correlation is below 0.
    tickets_per_unit : float
        Of the analysis of variance: a little below the mean where units differ in size.
    n_units, n_tickets : int
    caveats : tuple of str
    """

    icc: float
    ci_lower: float
    ci_upper: float
    confidence_level: float
    variance_between: float
    variance_within: float
    tickets_per_unit: float
    n_units: int
    n_tickets: int
    caveats: tuple[str, ...]

    @property
    def of_mean(self) -> float:
        """Reliability of the mean of a unit with the usual number of tickets; 0 below 0."""
        return spearman_brown(max(self.icc, 0.0), n_tickets=self.tickets_per_unit)


@dataclass(frozen=True)
class SplitHalf:
    """Agreement of the means of odd and even tickets.

    Attributes
    ----------
    correlation : float
        Of the two half scores, over units.
    reliability : float
        Of the whole score, stepped up from half its length.
    n_units : int
    """

    correlation: float
    reliability: float
    n_units: int


def spearman_brown(reliability: float, *, n_tickets: float) -> float:
    """Reliability of a mean of tickets, from that of a single one.

    Examples
    --------
    >>> spearman_brown(0.05, n_tickets=45)
    0.703125
    """
    return n_tickets * reliability / (1 + (n_tickets - 1) * reliability)


def tickets_for_reliability(icc: float, *, reliability: float = ENOUGH) -> int:
    """Tickets a unit needs for its mean to be reliable.

    Parameters
    ----------
    icc : float
        Of a single ticket, strictly between 0 and 1.
    reliability : float
        Wanted, strictly between 0 and 1.

    Raises
    ------
    EstimationError
        If one of them is not.

    Source
    ------
    Spearman (1910) and Brown (1910), British Journal of Psychology 3:271-322.

    Examples
    --------
    >>> tickets_for_reliability(0.05)
    45
    """
    if not (0 < icc < 1 and 0 < reliability < 1):
        raise EstimationError(
            f"No number of tickets follows from an ICC of {icc:g} and a reliability of "
            f"{reliability:g}; rule: both strictly between 0 and 1."
        )
    needed = reliability / (1 - reliability) * (1 - icc) / icc
    return math.ceil(round(needed, 9))  # 9 digits: an exact number must not be rounded up


def one_way_icc(
    score: npt.ArrayLike, unit: npt.ArrayLike, *, confidence_level: float = 0.95
) -> Reliability:
    """Intraclass correlation of tickets within units, from a one-way analysis of variance.

    Parameters
    ----------
    score : array-like of float, shape (n,)
        One value per ticket; 0 and 1 will do.
    unit : array-like, shape (n,)
        Agent or site of the ticket.
    confidence_level : float

    Returns
    -------
    Reliability

    Raises
    ------
    EstimationError
        If a value is missing, there are fewer than two units, none has two tickets, or nothing
        varies within units.

    Source
    ------
    Donner (1986), International Statistical Review 54:67-82; interval Searle (1971), Linear
    Models, ch. 9. As ``aov(score ~ unit)`` of R, and ``ICC::ICCest``.

    Examples
    --------
    >>> one_way_icc([1, 2, 5, 6, 9, 10], list("aabbcc")).icc.__round__(4)
    0.9692
    """
    frame = _read(score, unit)
    groups = frame.groupby("unit", sort=True)["score"]
    sizes, means = groups.size().to_numpy(), groups.mean().to_numpy()
    k, n = len(sizes), len(frame)
    if k < 2 or n <= k:
        raise EstimationError(
            f"{n} tickets of {k} units say nothing on reliability; rule: two units, one of them "
            "with two tickets."
        )
    ms_between = float(np.sum(sizes * (means - frame["score"].mean()) ** 2)) / (k - 1)
    ms_within = float(np.sum((frame["score"] - groups.transform("mean")) ** 2)) / (n - k)
    if not ms_within > 0:
        raise EstimationError("Nothing varies within units, so there is no luck to tell apart.")
    size = float(n - np.sum(sizes**2) / n) / (k - 1)
    tail = (1 - confidence_level) / 2
    ratio = ms_between / ms_within
    low = ratio / float(stats.f.isf(tail, k - 1, n - k))
    high = ratio * float(stats.f.isf(tail, n - k, k - 1))
    caveat = f"{k} units: below {FEW_UNITS} the interval says little."
    return Reliability(
        icc=(ratio - 1) / (ratio + size - 1),
        ci_lower=(low - 1) / (low + size - 1),
        ci_upper=(high - 1) / (high + size - 1),
        confidence_level=confidence_level,
        variance_between=max((ms_between - ms_within) / size, 0.0),
        variance_within=ms_within,
        tickets_per_unit=size,
        n_units=k,
        n_tickets=n,
        caveats=(caveat,) if k < FEW_UNITS else (),
    )


def split_half(score: npt.ArrayLike, unit: npt.ArrayLike) -> SplitHalf:
    """Correlate the mean of every unit's odd tickets with that of its even ones.

    Parameters
    ----------
    score, unit
        As in :func:`one_way_icc`, in order of time; units with one ticket are left out.

    Raises
    ------
    EstimationError
        If fewer than three units have two tickets, or their halves do not vary.

    Examples
    --------
    >>> split_half([1, 2, 3, 4, 5, 6], list("aabbcc")).reliability
    1.0
    """
    frame = _read(score, unit)
    half = frame.groupby("unit").cumcount() % 2
    means = frame.groupby(["unit", half])["score"].mean().unstack().dropna()
    if len(means) < 3 or means.shape[1] < 2 or not (means.std() > 0).all():
        raise EstimationError(
            f"{len(means)} units have both halves; rule: three whose halves differ between units."
        )
    correlation = float(np.corrcoef(means[0], means[1])[0, 1])
    return SplitHalf(correlation, spearman_brown(correlation, n_tickets=2), len(means))


def shrink_scores(score: npt.ArrayLike, unit: npt.ArrayLike) -> pd.DataFrame:
    """Mean score of each unit, drawn to the overall mean by as much as it may be luck.

    Empirical Bayes with the variance components of :func:`one_way_icc`: the more tickets, the
    less a unit is drawn. Where units do not differ more than by chance, all are alike.

    Returns
    -------
    pandas.DataFrame
        One row per unit, in order: unit, n_tickets, mean, reliability (0 to 1), shrunken,
        standard_error (of the unit's own level around the shrunken score).

    Raises
    ------
    EstimationError
        As :func:`one_way_icc`.

    Source
    ------
    Efron and Morris (1975), JASA 70:311-319; Robinson (1991), Statistical Science 6:15-32.

    Examples
    --------
    >>> shrink_scores([1, 2, 5, 6, 9, 10], list("aabbcc"))["shrunken"].round(2).tolist()
    [1.56, 5.5, 9.44]
    """
    found = one_way_icc(score, unit)
    groups = _read(score, unit).groupby("unit", sort=True)["score"]
    sizes, means = groups.size(), groups.mean()
    between, within = found.variance_between, found.variance_within
    reliability = between / (between + within / sizes)
    precision = 1 / (between + within / sizes)
    overall = float((precision * means).sum() / precision.sum())
    return pd.DataFrame(
        {
            "unit": means.index,
            "n_tickets": sizes.to_numpy(),
            "mean": means.to_numpy(),
            "reliability": reliability.to_numpy(),
            "shrunken": (overall + reliability * (means - overall)).to_numpy(),
            "standard_error": np.sqrt(between * (1 - reliability)).to_numpy(),
        }
    )


def _read(score: npt.ArrayLike, unit: npt.ArrayLike) -> pd.DataFrame:
    values, units = np.asarray(score, dtype=np.float64), np.asarray(unit, dtype=object)
    if values.ndim != 1 or values.shape != units.shape:
        raise EstimationError("score and unit differ in length; rule: one of each per ticket.")
    is_bad = ~np.isfinite(values) | pd.isna(units)
    if is_bad.any():
        raise EstimationError(
            f"{int(is_bad.sum())} tickets have no score or no unit (positions from 0: "
            f"{np.flatnonzero(is_bad)[:5].tolist()}); rule: none; fix: leave them out."
        )
    return pd.DataFrame({"score": values, "unit": units})
