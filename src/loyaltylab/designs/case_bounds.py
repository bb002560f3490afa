"""Bounds on an effect seen only in those selected after time zero."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

FEWEST = 2  # seen in each arm, so that an error exists
LARGEST_QUANTILE = 10.0  # of the normal: beyond any confidence level in use


@dataclass(frozen=True)
class EffectBounds:
    """An effect known only up to an interval.

    Attributes
    ----------
    lower, upper : float
        Sharp bounds, in the unit of the outcome.
    standard_error_lower, standard_error_upper : float
        Of each bound.
    ci_lower, ci_upper : float
        Interval for the effect itself, not for the bounds (Imbens and Manski).
    confidence_level : float
    trimmed_share : float
        Share of the arm seen more often that is left out; 0 where nothing is trimmed.
    n, n_selected : int
        Customers, and those whose outcome is seen.
    population : str
        Whose effect it is.
    method : str
    """

    lower: float
    upper: float
    standard_error_lower: float
    standard_error_upper: float
    ci_lower: float
    ci_upper: float
    confidence_level: float
    trimmed_share: float
    n: int
    n_selected: int
    population: str
    method: str


def bound_effect_by_trimming(
    outcome: npt.ArrayLike,
    is_selected: npt.ArrayLike,
    is_exposed: npt.ArrayLike,
    *,
    confidence_level: float = 0.95,
) -> EffectBounds:
    """Bounds on the mean effect in those seen under either strategy (Lee).

    Assumes exposure is as if drawn by lot, and that it can only make being seen more likely for
    all, or only less likely for all. The arm seen more often is trimmed at its top, then at its
    bottom, until both are seen equally often; a value that straddles the cut is split.

    Parameters
    ----------
    outcome : array-like of float, shape (n,)
        What is read where ``is_selected``; elsewhere ignored, and may be NaN.
    is_selected : array-like of bool, shape (n,)
        Whether the outcome is seen: among the saved, the leavers, the respondents.
    is_exposed : array-like of bool, shape (n,)
    confidence_level : float

    Returns
    -------
    EffectBounds

    Raises
    ------
    EstimationError
        If an arm has fewer than two seen, or a seen outcome is not finite.

    Source
    ------
    Lee (2009), Review of Economic Studies 76:1071-1102, propositions 1 and 3; interval of
    Imbens and Manski (2004), Econometrica 72:1845-1857.

    Examples
    --------
    >>> bounds = bound_effect_by_trimming(
    ...     [1, 2, 3, 4, 1, 3, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0])
    >>> bounds.lower, bounds.upper
    (-0.5, 1.5)
    """
    values, selected, exposed = _read(outcome, is_selected, is_exposed)
    shares = [float(selected[exposed == arm].mean()) for arm in (False, True)]
    trims_exposed = shares[1] >= shares[0]
    more = exposed == trims_exposed
    trimmed = 1 - min(shares) / max(shares)
    seen_more = np.sort(values[selected & more])
    seen_less = values[selected & ~more]
    low, low_variance = _trim_top(seen_more, trimmed)
    mirrored, high_variance = _trim_top(np.sort(-seen_more), trimmed)
    shared = _variance_of_share(min(shares), trimmed, float(more.mean())) / len(values)
    cuts = _find_cut(seen_more, trimmed), -_find_cut(np.sort(-seen_more), trimmed)
    means, variances = (low, -mirrored), (low_variance, high_variance)
    other_variance = float(seen_less.var(ddof=1)) / len(seen_less)
    errors = [
        math.sqrt(variance + ((cut - mean) / (1 - trimmed)) ** 2 * shared + other_variance)
        for mean, variance, cut in zip(means, variances, cuts, strict=True)
    ]
    differences = [mean - float(seen_less.mean()) for mean in means]
    if not trims_exposed:
        differences = [-differences[1], -differences[0]]
        errors = errors[::-1]
    return _collect(
        differences,
        errors,
        confidence_level=confidence_level,
        trimmed_share=trimmed,
        counts=(len(values), int(selected.sum())),
        words=("those seen under either strategy", "trimming bounds, monotone selection"),
    )


def bound_effect_by_extremes(
    outcome: npt.ArrayLike,
    is_selected: npt.ArrayLike,
    is_exposed: npt.ArrayLike,
    *,
    lowest: float,
    highest: float,
    confidence_level: float = 0.95,
) -> EffectBounds:
    """Bounds on the mean effect in everybody, whoever is not seen being at an extreme (Manski).

    Parameters
    ----------
    outcome, is_selected, is_exposed, confidence_level
        As in :func:`bound_effect_by_trimming`; nothing is assumed about who is seen.
    lowest, highest : float
        Between which every outcome must lie.

    Raises
    ------
    EstimationError
        If an arm has fewer than two seen, or a seen outcome is outside the extremes.

    Source
    ------
    Manski (1990), American Economic Review 80:319-323.
    """
    values, selected, exposed = _read(outcome, is_selected, is_exposed)
    seen = values[selected]
    if not lowest < highest or seen.min() < lowest or seen.max() > highest:
        raise EstimationError(
            f"Outcomes from {seen.min():g} to {seen.max():g} are not within {lowest:g} to "
            f"{highest:g}; rule: the extremes hold for everybody."
        )
    filled = {edge: np.where(selected, values, edge) for edge in (lowest, highest)}
    arms = {(edge, arm): filled[edge][exposed == arm] for edge in filled for arm in (False, True)}

    def subtract(first: FloatArray, second: FloatArray) -> tuple[float, float]:
        variance = sum(float(part.var(ddof=1)) / len(part) for part in (first, second))
        return float(first.mean() - second.mean()), math.sqrt(variance)

    below = subtract(arms[lowest, True], arms[highest, False])
    above = subtract(arms[highest, True], arms[lowest, False])
    return _collect(
        [below[0], above[0]],
        [below[1], above[1]],
        confidence_level=confidence_level,
        trimmed_share=0.0,
        counts=(len(values), int(selected.sum())),
        words=("everybody", "worst-case bounds"),
    )


def _read(
    outcome: npt.ArrayLike, is_selected: npt.ArrayLike, is_exposed: npt.ArrayLike
) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    values = np.array(outcome, dtype=np.float64)
    selected = np.asarray(is_selected, dtype=bool)
    exposed = np.asarray(is_exposed, dtype=bool)
    if not values.shape == selected.shape == exposed.shape or values.ndim != 1:
        raise EstimationError("Outcome, selection and exposure need one value per customer each.")
    problems = [
        f"{int((selected & (exposed == arm)).sum())} seen in the {name} arm; "
        f"rule: at least {FEWEST}"
        for name, arm in (("exposed", True), ("reference", False))
        if (selected & (exposed == arm)).sum() < FEWEST
    ]
    wrong = np.flatnonzero(selected & ~np.isfinite(values))
    if len(wrong):
        problems.append(f"{len(wrong)} seen outcomes are not finite, first at {wrong[:3].tolist()}")
    if problems:
        raise EstimationError("No bounds follow from these data:", problems)
    return values, selected, exposed


def _trim_top(ordered: FloatArray, trimmed: float) -> tuple[float, float]:
    """Mean of the lowest 1 - trimmed share, the last value in part; its variance given the cut."""
    kept = len(ordered) * (1 - trimmed)
    weights = np.clip(kept - np.arange(len(ordered)), 0.0, 1.0)
    mean = float(weights @ ordered / kept)
    spread = float(weights @ (ordered - mean) ** 2 / kept)
    cut = _find_cut(ordered, trimmed)
    return mean, (spread + trimmed * (cut - mean) ** 2) / kept


def _find_cut(ordered: FloatArray, trimmed: float) -> float:
    last = math.ceil(len(ordered) * (1 - trimmed) - 1e-9) - 1
    return float(ordered[min(max(last, 0), len(ordered) - 1)])


def _variance_of_share(share_less: float, trimmed: float, share_of_arm: float) -> float:
    """Variance of the trimmed share, times the number of customers."""
    share_more = share_less / (1 - trimmed)
    return (1 - trimmed) ** 2 * (
        (1 - share_more) / (share_of_arm * share_more)
        + (1 - share_less) / ((1 - share_of_arm) * share_less)
    )


def _collect(
    bounds: list[float],
    errors: list[float],
    *,
    confidence_level: float,
    trimmed_share: float,
    counts: tuple[int, int],
    words: tuple[str, str],
) -> EffectBounds:
    if not 0.5 < confidence_level < 1:
        raise EstimationError(f"confidence_level is {confidence_level!r}; rule: a share above 0.5.")
    widest = max(errors)
    gap = (bounds[1] - bounds[0]) / widest if widest > 0 else math.inf
    quantile = float(
        brentq(lambda c: ndtr(c + gap) - ndtr(-c) - confidence_level, 0.0, LARGEST_QUANTILE)
    )
    return EffectBounds(
        lower=bounds[0],
        upper=bounds[1],
        standard_error_lower=errors[0],
        standard_error_upper=errors[1],
        ci_lower=bounds[0] - quantile * errors[0],
        ci_upper=bounds[1] + quantile * errors[1],
        confidence_level=confidence_level,
        trimmed_share=trimmed_share,
        n=counts[0],
        n_selected=counts[1],
        population=words[0],
        method=words[1],
    )
