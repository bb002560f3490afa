"""Customers just above a cut-off against those just below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.discontinuity_bandwidth import choose_bandwidth
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.row_checks import read_numbers, read_units
from loyaltylab.survival.unit_caveats import describe_few_units

FEWEST_ROWS = 10
WEAK_F = 10.0


@dataclass(frozen=True)
class RegressionDiscontinuity:
    """The jump of an outcome at a cut-off.

    Attributes
    ----------
    effect : Estimate
        Bias-corrected, with its robust interval: the one to report.
    local_linear : Estimate
        Without the correction: less noisy, its interval too narrow.
    first_stage : Estimate or None
        Jump of the share treated, where treatment was given (a fuzzy design).
    bandwidth, cutoff, donut : float
        In units of the score.
    n_below, n_above : int
        Rows within the bandwidth.
    """

    effect: Estimate
    local_linear: Estimate
    first_stage: Estimate | None
    bandwidth: float
    cutoff: float
    donut: float
    n_below: int
    n_above: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows within the bandwidth: distance to the cut-off, kernel weight, and the rest."""

    distance: FloatArray
    weight: FloatArray
    outcome: FloatArray
    treated: FloatArray | None
    cluster: IntArray

    def jump(self, values: FloatArray, degree: int) -> tuple[float, float]:
        """Jump of a local polynomial at the cut-off, and its clustered error (HC1)."""
        above = (self.distance >= 0).astype(np.float64)
        powers = np.vander(self.distance, degree + 1, increasing=True)
        x = np.hstack([above[:, None] * powers, powers])
        # Columns of like size: the score may be in any unit.
        scale = np.abs(x).max(axis=0)
        x = x / np.where(scale > 0, scale, 1.0)
        root = np.sqrt(self.weight)
        if np.linalg.matrix_rank(x * root[:, None]) < x.shape[1]:
            raise EstimationError(
                "Too few distinct scores on a side for a curve; fix: a wider bandwidth"
            )
        inverse = np.linalg.pinv(x * root[:, None])
        coefficients = inverse @ (values * root)
        pull = inverse[0] * root * (values - x @ coefficients)
        n, k = x.shape
        per_unit = np.bincount(self.cluster, weights=pull)
        g = len(np.unique(self.cluster))
        error = math.sqrt(g / (g - 1) * (n - 1) / (n - k) * float((per_unit**2).sum()))
        return float(coefficients[0]), error

    def effect(self, degree: int) -> tuple[float, float]:
        """Jump of the outcome, over that of the treatment where there is one."""
        value, error = self.jump(self.outcome, degree)
        if self.treated is None:
            return value, error
        first, _ = self.jump(self.treated, degree)
        ratio = value / first
        return ratio, self.jump(self.outcome - ratio * self.treated, degree)[1] / abs(first)


def estimate_discontinuity(
    score: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    cutoff: float,
    treated: npt.ArrayLike | None = None,
    bandwidth: float | None = None,
    donut: float = 0.0,
    cluster: npt.ArrayLike | None = None,
    unit: str = "outcome",
    confidence_level: float = 0.95,
) -> RegressionDiscontinuity:
    """Estimate the effect of passing a cut-off, for customers at the cut-off.

    Parameters
    ----------
    score : array-like of float, shape (n,)
        What decides, fixed before the outcome; at or above the cut-off is treated.
    outcome : array-like of float, shape (n,)
        Pseudo-values of retention or restricted mean, or any fully observed outcome.
    cutoff : float
    treated : array-like of 0/1, shape (n,), optional
        Where the cut-off only makes treatment likelier: the design is fuzzy, and the effect is
        on those whom it moves.
    bandwidth : float, optional
        By default Imbens and Kalyanaraman's.
    donut : float
        Scores closer than this to the cut-off are left out.
    cluster : array-like, shape (n,), optional
        Customer, if rows are not customers.
    unit : str
        Unit of the outcome.
    confidence_level : float

    Returns
    -------
    RegressionDiscontinuity

    Raises
    ------
    EstimationError
        If rows are not numbers, there are fewer than 10 rows on a side within the bandwidth,
        or the share treated does not jump.

    Source
    ------
    Local linear with a triangular kernel; Calonico, Cattaneo and Titiunik (2014), Econometrica
    82:2295-2326: with the bias estimated at the same bandwidth, the corrected estimate and its
    robust error are those of the local quadratic. R: ``lm`` with kernel weights and
    ``sandwich::vcovCL(type = "HC1")``; ``rdrobust(h = , b = , vce = "hc1")`` with b = h.

    Examples
    --------
    >>> score = np.arange(-50, 50)
    >>> fit = estimate_discontinuity(score, score / 10 + 3 * (score >= 0) + np.sin(score),
    ...     cutoff=0, bandwidth=40)
    >>> bool(abs(fit.effect.value - 3) < 1)
    True
    """
    rows, kept = _read(score, outcome, treated, cluster, cutoff, donut)
    if bandwidth is None:
        bandwidth = choose_bandwidth(rows.distance, rows.outcome)
    near = _within(rows, bandwidth)
    n_below, n_above = int((near.distance < 0).sum()), int((near.distance >= 0).sum())
    if min(n_below, n_above) < FEWEST_ROWS:
        raise EstimationError(
            f"{n_below} rows below and {n_above} above the cut-off within {bandwidth:g}; rule: "
            f"{FEWEST_ROWS} on each side; fix: a wider bandwidth or smaller donut"
        )
    caveats = describe_few_units(len(np.unique(near.cluster)))
    if kept < 1.0:
        caveats = (*caveats, f"{1 - kept:.1%} of rows lie in the donut and are left out.")
    first_stage = None
    if near.treated is not None:
        first_stage = _as_estimate(near.jump(near.treated, 1), near, "share", confidence_level, ())
        strength = _check_first_stage(first_stage, near)
        if strength < WEAK_F:
            caveats = (*caveats, f"Weak first stage: F = {strength:.1f}, below {WEAK_F:g}.")

    def finish(degree: int) -> Estimate:
        return _as_estimate(near.effect(degree), near, unit, confidence_level, caveats)

    return RegressionDiscontinuity(
        effect=finish(2),
        local_linear=finish(1),
        first_stage=first_stage,
        bandwidth=float(bandwidth),
        cutoff=cutoff,
        donut=donut,
        n_below=n_below,
        n_above=n_above,
    )


