"""Two groups made comparable in what was measured: doubly robust absolute effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.adjusted_estimates import (
    AdjustedInputs,
    build_estimates,
    read_adjusted_inputs,
)
from loyaltylab.designs.augmented_means import AugmentedMeans, augment_means
from loyaltylab.designs.covariate_balance import covariate_balance, describe_imbalance
from loyaltylab.designs.propensity import Propensity, fit_propensity
from loyaltylab.designs.pseudo_outcomes import PseudoOutcomes, compute_pseudo_outcomes
from loyaltylab.designs.weights import (
    describe_small_size,
    summarise_weights,
    treatment_weights,
    truncation_path,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    CumulativeIncidence,
    Estimate,
    RetentionCurve,
    cumulative_incidence,
    difference,
    kaplan_meier,
    restricted_mean_retention_time,
)
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.covariate_checks import refuse_collinear

FEW_EVENTS = 10
NO_CENSORING_STRATA = (
    "Within each group censoring is taken to be independent of the covariates and of the exit."
)


@dataclass(frozen=True, eq=False)
class AdjustedContrast:
    """An exposed and a reference group, adjusted for covariates at time zero.

    Attributes
    ----------
    exposed, reference : str
        Names of the two groups.
    restricted_mean : dict of str to Estimate
        Days retained up to the horizon if everybody were in the group.
    restricted_mean_difference : Estimate
        Exposed minus reference, in days.
    retention : dict of (str, float) to Estimate
        By group and time, as shares.
    retention_differences : dict of float to Estimate
        By time, as shares.
    incidence_differences : dict of (str, float) to Estimate
        By cause and time, as shares.
    naive : Estimate
        Difference of restricted means without adjustment.
    propensity : Propensity
    weight_summary : pandas.DataFrame
        As from :func:`summarise_weights`, stabilised weights.
    truncation : pandas.DataFrame
        As from :func:`truncation_path`: the weighted (not augmented) difference in days.
    balance : pandas.DataFrame
        As from :func:`covariate_balance`, for a love plot.
    curves : dict of str to RetentionCurve
        Weighted; their errors take the weights as known, which makes them a little too wide.
    incidence : dict of str to CumulativeIncidence
        Weighted, likewise.
    customer : tuple
        Labels of the customers, in order of first appearance.
    influence : ndarray of float, shape (number of customers,)
        Of each on the difference of restricted means, in days; the root of the sum of squares
        is its standard error.
    caveats : tuple of str
    """

    exposed: str
    reference: str
    restricted_mean: dict[str, Estimate]
    restricted_mean_difference: Estimate
    retention: dict[tuple[str, float], Estimate]
    retention_differences: dict[float, Estimate]
    incidence_differences: dict[tuple[str, float], Estimate]
    naive: Estimate
    propensity: Propensity
    weight_summary: pd.DataFrame
    truncation: pd.DataFrame
    balance: pd.DataFrame
    curves: dict[str, RetentionCurve]
    incidence: dict[str, CumulativeIncidence]
    customer: tuple[object, ...]
    influence: FloatArray
    caveats: tuple[str, ...]


def doubly_robust_contrast(
    followed: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    covariates: Sequence[str],
    horizon_days: float,
    times_days: Sequence[float],
    causes: Sequence[str] = (),
    censoring_strata: str | None = None,
    confidence_level: float = 0.95,
) -> AdjustedContrast:
    """Compare two groups as if all customers had been in the one, and in the other.

    Pseudo-values of each quantity are predicted from the covariates by a linear regression in
    each group, and the weighted residuals added (augmented inverse probability weighting). The
    contrast is right on average if the regressions or the propensity are, and everything that
    moves both exposure and leaving is among the covariates. Errors are influence functions of
    the whole procedure, summed by customer: propensity, regressions and pseudo-values included.

    Pseudo-values are made within each group. They ask that, within the group (and within each
    of ``censoring_strata``, which should then be baseline covariates too), censoring depends
    neither on the covariates nor on the exit.

    Parameters
    ----------
    followed : pandas.DataFrame
        As from :func:`loyaltylab.timeline.follow_up_from`: one row per customer with
        ``customer_id``, ``start``, ``stop`` (days), ``event``, ``exit_cause``, the group column
        and the covariates.
    group : str
        Column with the group names; rows of other groups are left out.
    exposed, reference : str
        The two groups.
    covariates : sequence of str
        Columns known at time zero: numbers, flags or categories.
    horizon_days : float
        Horizon of the restricted mean; both groups must be followed that long.
    times_days : sequence of float
        Times at which retention and incidence are compared; the horizon always is.
    causes : sequence of str
        Causes of exit to compare; all that occur by default.
    censoring_strata : str, optional
        Column within whose values pseudo-values are made, the calendar quarter of time zero
        for example; each value must be followed to the horizon in both groups.
    confidence_level : float

    Returns
    -------
    AdjustedContrast

    Raises
    ------
    EstimationError
        If a group is empty or not followed to the horizon, covariates are missing, constant or
        collinear, or decide the group.

    Source
    ------
    Robins, Rotnitzky and Zhao (1994) for the estimator; Andersen and Pohar Perme (2010),
    Statistical Methods in Medical Research 19:71-99, for pseudo-values and strata; Overgaard,
    Parner and Pedersen (2017) for their errors.

    Examples
    --------
    >>> frame = pd.DataFrame({"customer_id": range(8), "start": 0.0, "event": True,
    ...     "stop": [1.0, 3.0, 2.0, 5.0, 2.0, 6.0, 4.0, 5.0], "exit_cause": "price",
    ...     "helped": list("nynynyny"), "is_new": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> found = doubly_robust_contrast(frame, group="helped", exposed="y", reference="n",
    ...     covariates=["is_new"], horizon_days=4, times_days=[2])
    >>> round(found.restricted_mean_difference.value, 6)
    1.5
    """
    inputs = read_adjusted_inputs(
        followed, group, (exposed, reference), covariates, horizon_days, times_days, causes,
        censoring_strata, confidence_level,
    )  # fmt: skip
    rows, is_exposed = inputs.rows, inputs.is_exposed
    propensity = fit_propensity(is_exposed, inputs.covariates, cluster=rows["customer_id"])
    outcomes, means = _fit_groups(inputs, propensity)
    weights = treatment_weights(propensity, is_exposed).values
    summary = summarise_weights(weights, is_exposed)
    balance = covariate_balance(inputs.covariates, is_exposed, weights=weights)
    lengths = np.empty(len(rows))
    for name, is_in in inputs.groups.items():
        lengths[is_in] = outcomes[name].values[:, 0]
    caveats = (
        *propensity.caveats,
        *describe_small_size(summary),
        *describe_imbalance(balance),
        *_describe_events(inputs),
        *(() if censoring_strata or not inputs.is_censored else (NO_CENSORING_STRATA,)),
    )
    gap = means[exposed].influence[:, 0] - means[reference].influence[:, 0]
    return AdjustedContrast(
        exposed=exposed,
        reference=reference,
        **build_estimates(inputs, means, caveats),
        naive=_subtract_unadjusted(inputs),
        propensity=propensity,
        weight_summary=summary,
        truncation=truncation_path(lengths, weights, is_exposed),
        balance=balance,
        curves={name: _weighted_curve(inputs, name, weights) for name in inputs.groups},
        incidence={name: _weighted_incidence(inputs, name, weights) for name in inputs.groups},
        customer=inputs.customer,
        influence=as_read_only(np.bincount(inputs.code, weights=gap)),
        caveats=caveats,
    )


def _fit_groups(
    inputs: AdjustedInputs, propensity: Propensity
) -> tuple[dict[str, PseudoOutcomes], dict[str, AugmentedMeans]]:
    outcomes, means = {}, {}
    problems: list[str] = []
    columns = pd.DataFrame(propensity.design[:, 1:], columns=list(propensity.names[1:]))
    for name, is_in in inputs.groups.items():
        try:
            if is_in.sum() <= len(propensity.names):
                raise EstimationError(
                    f"{is_in.sum()} customers for {len(propensity.names)} coefficients; rule: "
                    "more customers than coefficients; fix: fewer covariates"
                )
            refuse_collinear(columns[is_in])
            outcomes[name] = compute_pseudo_outcomes(
                inputs.rows[is_in], inputs.strata[is_in].tolist(), inputs.quantities
            )
            means[name] = augment_means(
                outcomes[name], is_in, propensity, is_exposed=name == inputs.exposed
            )
        except EstimationError as error:
            problems += [f"group {name!r}: {text}" for text in error.problems or [error.summary]]
    if problems:
        raise EstimationError("The outcome cannot be modelled in each group.", problems)
    return outcomes, means


def _describe_events(inputs: AdjustedInputs) -> tuple[str, ...]:
    by_then = inputs.rows["event"] & (inputs.rows["stop"] <= inputs.quantities.horizon)
    counts = {name: int(by_then[is_in].sum()) for name, is_in in inputs.groups.items()}
    return tuple(
        f"{n} exits by the horizon in the {name!r} group: below {FEW_EVENTS} intervals are too "
        "short."
        for name, n in counts.items()
        if n < FEW_EVENTS
    )


def _subtract_unadjusted(inputs: AdjustedInputs) -> Estimate:
    means = []
    for is_in in inputs.groups.values():
        rows = inputs.rows[is_in]
        means.append(
            restricted_mean_retention_time(
                rows["start"],
                rows["stop"],
                rows["event"],
                horizon=inputs.quantities.horizon,
                cluster=rows["customer_id"],
                confidence_level=inputs.confidence_level,
            )
        )
    return difference(means[0], means[1])


def _weighted_curve(inputs: AdjustedInputs, name: str, weights: FloatArray) -> RetentionCurve:
    is_in = inputs.groups[name]
    rows = inputs.rows[is_in]
    return kaplan_meier(
        rows["start"], rows["stop"], rows["event"], weights=weights[is_in],
        cluster=rows["customer_id"], confidence_level=inputs.confidence_level,
    )  # fmt: skip


def _weighted_incidence(
    inputs: AdjustedInputs, name: str, weights: FloatArray
) -> CumulativeIncidence:
    is_in = inputs.groups[name]
    rows = inputs.rows[is_in]
    return cumulative_incidence(
        rows["start"], rows["stop"], rows["exit_cause"], causes=inputs.quantities.all_causes,
        weights=weights[is_in], cluster=rows["customer_id"],
        confidence_level=inputs.confidence_level,
    )  # fmt: skip
