"""Critical values of simultaneous bands: how far a Brownian bridge strays over part of its way.

On the scale a = n v / (1 + n v), v the Greenwood sum, the error of a product-limit curve behaves
like a Brownian bridge W on [0, 1]. The equal-precision band needs the law of the largest
|W(a)| / sqrt(a (1 - a)), the Hall-Wellner band that of the largest |W(a)|, for a between two
limits. Both are computed from the eigenfunctions of the process killed at the boundary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.special import roots_legendre

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.intervals import normal_quantile

BAND_KINDS = ("equal-precision", "hall-wellner")
# Enough that more change no published digit, whatever the limits.
N_POLYNOMIALS = 40
N_WAVES = 300
N_NODES = 600
# A bell this many of its standard deviations inside the boundary has no mass beyond it.
NEGLIGIBLE_TAIL = 8.0
# exp(-40) is nothing beside 1.
VANISHING_EXPONENT = 40.0
# The search steps outwards by this much: far past the root the normal density vanishes.
BRACKET_GROWTH = 1.2


def band_critical_value(
    kind: str, a_lower: float, a_upper: float, *, confidence_level: float = 0.95
) -> float:
    """Distance that the process of a band keeps to with the given probability.

    Parameters
    ----------
    kind : {"equal-precision", "hall-wellner"}
    a_lower, a_upper : float
        Limits on the scale of the bridge, 0 <= a_lower < a_upper <= 1; for equal precision
        both strictly inside, since there the distance grows without bound at the ends.
    confidence_level : float

    Returns
    -------
    float

    Raises
    ------
    EstimationError
        If the kind is unknown or the limits are out of order or range.

    Source
    ------
    Nair (1984); Hall and Wellner (1980). Klein and Moeschberger (2003), tables C.3 and C.4: C.4
    agrees to its four digits; C.3 was computed from an approximation that is rough for limits
    close together.

    Examples
    --------
    >>> round(band_critical_value("hall-wellner", 0.1, 0.6), 4)
    1.3211
    """
    least = normal_quantile(confidence_level)
    if kind not in BAND_KINDS:
        raise EstimationError(f"unknown band {kind!r}; rule: one of {list(BAND_KINDS)}")
    is_equal = kind == "equal-precision"
    is_inside = a_lower > 0 and a_upper < 1 if is_equal else a_lower >= 0 and a_upper <= 1
    if not (is_inside and a_lower < a_upper):
        raise EstimationError(
            f"limits {a_lower:g} and {a_upper:g} do not suit the {kind} band; rule: increasing, "
            + ("strictly between 0 and 1" if is_equal else "from 0 to 1")
        )
    if is_equal:
        span = 0.5 * math.log(a_upper * (1 - a_lower) / (a_lower * (1 - a_upper)))
        below = least * 0.9
        return _find_root(lambda c: stay_probability_scaled(c, span), confidence_level, below)
    smallest = least * math.sqrt(_largest_variance(a_lower, a_upper)) * 0.9
    return _find_root(
        lambda k: stay_probability_bridge(k, a_lower, a_upper), confidence_level, smallest
    )


def stay_probability_scaled(limit: float, span: float) -> float:
    """Probability that W(a) / sqrt(a (1 - a)) stays within a limit over a span.

    In the time (1/2) log(a / (1 - a)) it is the stationary Ornstein-Uhlenbeck process with
    generator f'' - x f'; its killed semigroup is expanded in even Legendre polynomials that
    vanish at the boundary.
    """
    nodes, node_weights, basis, unit_slope = _even_polynomials()
    slope = unit_slope / limit
    density = np.exp(-((limit * nodes) ** 2) / 2) / math.sqrt(2 * math.pi) * limit * node_weights
    stiffness = (slope * density[:, None]).T @ slope
    mass = (basis * density[:, None]).T @ basis
    rates, modes = eigh(stiffness, mass)
    start = modes.T @ (basis.T @ density)
    return float(np.sum(np.exp(-rates * span) * start**2))


def stay_probability_bridge(limit: float, a_lower: float, a_upper: float) -> float:
    """Probability that |W(a)| stays within a limit for a between two limits.

    Free until a_lower, killed at the boundary until a_upper, free and back to 0 at 1.
    """
    rate = math.pi**2 * (a_upper - a_lower) / (8 * limit**2)
    n_waves = min(N_WAVES, 2 + math.ceil(0.5 * math.sqrt(VANISHING_EXPONENT / rate)))
    wave = np.arange(1.0, 2 * n_waves, 2)  # Odd waves only: the start is symmetric.
    decay = np.exp(-(wave**2) * rate)
    start = _wave_coefficients(a_lower, limit, wave)
    end = _wave_coefficients(1 - a_upper, limit, wave)
    return float(math.sqrt(2 * math.pi) / limit * np.sum(start * end * decay))


def _wave_coefficients(variance: float, limit: float, wave: FloatArray) -> FloatArray:
    """Integrals of a normal density times each wave, between the boundaries."""
    frequency = wave * math.pi / (2 * limit)
    if NEGLIGIBLE_TAIL * math.sqrt(variance) < limit:
        return np.asarray(np.sin(wave * math.pi / 2) * np.exp(-(frequency**2) * variance / 2))
    nodes, node_weights = _nodes(N_NODES)
    x = nodes * limit
    density = np.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return np.asarray(np.sin(np.outer(frequency, x + limit)) @ (density * node_weights * limit))


@cache
def _nodes(n: int) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on [-1, 1], as constants."""
    nodes, weights = roots_legendre(n)
    return as_read_only(nodes), as_read_only(weights)


@cache
def _even_polynomials() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Nodes, weights, and at the nodes the differences P(2j) - P(2j + 2) and their slopes."""
    nodes, weights = _nodes(4 * N_POLYNOMIALS)
    n_degrees = 2 * N_POLYNOMIALS + 1
    values = legendre.legvander(nodes, n_degrees - 1)
    # P'(d) - P'(d + 2) = -(2 d + 3) P(d + 1).
    degree = np.arange(0, n_degrees - 2, 2)
    basis = values[:, degree] - values[:, degree + 2]
    slope = -(2 * degree + 3) * values[:, degree + 1]
    return nodes, weights, as_read_only(basis), as_read_only(slope)


def _largest_variance(a_lower: float, a_upper: float) -> float:
    nearest = min(max(0.5, a_lower), a_upper)
    return nearest * (1 - nearest)


def _find_root(
    stay_probability: Callable[[float], float], confidence_level: float, smallest: float
) -> float:
    largest = smallest
    while stay_probability(largest) <= confidence_level:
        smallest, largest = largest, largest * BRACKET_GROWTH
    return float(brentq(lambda x: stay_probability(x) - confidence_level, smallest, largest))
