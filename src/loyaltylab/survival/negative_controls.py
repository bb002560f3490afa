"""An effect on recurrent events beside its effect on events that it cannot cause."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray, as_read_only
from loyaltylab.survival.covariate_checks import find_covariate_problems
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.cox_state import sum_coefficient_influence
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.recurrent_cox import andersen_gill
from loyaltylab.survival.row_checks import describe_rows, read_labels, read_outcome
from loyaltylab.survival.unit_caveats import FEW_EVENTS
from loyaltylab.survival.wald import ZERO_ERROR

OUTCOMES = ("event", "control_event")


@dataclass(frozen=True, eq=False)
class NegativeControlComparison:
    """Rate ratios of an exposure for two kinds of event, and their ratio.

    Attributes
    ----------
    exposure : str
        The covariate in question.
    event, control : Estimate
        Rate ratio per unit of the exposure, for the event of interest and for the control.
    ratio : Estimate
        The first over the second, with the test that both are the same. Standard errors of all
        three are on the log scale; p-values are for a ratio of 1.
    covariance : ndarray of float, shape (2, 2)
        Of the two log rate ratios, robust by customer or cluster.
    correlation : float
        Of the two log rate ratios.
    event_fit, control_fit : CoxFit
        The two models, for the other covariates and for checks.
    confidence_level : float
    n_clusters : int
        Independent units at risk of either event.
    method : str
    caveats : tuple of str
    """

    exposure: str
    event: Estimate
    control: Estimate
    ratio: Estimate
    covariance: FloatArray
    correlation: float
    event_fit: CoxFit = field(repr=False)
    control_fit: CoxFit = field(repr=False)
    confidence_level: float
    n_clusters: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the ratios, one line for each of event, control and ratio (the index)."""
        lines = {"event": self.event, "control": self.control, "ratio": self.ratio}
        columns = ["value", "standard_error", "ci_lower", "ci_upper", "p_value", "n_events"]
        return pd.DataFrame(
            {name: [getattr(line, name) for line in lines.values()] for name in columns},
            index=pd.Index(list(lines), name="rate_ratio"),
        )


