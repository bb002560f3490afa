"""How far from a cut-off to look."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

TRIANGULAR_CONSTANT = 3.4375


def choose_bandwidth(distance: npt.ArrayLike, outcome: npt.ArrayLike) -> float:
    """Bandwidth of a local linear jump with the least mean squared error.

    Parameters
    ----------
    distance : array-like of float, shape (n,)
        Score less the cut-off.
    outcome : array-like of float, shape (n,)

    Returns
    -------
    float
        In units of the score; finite for straight lines too, since the rule adds the variance
        of the curvatures to their difference.

    Raises
    ------
    EstimationError
        If a side has too few rows for a pilot curve, or the outcome does not vary.

    Source
    ------
    Imbens and Kalyanaraman (2012), Review of Economic Studies 79:933-959, section 4, triangular
    kernel.

    Examples
    --------
    >>> distance = np.arange(-50.0, 50.0)
    >>> bool(choose_bandwidth(distance, distance**2 + np.sin(distance)) > 0)
    True
    """
    x, y = np.asarray(distance, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    n = len(x)
    pilot = 1.84 * float(x.std(ddof=1)) * n ** (-0.2)
    sides = {"below": x < 0, "above": x >= 0}
    near = {name: side & (np.abs(x) <= pilot) for name, side in sides.items()}
    scant = [f"{name}: {int(rows.sum())} rows" for name, rows in near.items() if rows.sum() < 5]
    if scant:
        raise EstimationError(
            f"No bandwidth can be chosen: a pilot width of {pilot:g} needs 5 rows a side; give "
            "a bandwidth.",
            scant,
        )
    density = sum(int(rows.sum()) for rows in near.values()) / (2 * n * pilot)
    variance = {name: float(y[rows].var(ddof=1)) for name, rows in near.items()}
    if not min(variance.values()) > 0:
        raise EstimationError("The outcome does not vary near the cut-off; give a bandwidth.")
    third = 6 * _coefficient(np.column_stack([np.vander(x, 4, increasing=True), x >= 0]), y, 3)
    curvature, penalty = {}, 0.0
    for name, side in sides.items():
        # A third derivative of 0 would ask for all rows.
        width = np.abs(x[side]).max()
        if third != 0:
            rule = (variance[name] / (density * third**2)) ** (1 / 7)
            width = min(width, 3.56 * rule * int(side.sum()) ** (-1 / 7))
        rows = side & (np.abs(x) <= width)
        if len(np.unique(x[rows])) < 3:
            raise EstimationError(
                f"No bandwidth can be chosen: {len(np.unique(x[rows]))} distinct scores {name} "
                f"the cut-off within {width:g}; rule: 3 for a curve; fix: give a bandwidth"
            )
        curvature[name] = 2 * _coefficient(np.vander(x[rows], 3, increasing=True), y[rows], 2)
        penalty += 2160 * variance[name] / (int(rows.sum()) * width**4)
    bend = (curvature["above"] - curvature["below"]) ** 2 + penalty
    noise = sum(variance.values())
    return float(TRIANGULAR_CONSTANT * (noise / (density * bend)) ** 0.2 * n ** (-0.2))


def _coefficient(design: FloatArray, values: FloatArray, position: int) -> float:
    scale = np.abs(design).max(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    found = np.linalg.lstsq(design / scale, values, rcond=None)[0]
    return float(found[position] / scale[position])