def vary_discontinuity(
    score: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    cutoff: float,
    bandwidths: Sequence[float],
    donuts: Sequence[float] = (0.0,),
    treated: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """The effect at every bandwidth and donut: a sound one hardly moves.

    Parameters
    ----------
    bandwidths, donuts : sequence of float
        In units of the score.
    score, outcome, cutoff, treated, cluster, confidence_level
        As in :func:`estimate_discontinuity`.

    Returns
    -------
    pandas.DataFrame
        By ``bandwidth`` and ``donut``: ``effect``, ``standard_error``, ``ci_lower``,
        ``ci_upper``, ``p_value``, ``local_linear``, ``n_below``, ``n_above``.
    """
    lines = []
    for width in bandwidths:
        for donut in donuts:
            fit = estimate_discontinuity(
                score,
                outcome,
                cutoff=cutoff,
                treated=treated,
                bandwidth=width,
                donut=donut,
                cluster=cluster,
                confidence_level=confidence_level,
            )
            lines.append(
                {
                    "bandwidth": width,
                    "donut": donut,
                    "effect": fit.effect.value,
                    "standard_error": fit.effect.standard_error,
                    "ci_lower": fit.effect.ci_lower,
                    "ci_upper": fit.effect.ci_upper,
                    "p_value": fit.effect.p_value,
                    "local_linear": fit.local_linear.value,
                    "n_below": fit.n_below,
                    "n_above": fit.n_above,
                }
            )
    return pd.DataFrame(lines).set_index(["bandwidth", "donut"])


def _read(
    score: npt.ArrayLike,
    outcome: npt.ArrayLike,
    treated: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
    cutoff: float,
    donut: float,
) -> tuple[_Rows, float]:
    problems: list[str] = []
    scores = read_numbers("score", score, problems)
    outcomes = read_numbers("outcome", outcome, problems)
    taken = None if treated is None else read_numbers("treated", treated, problems)
    units = read_units("cluster", cluster, len(scores), problems)
    for name, values in (("outcome", outcomes), ("treated", taken), ("cluster", units)):
        if values is not None and len(values) != len(scores):
            problems.append(f"{name} has {len(values)} values, score {len(scores)}")
    if taken is not None and not np.isin(taken, (0.0, 1.0)).all():
        problems.append("treated holds values other than 0 and 1")
    if donut < 0 or not math.isfinite(cutoff):
        problems.append(f"cutoff {cutoff}, donut {donut}; rule: a number, and not negative")
    if problems:
        raise EstimationError("The rows give no discontinuity:", problems)
    kept = np.abs(scores - cutoff) >= donut
    rows = _Rows(
        scores[kept] - cutoff,
        np.ones(int(kept.sum())),
        outcomes[kept],
        None if taken is None else taken[kept],
        units[kept],
    )
    return rows, float(kept.mean()) if len(kept) else 1.0


def _within(rows: _Rows, bandwidth: float) -> _Rows:
    if not (math.isfinite(bandwidth) and bandwidth > 0):
        raise EstimationError(f"bandwidth is {bandwidth}; rule: above 0")
    weight = 1 - np.abs(rows.distance) / bandwidth
    near = weight > 0
    return _Rows(
        rows.distance[near] / bandwidth,
        weight[near],
        rows.outcome[near],
        None if rows.treated is None else rows.treated[near],
        np.unique(rows.cluster[near], return_inverse=True)[1],
    )


def _check_first_stage(first_stage: Estimate, near: _Rows) -> float:
    if first_stage.ci_lower <= 0 <= first_stage.ci_upper and first_stage.standard_error > 0:
        raise EstimationError(
            f"The share treated does not jump at the cut-off ({first_stage.value:.3f}, interval "
            f"{first_stage.ci_lower:.3f} to {first_stage.ci_upper:.3f}); rule: a fuzzy design "
            "divides by this jump; fix: another cut-off"
        )
    # Everybody complies on both sides: no error, and as sharp as can be.
    error = first_stage.standard_error
    return (first_stage.value / error) ** 2 if error > 0 else float(len(near.distance))


def _as_estimate(
    found: tuple[float, float], near: _Rows, unit: str, level: float, caveats: tuple[str, ...]
) -> Estimate:
    value, error = found
    half = normal_quantile(level) * error
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - half,
        ci_upper=value + half,
        confidence_level=level,
        n=len(np.unique(near.cluster)),
        n_events=len(near.distance),
        unit=unit,
        method="jump at the cut-off, local polynomial, triangular kernel, clustered errors (HC1)",
        p_value=float(two_sided_p_value(value / error)) if error > 0 else None,
        caveats=caveats,
    )