def compare_with_negative_control(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    control_event: npt.ArrayLike,
    exposure: str,
    customer: npt.ArrayLike,
    at_risk: npt.ArrayLike | None = None,
    control_at_risk: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> NegativeControlComparison:
    """Compare an exposure's effect on the event of interest with that on a negative control.

    The control is an event, recurrent or an exit, that the exposure cannot cause but that shares
    its causes: who is exposed, how well events are recorded. Were the groups alike, its rate ratio
    would be 1. What multiplies the rates of both events alike leaves their ratio alone; whether
    the bias of the two is indeed the same is an assumption that no data can show.

    Both models are Andersen and Gill's with the same covariates. Each customer moves both
    ratios, so the covariance of their logs is the cross-product of the influences, summed within
    customers.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop], cut at the events of both kinds; those of a customer do not overlap.
    event, control_event : array-like of bool or 0/1, shape (n,)
        Whether each kind of event happened at ``stop``.
    covariates : DataFrame, shape (n, p)
        Numbers or booleans, the exposure among them.
    exposure : str
        The covariate whose ratios are compared.
    customer : array-like, shape (n,)
        Whose row it is; also the independent unit unless ``cluster`` is given.
    at_risk, control_at_risk : array-like of bool or 0/1, shape (n,), optional
        Rows at risk of each kind of event; default all. For an event that comes once, leave out
        the rows after it.
    cluster : array-like, shape (n,), optional
        Independent unit larger than the customer, a household say.
    strata, weights : array-like, shape (n,), optional
    confidence_level : float

    Returns
    -------
    NegativeControlComparison

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if either model has no estimate, named.

    Source
    ------
    Lipsitch, Tchetgen Tchetgen and Cohen (2010), Epidemiology 21:383-388; Wei, Lin and Weissfeld
    (1989) for the joint covariance; ``coxph(Surv(start, stop, event) ~ x * kind + strata(kind),
    cluster = id)`` of R survival on stacked rows.

    Examples
    --------
    >>> x = pd.DataFrame({"promised": [1, 1, 0, 0, 1, 0]})
    >>> found = compare_with_negative_control([0, 2, 0, 3, 0, 0], [2, 7, 3, 6, 4, 8],
    ...     [1, 1, 1, 0, 0, 0], x, control_event=[0, 0, 0, 1, 1, 0], exposure="promised",
    ...     customer=[1, 1, 2, 2, 3, 4])
    >>> bool(found.ratio.value == found.event.value / found.control.value)
    True
    """
    normal_quantile(confidence_level)
    columns = {"start": start, "stop": stop, "customer": customer, "cluster": cluster}
    columns |= {"strata": strata, "weights": weights}
    given = {name: value for name, value in columns.items() if value is not None}
    outcomes = dict(zip(OUTCOMES, (event, control_event), strict=True))
    masks = dict(zip(OUTCOMES, (at_risk, control_at_risk), strict=True))
    chosen = _choose_rows(given, covariates, exposure, outcomes, masks)
    unit, labels = pd.factorize(pd.Series(given.get("cluster", customer)))
    fits, influences = [], []
    is_seen = np.zeros(len(labels), dtype=bool)
    for name in OUTCOMES:
        fit = _fit(name, given, covariates, outcomes[name], chosen[name], confidence_level)
        held = unit[chosen[name]][fit.state.process.kept]
        is_seen[held] = True
        influences.append(_spread_influence(fit, exposure, held, len(labels)))
        fits.append(fit)
    n_units = int(np.count_nonzero(is_seen))
    return _compare(exposure, fits, np.column_stack(influences), n_units)


def _choose_rows(
    given: Mapping[str, npt.ArrayLike],
    covariates: pd.DataFrame,
    exposure: str,
    outcomes: Mapping[str, npt.ArrayLike],
    masks: Mapping[str, npt.ArrayLike | None],
) -> dict[str, BoolArray]:
    """Rows at risk of each kind of event; refuses columns that do not fit together."""
    n = len(pd.Series(given["stop"]))
    problems = find_covariate_problems(covariates, n)
    if exposure not in covariates.columns:
        problems.append(
            f"exposure {exposure!r} is not among {[str(name) for name in covariates.columns]}; "
            "fix: name one of the covariates"
        )
    for name, values in given.items():
        if len(pd.Series(values)) != n:
            problems.append(f"{name} has {len(pd.Series(values))} values, stop has {n}; rule: one "
                            "per row")  # fmt: skip
    if "customer" in given:
        for name in ("customer", "cluster"):
            read_labels(name, given.get(name), np.arange(n), problems)
    chosen = {}
    for name, mask in zip(OUTCOMES, ("at_risk", "control_at_risk"), strict=True):
        happened = _read_flags(name, outcomes[name], n, problems)
        wanted = masks[name]
        rows = np.ones(n, dtype=bool) if wanted is None else _read_flags(mask, wanted, n, problems)
        chosen[name] = rows
        outside = happened & ~rows
        if outside.any():
            problems.append(
                f"{name} happens where {mask} is false in {describe_rows(outside)}; rule: events "
                "come to those at risk; fix: check both columns"
            )
        elif not problems and not happened.any():
            problems.append(f"{name} never happens; rule: both kinds of event are seen; fix: "
                            "observe for longer, or choose another control")  # fmt: skip
    if problems:
        raise EstimationError("The two kinds of event cannot be compared.", problems)
    return chosen


def _read_flags(name: str, values: npt.ArrayLike, n: int, problems: list[str]) -> BoolArray:
    found: list[str] = []
    code, _ = read_outcome(values, None, None, found)
    problems += [text.replace("event", name, 1) for text in found]
    if len(code) == n:
        return np.asarray(code > 0)
    problems.append(f"{name} has {len(code)} values, stop has {n}; rule: one per row")
    return np.zeros(n, dtype=bool)


def _fit(
    name: str,
    given: Mapping[str, npt.ArrayLike],
    covariates: pd.DataFrame,
    outcome: npt.ArrayLike,
    rows: BoolArray,
    confidence_level: float,
) -> CoxFit:
    part = {key: pd.Series(values).to_numpy()[rows] for key, values in given.items()}
    try:
        return andersen_gill(
            part.pop("start"),
            part.pop("stop"),
            pd.Series(outcome).to_numpy()[rows],
            covariates.loc[rows].reset_index(drop=True),
            customer=part.pop("customer"),
            confidence_level=confidence_level,
            **part,
        )
    except EstimationError as error:
        raise EstimationError(f"The model of {name}: {error}") from None


def _spread_influence(fit: CoxFit, exposure: str, unit: IntArray, n_units: int) -> FloatArray:
    """Influence of every unit on the log rate ratio; 0 for units that the fit does not hold."""
    state = fit.state
    process, column = state.process, fit.names.index(exposure)
    influence = sum_coefficient_influence(process, state.design, state.moments, state.information)
    spread = np.zeros(n_units)
    first = np.unique(process.cluster, return_index=True)[1]
    spread[unit[first]] = influence[:, column] / state.scale[column]
    return spread


def _compare(
    exposure: str, fits: list[CoxFit], influence: FloatArray, n_units: int
) -> NegativeControlComparison:
    level, column = fits[0].confidence_level, fits[0].names.index(exposure)
    logs = np.array([fit.coefficients[column] for fit in fits])
    naive = [float(fit.naive_standard_error[column]) for fit in fits]
    covariance = influence.T @ influence
    # By the influences' own difference, which loses no digits where the two are nearly one.
    spread = float(np.sqrt(np.sum((influence[:, 0] - influence[:, 1]) ** 2)))
    errors = [*np.sqrt(np.diag(covariance)).tolist(), spread]
    _refuse_zero_errors(errors, [*naive, math.hypot(*naive)])
    event, control = (
        _estimate(log, error, level, (fit.n_clusters, fit.n_events), fit.method)
        for log, error, fit in zip(logs.tolist(), errors, fits, strict=False)
    )
    ratio = _estimate(
        float(logs[0] - logs[1]), spread, level, (n_units, event.n_events + control.n_events),
        "ratio of two Andersen-Gill rate ratios, joint robust error by cluster",
    )  # fmt: skip
    return NegativeControlComparison(
        exposure=exposure,
        event=event,
        control=control,
        ratio=ratio,
        covariance=as_read_only(covariance),
        correlation=float(covariance[0, 1] / (errors[0] * errors[1])),
        event_fit=fits[0],
        control_fit=fits[1],
        confidence_level=level,
        n_clusters=n_units,
        method=ratio.method,
        caveats=_collect_caveats(fits, control),
    )


def _refuse_zero_errors(errors: list[float], naive: list[float]) -> None:
    names = ("rate ratio of event", "rate ratio of control_event", "ratio of the two")
    problems = [
        f"the robust error of the {name} is 0; rule: the contributions of some customers differ; "
        "fix: compare more customers, or another control"
        for name, error, own in zip(names, errors, naive, strict=True)
        if error <= ZERO_ERROR * own
    ]
    if problems:
        raise EstimationError("The two rate ratios cannot be compared.", problems)


def _estimate(
    log: float, error: float, confidence_level: float, counts: tuple[int, int], method: str
) -> Estimate:
    factor = math.exp(normal_quantile(confidence_level) * error)
    value = math.exp(log)
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value / factor,
        ci_upper=value * factor,
        confidence_level=confidence_level,
        n=counts[0],
        n_events=counts[1],
        unit="ratio",
        method=f"{method}; standard error on the log scale, p-value for a ratio of 1",
        p_value=float(two_sided_p_value(log / error)),
    )


def _collect_caveats(fits: list[CoxFit], control: Estimate) -> tuple[str, ...]:
    """What limits each model, and what the control says of the comparison."""
    caveats = [
        f"{name}: {text}" for name, fit in zip(OUTCOMES, fits, strict=True) for text in fit.caveats
    ]
    if control.n_events < FEW_EVENTS:
        caveats.append(
            f"Only {control.n_events} control events: below {FEW_EVENTS} they show little."
        )
    span = f"{control.value:.3g} ({control.ci_lower:.3g} to {control.ci_upper:.3g})"
    if control.ci_lower <= 1.0 <= control.ci_upper:
        caveats.append(
            f"The control's rate ratio {span} may be 1, which does not show that there is no bias: "
            "biases within that interval are not ruled out."
        )
    else:
        caveats.append(
            f"The control's rate ratio {span} is not 1, though the exposure cannot cause it: the "
            "effect on the event is biased too, and the ratio of the two is right only if the "
            "bias of both is the same."
        )
    return tuple(caveats)
