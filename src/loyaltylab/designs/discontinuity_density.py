"""Whether customers sort themselves around a cut-off."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.row_checks import read_numbers

FEWEST_BINS = 6


def check_density(
    score: npt.ArrayLike,
    *,
    cutoff: float,
    bin_width: float | None = None,
    bandwidth: float | None = None,
    confidence_level: float = 0.95,
) -> Estimate:
    """Jump of the log density of scores at the cut-off: 0 if nobody sorts.

    Parameters
    ----------
    score : array-like of float, shape (n,)
        Continuous; a score in whole numbers needs bins of a whole width.
    cutoff : float
    bin_width : float, optional
        By default 2 standard deviations over the root of n.
    bandwidth : float, optional
        By default from a curve of the fourth degree on each side, averaged.
    confidence_level : float

    Returns
    -------
    Estimate
        Log density just above less just below.

    Raises
    ------
    EstimationError
        If a side has fewer than six bins within the bandwidth, or no density at the cut-off.

    Source
    ------
    McCrary (2008), Journal of Econometrics 142:698-714.

    Examples
    --------
    >>> score = np.linspace(-1, 1, 2000)
    >>> bool(abs(check_density(score, cutoff=0).value) < 0.1)
    True
    """
    problems: list[str] = []
    distance = read_numbers("score", score, problems) - cutoff
    if problems or len(distance) < 2 * FEWEST_BINS:
        raise EstimationError(f"{len(distance)} scores give no density:", problems)
    n = len(distance)
    width = 2 * float(distance.std(ddof=1)) / math.sqrt(n) if bin_width is None else bin_width
    middle, height = _count_bins(distance, width)
    sides = {"below": middle < 0, "above": middle > 0}
    scant = [f"{name}: {int(b.sum())} bins" for name, b in sides.items() if b.sum() < FEWEST_BINS]
    if scant:
        raise EstimationError("The density needs six bins on each side:", scant)
    if bandwidth is None:
        bandwidth = sum(_rule(middle[b], height[b]) for b in sides.values()) / 2
    level = {name: _edge(middle[b], height[b], bandwidth) for name, b in sides.items()}
    if not min(level.values()) > 0:
        raise EstimationError(
            "The density at the cut-off is not above 0 on both sides; fix: a wider bandwidth, or "
            f"look at the scores: {level}"
        )
    value = math.log(level["above"] / level["below"])
    error = math.sqrt(24 / 5 / (n * bandwidth) * sum(1 / f for f in level.values()))
    half = normal_quantile(confidence_level) * error
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - half,
        ci_upper=value + half,
        confidence_level=confidence_level,
        n=n,
        n_events=int((np.abs(distance) <= bandwidth).sum()),
        unit="log density",
        method=f"McCrary, bins of {width:.4g}, bandwidth {bandwidth:.4g}",
        p_value=float(two_sided_p_value(value / error)),
    )


def _count_bins(distance: FloatArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Middles and densities of bins that do not straddle the cut-off."""
    if not (math.isfinite(width) and width > 0):
        raise EstimationError(f"bin_width is {width}; rule: above 0, scores that vary")
    place = np.floor(distance / width).astype(np.int64)
    first = int(place.min())
    counts = np.bincount(place - first)
    middle = np.asarray((np.arange(len(counts)) + first + 0.5) * width, dtype=np.float64)
    return middle, counts / (len(distance) * width)


def _rule(middle: FloatArray, height: FloatArray) -> float:
    """Bandwidth of one side, from the curvature of a curve of the fourth degree."""
    scale = float(np.abs(middle).max())
    x = np.vander(middle / scale, 5, increasing=True)
    coefficients = np.linalg.lstsq(x, height, rcond=None)[0]
    misfit = float(((height - x @ coefficients) ** 2).sum()) / (len(middle) - 5)
    bend = x[:, :3] @ (coefficients[2:] * np.array([2.0, 6.0, 12.0])) / scale**2
    span = float(np.abs(middle).max())
    if not misfit * span > 0:
        return span
    return min(span, 3.348 * (misfit * span / float((bend**2).sum())) ** 0.2)


def _edge(middle: FloatArray, height: FloatArray, bandwidth: float) -> float:
    """Density at the cut-off by a local line with a triangular kernel."""
    weight = np.maximum(1 - np.abs(middle) / bandwidth, 0.0)
    if (weight > 0).sum() < FEWEST_BINS:
        raise EstimationError(
            f"{int((weight > 0).sum())} bins within {bandwidth:g} of the cut-off; rule: "
            f"{FEWEST_BINS}; fix: a wider bandwidth"
        )
    root = np.sqrt(weight)
    x = np.column_stack([np.ones_like(middle), middle])
    return float(np.linalg.lstsq(x * root[:, None], height * root, rcond=None)[0][0])
