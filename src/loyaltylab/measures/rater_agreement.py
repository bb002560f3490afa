"""Whether auditors who saw the same thing scored it alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError


def intraclass_correlation(scores: pd.DataFrame) -> tuple[float, float]:
    """ICC(2,1) and ICC(2,k): agreement of one rater, and of the mean of all of them.

    Two-way random effects, absolute agreement: a rater who is always stricter lowers it.

    Parameters
    ----------
    scores : pandas.DataFrame, shape (n subjects, k raters)

    Returns
    -------
    (float, float)
        Of one rater, and of the mean of the k.

    Raises
    ------
    TableError
        If there are fewer than two subjects or raters, a score is missing, or all are equal.

    Source
    ------
    Shrout and Fleiss (1979), Psychological Bulletin 86:420-428; R ``psych::ICC``.

    Examples
    --------
    >>> intraclass_correlation(pd.DataFrame({"one": [1, 2, 3], "two": [1, 2, 3]}))
    (1.0, 1.0)
    """
    values = scores.to_numpy(dtype=np.float64)
    n, k = values.shape
    if n < 2 or k < 2 or np.isnan(values).any():
        raise TableError(
            f"{n} subjects by {k} raters, {int(np.isnan(values).sum())} scores missing; rule: two "
            "or more of each, and every rater scored every subject."
        )
    grand = values.mean()
    subjects = k * ((values.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    raters = n * ((values.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + grand
    error = (residuals**2).sum() / ((n - 1) * (k - 1))
    single = subjects + (k - 1) * error + k * (raters - error) / n
    mean = subjects + (raters - error) / n
    if not (single > 0 and mean > 0):
        raise TableError("All scores are equal: agreement has no meaning here.")
    return float((subjects - error) / single), float((subjects - error) / mean)


def weighted_kappa(
    first: npt.ArrayLike, second: npt.ArrayLike, *, levels: Sequence[float]
) -> float:
    """Cohen's kappa with squared weights: far apart counts more than next to each other.

    Parameters
    ----------
    first, second : array-like, shape (n,)
        Scores of two raters.
    levels : sequence of float
        Every score that may be given, in order.

    Raises
    ------
    TableError
        If lengths differ, a score is no level, or both raters gave one and the same score
        throughout.

    Source
    ------
    Cohen (1968), Psychological Bulletin 70:213-220; R ``irr::kappa2(weight = "squared")``.

    Examples
    --------
    >>> weighted_kappa([0, 1, 2], [0, 1, 2], levels=[0, 1, 2])
    1.0
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    known = np.asarray(levels, dtype=np.float64)
    if one.shape != two.shape or one.ndim != 1 or one.size == 0:
        raise TableError(f"{one.size} and {two.size} scores; rule: as many, and at least one.")
    if not (np.isin(one, known).all() and np.isin(two, known).all()):
        raise TableError(f"Scores outside the levels {list(levels)}.")
    place = {level: number for number, level in enumerate(known.tolist())}
    table = np.zeros((len(known), len(known)))
    np.add.at(table, ([place[x] for x in one.tolist()], [place[x] for x in two.tolist()]), 1.0)
    table /= one.size
    distance = np.subtract.outer(np.arange(len(known)), np.arange(len(known))) ** 2
    chance = float((distance * np.outer(table.sum(axis=1), table.sum(axis=0))).sum())
    if chance == 0:
        raise TableError("Both gave one and the same score throughout: kappa has no meaning here.")
    return 1 - float((distance * table).sum()) / chance
