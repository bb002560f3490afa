"""Randomisation inference: the same start dates, dealt to the units at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyaltylab.designs.group_time_means import StaggeredDesign, compare_groups
from loyaltylab.designs.staggered import average_overall, find_post_cells
from loyaltylab.designs.unit_panel import UnitPanel, build_unit_panel
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only

FEWEST_DRAWS = 200


@dataclass(frozen=True, eq=False)
class RandomisationTest:
    """An effect against those that chance alone would give.

    Attributes
    ----------
    value : float
        The effect observed.
    draws : ndarray, shape (n_draws,)
        The effect under each random deal.
    p_value : float
        Two-sided: (1 + draws at least as far from 0) / (1 + draws).
    caveats : tuple of str
    """

    value: float
    draws: FloatArray
    p_value: float
    caveats: tuple[str, ...] = ()


def permute_start_dates(
    cells: pd.DataFrame,
    start_at: pd.Series,
    *,
    n_draws: int = 999,
    seed: int,
    scale: str = "additive",
    comparison: str = "not_yet_treated",
    anticipation_months: int = 0,
    base_months: int = 1,
    horizon_months: int | None = None,
) -> RandomisationTest:
    """Test that no unit's exits depend on when it started, by dealing the starts anew.

    The hypothesis is sharp: no effect on any unit. The test is exact if the starts were dealt at
    random, whatever the number of units.

    Parameters
    ----------
    n_draws, seed : int
        At least 200 draws.
    cells, start_at, scale, comparison, anticipation_months, base_months, horizon_months
        As in :func:`estimate_staggered_effects`, whose overall effect is the statistic.

    Returns
    -------
    RandomisationTest

    Raises
    ------
    EstimationError
        With fewer than 200 draws, nothing to compare with, or a draw without exits (log scale).

    Source
    ------
    Roth and Sant'Anna (2023), Journal of Political Economy: Microeconomics 1:669-709.
    """
    if n_draws < FEWEST_DRAWS:
        raise EstimationError(f"{n_draws} draws; rule: at least {FEWEST_DRAWS}")
    design = StaggeredDesign(scale, comparison, anticipation_months, base_months)
    panel = build_unit_panel(cells, start_at)
    value = _overall(panel, design, horizon_months)
    random = np.random.default_rng(seed)
    draws = np.array(
        [
            _overall(replace(panel, first=random.permutation(panel.first)), design, horizon_months)
            for _ in range(n_draws)
        ]
    )
    n_lost = int((~np.isfinite([value, *draws])).sum())
    if n_lost:
        raise EstimationError(
            f"{n_lost} of {n_draws + 1} deals have no effect on the log scale; rule: exits in "
            "every average; fix: the additive scale, or more base months"
        )
    # Equal deals may differ by rounding.
    n_as_far = int((np.abs(draws) >= abs(value) * (1 - 1e-9)).sum())
    return RandomisationTest(
        value=value,
        draws=as_read_only(draws),
        p_value=(1 + n_as_far) / (1 + n_draws),
        caveats=panel.caveats,
    )


def _overall(panel: UnitPanel, design: StaggeredDesign, horizon_months: int | None) -> float:
    means = compare_groups(panel, design, np.ones((1, len(panel.units))))
    used = find_post_cells(means, panel, horizon_months)
    return float(average_overall(means, used, design.scale)[0])
