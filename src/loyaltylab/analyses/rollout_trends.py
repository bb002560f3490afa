"""How far trends of the sites would have to part for a roll-out's effect to be explained away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.designs import (
    EventPath,
    StaggeredEffects,
    TrendBounds,
    bound_by_relative_steps,
    bound_by_smoothness,
    find_breakdown,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

BLOCK_MONTHS = 3
RATIOS = (0.0, 0.5, 1.0)
BENDS = (0.0, 0.02, 0.05)


@dataclass(frozen=True, eq=False)
class RolloutBounds:
    """Months retained when trends were not parallel, and what would overturn the effect.

    Attributes
    ----------
    path : EventPath
        Exits per 100 customer-months, in blocks of ``BLOCK_MONTHS`` months.
    smooth, relative : tuple of TrendBounds
        In months retained, by ``BENDS`` and ``RATIOS``.
    smooth_breakdown, relative_breakdown : float
        Smallest violation that overturns what the intervals tell.
    margin : float or None
        The effect is told to be smaller than this without a violation; None if it is not, and
        the violations are those at which the interval holds no effect.
    """

    path: EventPath
    smooth: tuple[TrendBounds, ...]
    relative: tuple[TrendBounds, ...]
    smooth_breakdown: float
    relative_breakdown: float
    margin: float | None


def block_path(
    monthly: StaggeredEffects, *, months_before: int, months_after: int
) -> tuple[EventPath, FloatArray]:
    """Effects averaged over blocks of months, and a working covariance: one over the sites.

    Raises
    ------
    EstimationError
        If months are missing or have no error, or no whole block fits.
    """
    wanted = np.arange(-months_before, months_after)
    at = monthly.by_event_time.index.get_indexer(wanted)
    if months_before % BLOCK_MONTHS or months_after % BLOCK_MONTHS or (at < 0).any():
        raise EstimationError(
            f"{months_before} months before and {months_after} from the start do not make whole "
            f"blocks of {BLOCK_MONTHS} months that all have an effect."
        )
    n_blocks = len(wanted) // BLOCK_MONTHS
    blocks = np.kron(np.eye(n_blocks), np.full((1, BLOCK_MONTHS), 1 / BLOCK_MONTHS))
    table = monthly.by_event_time.iloc[at]
    influence = monthly.influence[:, at] @ blocks.T
    if not np.isfinite(influence).all():
        raise EstimationError("Some months around the start rest on one site and have no error.")
    n = len(influence)
    size = np.maximum(blocks @ table["n_treated"].to_numpy(dtype=np.float64), 1.0)
    path = EventPath(
        times=np.arange(n_blocks, dtype=np.float64) - months_before // BLOCK_MONTHS,
        effects=blocks @ table["effect"].to_numpy(dtype=np.float64),
        covariance=influence.T @ influence / (n * (n - 1)),
        degrees_of_freedom=n - 1,
    )
    return path, np.diag(1 / size)


def months_weights(horizon_months: int) -> list[float]:
    """Months retained per exit per 100 customer-months more in each block, to first order.

    An exit in month m costs the months from its middle to the horizon.

    Examples
    --------
    >>> months_weights(6)
    [-0.135, -0.045]
    """
    cost = (horizon_months - np.arange(horizon_months) - 0.5) / 100
    return [-float(block.sum()) for block in cost.reshape(-1, BLOCK_MONTHS)]


def bound_rollout(
    monthly: StaggeredEffects,
    *,
    months_before: int,
    horizon_months: int,
    confidence_level: float,
    margin: float,
    bends: Sequence[float] = BENDS,
    ratios: Sequence[float] = RATIOS,
) -> RolloutBounds:
    """Months retained under violations of parallel trends.

    Where the interval without a violation excludes no effect, the breakdown is where it does no
    longer; otherwise where it leaves the margin, the smallest effect that matters, in months.
    The covariance of so few sites does not choose the weights of the times before; see
    :func:`loyaltylab.designs.bound_by_smoothness`.

    Raises
    ------
    EstimationError
        As :func:`block_path`.
    """
    path, working = block_path(monthly, months_before=months_before, months_after=horizon_months)
    weights = months_weights(horizon_months)
    # On the scale of the errors found, as the trade of bias for error depends on it.
    working = working * float(np.trace(path.covariance) / np.trace(working))
    smooth = tuple(
        bound_by_smoothness(
            path,
            weights=weights,
            largest_bend=bend,
            confidence_level=confidence_level,
            working_covariance=working,
        )
        for bend in bends
    )
    told = margin if smooth[0].ci_lower <= 0 <= smooth[0].ci_upper else None
    return RolloutBounds(
        path=path,
        smooth=smooth,
        relative=tuple(
            bound_by_relative_steps(
                path, weights=weights, largest_ratio=ratio, confidence_level=confidence_level
            )
            for ratio in ratios
        ),
        smooth_breakdown=find_breakdown(
            path,
            weights=weights,
            rule="smoothness",
            confidence_level=confidence_level,
            working_covariance=working,
            margin=told,
        ),
        relative_breakdown=find_breakdown(
            path,
            weights=weights,
            rule="relative steps",
            confidence_level=confidence_level,
            margin=told,
        ),
        margin=told,
    )
