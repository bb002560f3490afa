"""Functions of time that an effect may follow: a line, a logarithm, a spline, steps."""

from __future__ import annotations

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

# Where the knots of a spline stand among the event times, by number of knots (Harrell 2015).
KNOT_SHARES = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


def place_knots(exits: FloatArray, knots: int) -> FloatArray:
    """Knots of a spline at quantiles of the exits."""
    edges = np.quantile(exits, KNOT_SHARES[knots])
    if np.any(np.diff(edges) <= 0):
        raise EstimationError(
            f"The {knots} knots fall on {edges.tolist()}; rule: they differ; fix: use fewer knots "
            "or effect='step', since the events share too few times"
        )
    return np.asarray(edges)


def time_basis(time: FloatArray, effect: str, edges: FloatArray) -> FloatArray:
    """g1, g2, ... at each time, shape (number of times, number of functions)."""
    if effect == "linear":
        return time[:, None]
    if effect == "log":
        return np.log(time)[:, None]
    if effect == "step":
        return (time[:, None] > edges).astype(np.float64)
    return restricted_cubic_spline(time, edges)


def restricted_cubic_spline(values: FloatArray, knots: FloatArray) -> FloatArray:
    """Cubic between the knots and straight outside them: k knots, k - 1 columns.

    The first column is the value itself; the others are in its unit as well.
    """

    def cube(knot: float) -> FloatArray:
        return np.maximum(values - knot, 0.0) ** 3

    last, before = knots[-1], knots[-2]
    columns = [values]
    for knot in knots[:-2]:
        bent = cube(knot) - cube(before) * (last - knot) / (last - before)
        bent += cube(last) * (before - knot) / (last - before)
        columns.append(bent / (last - knots[0]) ** 2)
    return np.column_stack(columns)
