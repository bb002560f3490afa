"""Treatment that changes over time with what it depends on: marginal structural Cox models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from loyaltylab.designs.baseline_covariates import expand_covariates
from loyaltylab.designs.hazard_ratios import hazard_ratios
from loyaltylab.designs.weights import truncate_weights
from loyaltylab.errors import EstimationError
from loyaltylab.survival import CoxFit, Estimate, fit_cox, fit_discrete_hazard
from loyaltylab.survival.arrays import BoolArray, FloatArray, as_read_only

# Weights this far from 1 on average say that a model of treatment is wrong.
MEAN_TOLERANCE = 0.1
LARGE_WEIGHT = 20.0
WEIGHTS_TAKEN_AS_KNOWN = (
    "The errors take the weights as known, which makes intervals a little too wide as a rule."
)


@dataclass(frozen=True, eq=False)
class MarginalStructuralCox:
    """A weighted Cox model of treatment.

    Attributes
    ----------
    hazard_ratio : Estimate
        Treated against untreated now, errors by customer.
    fit : CoxFit
    weights : ndarray of float, shape (n,)
        In the order of the rows given.
    weight_summary : pandas.DataFrame
        As from :func:`summarise_weights_by_time`.
    caveats : tuple of str
    """

    hazard_ratio: Estimate
    fit: CoxFit
    weights: FloatArray
    weight_summary: pd.DataFrame
    caveats: tuple[str, ...]


def history_weights(
    rows: pd.DataFrame,
    *,
    decision: str,
    numerator: Sequence[str],
    denominator: Sequence[str],
    is_absorbing: bool,
    includes_own_row: bool = True,
) -> FloatArray:
    """Stabilised inverse probability weights of a history of decisions, row by row.

    Pooled logistic regressions give the probability of what was decided in each row, given the
    numerator's columns and given the denominator's; the weight is the running product of their
    ratio within customers. For treatment the decision is taken as the row begins, and its own
    row counts. For remaining uncensored the decision is to be lost as the row ends: set
    ``includes_own_row`` to False, and only earlier rows count.

    Parameters
    ----------
    rows : DataFrame, shape (n, ...)
        ``customer_id`` and ``start``, with the columns named; one row per customer and period.
    decision : str
        Column of 0/1.
    numerator : sequence of str
        Columns, such as time, earlier treatment and baseline covariates; may be empty.
    denominator : sequence of str
        The same and what changes over time, as known before the decision.
    is_absorbing : bool
        Whether nothing more is decided after a row with the decision, as for a treatment that
        is never taken back, or a customer who is lost.
    includes_own_row : bool

    Returns
    -------
    ndarray of float, shape (n,)
        In the order of the rows.

    Raises
    ------
    EstimationError
        If columns are missing, the decision never varies, or covariates decide it.

    Source
    ------
    Robins, Hernan and Brumback (2000); Cole and Hernan (2008); ``ipw::ipwtm`` of R.
    """
    wanted = ["customer_id", "start", decision, *numerator, *denominator]
    absent = sorted(set(wanted) - set(rows.columns))
    if absent:
        raise EstimationError(f"The rows lack {', '.join(map(repr, absent))}.")
    if not rows[decision].isin([0, 1]).all() or rows[["customer_id", "start"]].isna().any(
        axis=None
    ):
        raise EstimationError(
            f"{decision!r} holds values other than 0 and 1, or customer_id or start is missing"
        )
    if rows.duplicated(["customer_id", "start"]).any():
        raise EstimationError("A customer has two rows with one start; rule: rows in sequence")
    customer = pd.factorize(rows["customer_id"])[0]
    order = np.lexsort((rows["start"].to_numpy(dtype=np.float64), customer))
    sequence, unit = rows.iloc[order].reset_index(drop=True), customer[order]
    chosen = sequence[decision].to_numpy(dtype=bool)
    is_first = np.concatenate([[True], unit[1:] != unit[:-1]])
    is_open = np.ones(len(chosen), dtype=bool)
    if is_absorbing:
        earlier = np.cumsum(chosen) - chosen
        is_open = earlier == earlier[is_first][np.cumsum(is_first) - 1]
    top = _log_probability(sequence, chosen, is_open, numerator)
    bottom = _log_probability(sequence, chosen, is_open, denominator)
    steps = top - bottom
    if not includes_own_row:
        steps = np.where(is_first, 0.0, np.concatenate([[0.0], steps[:-1]]))
    running = np.cumsum(steps)
    start_level = (running - steps)[is_first][np.cumsum(is_first) - 1]
    weights = np.empty(len(rows))
    weights[order] = np.exp(running - start_level)
    return weights


def _log_probability(
    rows: pd.DataFrame, chosen: BoolArray, is_open: BoolArray, names: Sequence[str]
) -> FloatArray:
    """Log probability of what was decided, 0 in rows where nothing was open."""
    decided = chosen[is_open]
    if decided.all() or not decided.any():
        raise EstimationError(
            f"The decision is taken in {int(decided.sum())} of {len(decided)} open rows; rule: "
            "it varies; fix: check the column"
        )
    if names:
        x = expand_covariates(rows[is_open], names)
        fit = fit_discrete_hazard(np.ones(len(x)), decided, x, baseline="constant")
        linear = logit(fit.baseline[0]) + x.to_numpy(dtype=np.float64) @ fit.coefficients
        probability = expit(linear)
    else:
        probability = np.full(len(decided), decided.mean())
    found = np.zeros(len(chosen))
    found[is_open] = np.log(np.where(decided, probability, 1.0 - probability))
    return found


def censoring_weights(
    rows: pd.DataFrame,
    *,
    is_lost: str,
    denominator: Sequence[str],
    numerator: Sequence[str] = (),
) -> FloatArray:
    """Stabilised inverse probability weights of remaining uncensored, row by row.

    Parameters
    ----------
    rows : DataFrame, shape (n, ...)
        Person-period rows with ``customer_id``, ``start`` and the columns named.
    is_lost : str
        Column of 0/1: censored at the end of the row, and not by the end of the study.
    denominator, numerator : sequence of str
        As in :func:`history_weights`.

    Returns
    -------
    ndarray of float, shape (n,)
        The weight of a row rests on the rows before it, after which the customer remained.

    Raises
    ------
    EstimationError
        As :func:`history_weights`.

    Source
    ------
    Robins and Finkelstein (2000), Biometrics 56:779-788.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": list("aabbcd"), "start": [0, 1, 0, 1, 0, 0],
    ...     "is_lost": [0, 0, 0, 0, 1, 0], "is_new": [1, 1, 0, 0, 1, 0]})
    >>> rows = pd.concat([rows, rows.assign(customer_id=list("eeffgh"), is_lost=[0,0,0,0,0,1])])
    >>> censoring_weights(rows, is_lost="is_lost", denominator=["is_new"])[:2].round(3).tolist()
    [1.0, 1.0]
    """
    return as_read_only(
        history_weights(
            rows,
            decision=is_lost,
            numerator=numerator,
            denominator=denominator,
            is_absorbing=True,
            includes_own_row=False,
        )
    )


def marginal_structural_cox(
    rows: pd.DataFrame,
    *,
    treatment: str,
    numerator: Sequence[str],
    denominator: Sequence[str],
    is_absorbing: bool = True,
    is_lost: str | None = None,
    truncation: tuple[float, float] | None = None,
    confidence_level: float = 0.95,
) -> MarginalStructuralCox:
    """Fit a Cox model of time-varying treatment, weighted for what led to treatment.

    The numerator's columns that are no functions of time or treatment should be baseline
    covariates only; the model of the hazard holds treatment alone, so that its ratio is that of
    all customers treated against all untreated.

    Parameters
    ----------
    rows : DataFrame, shape (n, ...)
        ``customer_id``, ``start``, ``stop``, ``event`` and the columns named; rows (start, stop]
        cut at common periods, so that each is one chance to be treated.
    treatment : str
        Column of 0/1, through the whole row.
    numerator, denominator, is_absorbing
        As in :func:`history_weights`.
    is_lost : str, optional
        Column as in :func:`censoring_weights`; its weights then multiply those of treatment,
        with the same numerator and denominator and the treatment itself added to both.
    truncation : (float, float), optional
        Quantiles beyond which weights are cut.
    confidence_level : float

    Returns
    -------
    MarginalStructuralCox

    Raises
    ------
    EstimationError
        As :func:`history_weights` and :func:`fit_cox`.

    Source
    ------
    Hernan, Brumback and Robins (2000), Epidemiology 11:561-570;
    ``coxph(Surv(start, stop, event) ~ treatment, weights =, cluster =)`` of R survival.
    """
    weights = history_weights(
        rows, decision=treatment, numerator=numerator, denominator=denominator,
        is_absorbing=is_absorbing,
    )  # fmt: skip
    if is_lost is not None:
        weights = weights * censoring_weights(
            rows, is_lost=is_lost, numerator=[*numerator, treatment],
            denominator=[*denominator, treatment],
        )  # fmt: skip
    weights = truncate_weights(weights, truncation)
    fit = fit_cox(
        rows["start"], rows["stop"], rows["event"],
        pd.DataFrame({treatment: rows[treatment].to_numpy(dtype=np.float64)}),
        weights=weights, cluster=rows["customer_id"], confidence_level=confidence_level,
    )  # fmt: skip
    return MarginalStructuralCox(
        hazard_ratio=hazard_ratios(fit)[treatment],
        fit=fit,
        weights=as_read_only(weights),
        weight_summary=summarise_weights_by_time(rows["start"], weights),
        caveats=(*fit.caveats, *_describe_weights(weights), WEIGHTS_TAKEN_AS_KNOWN),
    )


def summarise_weights_by_time(start: npt.ArrayLike, weights: npt.ArrayLike) -> pd.DataFrame:
    """Size of the weights at each start of rows: their mean should stay near 1.

    Parameters
    ----------
    start, weights : array-like of float, shape (n,)

    Returns
    -------
    DataFrame
        One line per start (the index): n, mean, smallest, largest, effective_sample_size.

    Examples
    --------
    >>> summarise_weights_by_time([0, 0, 30], [1, 3, 1])["effective_sample_size"].tolist()
    [1.6, 1.0]
    """
    w = pd.Series(np.asarray(weights, dtype=np.float64))
    groups = w.groupby(np.asarray(start, dtype=np.float64))
    size = groups.sum() ** 2 / (w**2).groupby(np.asarray(start, dtype=np.float64)).sum()
    frame = pd.DataFrame(
        {
            "n": groups.size(),
            "mean": groups.mean(),
            "smallest": groups.min(),
            "largest": groups.max(),
            "effective_sample_size": size,
        }
    )
    return frame.rename_axis("start")


def _describe_weights(weights: FloatArray) -> tuple[str, ...]:
    caveats = []
    if abs(float(weights.mean()) - 1.0) > MEAN_TOLERANCE:
        caveats.append(
            f"Stabilised weights average {weights.mean():.2f}, not 1: a model of treatment is "
            "wrong, or hardly anybody decides otherwise at some values."
        )
    if weights.max() > LARGE_WEIGHT:
        caveats.append(f"One weight is {weights.max():.0f}: a few rows decide.")
    return tuple(caveats)
