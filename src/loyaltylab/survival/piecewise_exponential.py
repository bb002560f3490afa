"""Exit rates that are constant between given times."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.cell_regression import CellRows
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.covariate_checks import (
    find_covariate_problems,
    read_offset,
    refuse_collinear,
)
from loyaltylab.survival.hazard_families import PIECEWISE
from loyaltylab.survival.hazard_regression import HazardRegression, fit_hazard_regression
from loyaltylab.survival.row_splitting import cut_intervals, read_cuts


def fit_piecewise_exponential(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    cuts: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> HazardRegression:
    """Fit exit rates that are constant between given times, with proportional effects.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]; they are cut where needed.
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
    cuts : array-like of float, shape (c,)
        Times at which the rate may jump; k = c + 1 stretches.
    cluster, weights, offset, confidence_level
        As in :func:`fit_cox`. With weights and no clusters the rows given are the units.

    Returns
    -------
    HazardRegression
        Rates per time unit.

    Raises
    ------
    EstimationError
        With everything wrong with the rows; for stretches without exits; for separation.

    Source
    ------
    Holford (1980); ``glm(event ~ interval + x + offset(log(stop - start)), poisson)`` of R.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> rows = [0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1]
    >>> fit_piecewise_exponential(*rows, x, cuts=[3]).cell
    ('(0, 3]', '(3, 6]')
    """
    n = len(pd.Series(stop))
    problems = find_covariate_problems(covariates, n)
    known = read_offset(offset, n, problems)
    edges = read_cuts(cuts, problems)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        requires_events=True,
        further_problems=problems,
    )
    refuse_collinear(covariates.loc[process.kept])
    row, starts, stops, cell = cut_intervals(process.start, process.stop, edges)
    values = covariates.loc[process.kept].to_numpy(dtype=np.float64)
    rows = CellRows(
        x=values[row],
        cell=cell,
        n_cells=len(edges) + 1,
        event=process.event[row] & (stops == process.stop[row]),
        exposure=stops - starts,
        weights=process.weights[row],
        offset=known[process.kept][row],
        unit=process.cluster[row],
    )
    columns = tuple(str(name) for name in covariates.columns)
    return fit_hazard_regression(
        process, rows, PIECEWISE, columns, _name_stretches(process, edges), confidence_level
    )


def _name_stretches(process: CountingProcess, edges: FloatArray) -> tuple[str, ...]:
    ends = [min(process.start.min(), edges[0]), *edges.tolist()]
    ends.append(max(process.stop.max(), edges[-1]))
    return tuple(f"({a:g}, {b:g}]" for a, b in pairwise(ends))
