"""Curves standardised over the covariates of all customers: the g-formula with Cox models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.adjusted_estimates import AdjustedInputs, read_adjusted_inputs
from loyaltylab.designs.baseline_covariates import expand_covariates
from loyaltylab.designs.standardised_hazards import StandardisedMeans, standardise_group
from loyaltylab.errors import EstimationError
from loyaltylab.survival import CauseSpecificCox, Estimate, cause_specific_cox
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value

METHOD = "g-formula, cause-specific Cox models by group, errors by customer"


@dataclass(frozen=True, eq=False)
class StandardisedContrast:
    """An exposed and a reference group, each predicted for all customers of both.

    Attributes
    ----------
    exposed, reference : str
    restricted_mean : dict of str to Estimate
        Days, by group.
    restricted_mean_difference : Estimate
        Exposed minus reference, in days.
    retention : dict of (str, float) to Estimate
        By group and time, as shares.
    retention_differences : dict of float to Estimate
    incidence_differences : dict of (str, float) to Estimate
        By cause and time, as shares.
    models : dict of str to CauseSpecificCox
        By group.
    caveats : tuple of str
    """

    exposed: str
    reference: str
    restricted_mean: dict[str, Estimate]
    restricted_mean_difference: Estimate
    retention: dict[tuple[str, float], Estimate]
    retention_differences: dict[float, Estimate]
    incidence_differences: dict[tuple[str, float], Estimate]
    models: dict[str, CauseSpecificCox]
    caveats: tuple[str, ...]


def standardised_contrast(
    followed: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    covariates: Sequence[str],
    horizon_days: float,
    times_days: Sequence[float],
    causes: Sequence[str] = (),
    confidence_level: float = 0.95,
) -> StandardisedContrast:
    """Compare two groups by outcome models averaged over the covariates of all.

    A Cox model of each cause of exit is fitted in each group, the curves of every customer
    predicted under both, and averaged. It is right on average if the models are, if everything
    that moves both exposure and leaving is among the covariates, and if censoring depends on
    nothing else. Errors are influence functions: of coefficients, baselines, and of whose
    covariates are averaged over.

    Parameters
    ----------
    followed, group, exposed, reference, covariates, horizon_days, times_days, causes
        As in :func:`doubly_robust_contrast`; every cause is modelled, those in ``causes``
        (default all) are compared.
    confidence_level : float

    Returns
    -------
    StandardisedContrast

    Raises
    ------
    EstimationError
        If a group is empty or not followed to the horizon, or a cause cannot be modelled in a
        group.

    Source
    ------
    Robins (1986); Ozenne et al. (2020), Biometrical Journal 62:751-763;
    ``riskRegression::ate(estimator = "GFORMULA")`` of R.

    Examples
    --------
    >>> frame = pd.DataFrame({"customer_id": range(8), "start": 0.0, "event": True,
    ...     "stop": [1.0, 3.0, 2.0, 5.0, 2.0, 6.0, 4.0, 5.0], "exit_cause": "price",
    ...     "helped": list("nynynyny"), "is_new": [0, 0, 1, 1, 1, 1, 0, 0]})
    >>> found = standardised_contrast(frame, group="helped", exposed="y", reference="n",
    ...     covariates=["is_new"], horizon_days=4, times_days=[2])
    >>> sorted(found.restricted_mean)
    ['n', 'y']
    """
    inputs = read_adjusted_inputs(
        followed, group, (exposed, reference), covariates, horizon_days, times_days, causes,
        None, confidence_level,
    )  # fmt: skip
    columns = expand_covariates(inputs.covariates)
    models = _fit_models(inputs, columns)
    x = columns.to_numpy(dtype=np.float64)
    means = {
        name: standardise_group(models[name], x, np.flatnonzero(is_in), inputs.quantities)
        for name, is_in in inputs.groups.items()
    }
    caveats = tuple(
        f"{name}, {cause}: {text}"
        for name, model in models.items()
        for cause, fit in model.fits.items()
        for text in fit.caveats
    )
    by_group = {
        name: _estimate(inputs, found, caveats, is_difference=False)
        for name, found in means.items()
    }
    gap = StandardisedMeans(
        means[exposed].values - means[reference].values,
        means[exposed].influence - means[reference].influence,
    )
    gaps = _estimate(inputs, gap, caveats, is_difference=True)
    keys = inputs.quantities.keys
    return StandardisedContrast(
        exposed=exposed,
        reference=reference,
        restricted_mean={name: found[0] for name, found in by_group.items()},
        restricted_mean_difference=gaps[0],
        retention={
            (name, time): found[column]
            for name, found in by_group.items()
            for column, (cause, time) in enumerate(keys)
            if not cause
        },
        retention_differences={
            time: gaps[column] for column, (cause, time) in enumerate(keys) if not cause
        },
        incidence_differences={
            key: gaps[column] for column, key in enumerate(keys) if column > 0 and key[0]
        },
        models=models,
        caveats=caveats,
    )


def _fit_models(inputs: AdjustedInputs, columns: pd.DataFrame) -> dict[str, CauseSpecificCox]:
    models, problems = {}, []
    for name, is_in in inputs.groups.items():
        rows = inputs.rows[is_in]
        try:
            models[name] = cause_specific_cox(
                rows["start"], rows["stop"], rows["exit_cause"], columns[is_in],
                cluster=rows["customer_id"], confidence_level=inputs.confidence_level,
            )  # fmt: skip
        except EstimationError as error:
            problems += [f"group {name!r}: {text}" for text in error.problems or [error.summary]]
            continue
        problems += [
            f"group {name!r}: no exit by {cause!r}; fix: merge causes, or use pseudo-values"
            for cause in inputs.quantities.causes
            if cause not in models[name].causes
        ]
    if problems:
        raise EstimationError("The outcome cannot be modelled in each group.", problems)
    return models


def _estimate(
    inputs: AdjustedInputs,
    means: StandardisedMeans,
    caveats: tuple[str, ...],
    *,
    is_difference: bool,
) -> list[Estimate]:
    quantile, rows, found = normal_quantile(inputs.confidence_level), inputs.rows, []
    for column, (cause, time) in enumerate(inputs.quantities.keys):
        value = float(means.values[column])
        error = math.sqrt(float(np.sum(means.influence[:, column] ** 2)))
        error = error if error > 0 else float("nan")
        is_exit = rows["event"].astype(bool) & (rows["stop"] <= time)
        if column > 0 and cause:
            is_exit &= rows["exit_cause"] == cause
        found.append(
            Estimate(
                value=value,
                standard_error=error,
                ci_lower=value - quantile * error,
                ci_upper=value + quantile * error,
                confidence_level=inputs.confidence_level,
                n=len(rows),
                n_events=int(is_exit.sum()),
                unit="days" if column == 0 else "share",
                method=METHOD if error > 0 else "no error: no such exits by then",
                p_value=float(two_sided_p_value(value / error))
                if is_difference and error > 0
                else None,
                caveats=caveats,
            )
        )
    return found
