"""Two groups from a common time zero, adjusted, with everything that could overturn the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from loyaltylab.analyses.study_data import DAYS_PER_MONTH, baseline_names, keep_groups
from loyaltylab.analyses.unfinished_follow_up import (
    UnfinishedFollowUp,
    doubt_unfinished_follow_up,
)
from loyaltylab.designs import (
    AdjustedContrast,
    EValue,
    SpecificationCurve,
    benchmark_confounders,
    doubly_robust_contrast,
    e_value_of_restricted_means,
    hazard_ratios,
    judge_negative_control,
    run_specifications,
    standardised_contrast,
    treatment_weights,
)
from loyaltylab.errors import EstimationError
from loyaltylab.findings import Check
from loyaltylab.survival import (
    Estimate,
    fit_cox,
    restricted_mean_difference,
    restricted_mean_retention_time,
)

CONTROL_CAUSES = ("life_event",)
LARGEST_IMBALANCE = 0.1
SMALLEST_SIZE_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class AdjustedAnalysis:
    """An adjusted contrast, and what was held against it.

    Attributes
    ----------
    contrast : AdjustedContrast
    covariates : tuple of str
        What is adjusted for.
    control : Estimate or None
        Hazard ratio of exits that the exposure cannot cause, weighted; None without such exits in
        both groups.
    e_value : EValue or None
        None where a group keeps nobody, or everybody, up to the horizon.
    confounders : pandas.DataFrame
        Each covariate left out in turn; as from :func:`benchmark_confounders`.
    specifications : SpecificationCurve
        The same difference under other defensible choices.
    unfinished : UnfinishedFollowUp or None
        How much worse those not followed to the end would have had to fare; None if a group has
        nobody who was followed to the horizon.
    falsifications, diagnostics : tuple of Check
    """

    contrast: AdjustedContrast
    covariates: tuple[str, ...]
    control: Estimate | None
    e_value: EValue | None
    confounders: pd.DataFrame
    specifications: SpecificationCurve
    unfinished: UnfinishedFollowUp | None
    falsifications: tuple[Check, ...]
    diagnostics: tuple[Check, ...]

    @property
    def strongest_confounder(self) -> float | None:
        """Strength of the strongest measured confounder, on the scale of the E-value."""
        return None if self.confounders.empty else float(self.confounders["strength"].max())


def contrast_adjusted(
    frame: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    covariates: Sequence[str],
    horizon_months: float,
    months: Sequence[float] = (),
    confidence_level: float = 0.95,
) -> AdjustedContrast:
    """The main estimate alone: doubly robust, in days up to the horizon."""
    return doubly_robust_contrast(
        frame,
        group=group,
        exposed=exposed,
        reference=reference,
        covariates=covariates,
        horizon_days=horizon_months * DAYS_PER_MONTH,
        times_days=[month * DAYS_PER_MONTH for month in months],
        confidence_level=confidence_level,
    )


def analyse_adjusted(
    frame: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    covariates: Sequence[str],
    horizon_months: float,
    months: Sequence[float] = (),
    with_g_formula: bool = True,
    confidence_level: float = 0.95,
) -> AdjustedAnalysis:
    """The main estimate with its negative control, diagnostics, E-value and specifications.

    Parameters
    ----------
    frame : pandas.DataFrame
        A cohort with its baseline covariates.
    group, exposed, reference : str
        The column of the exposure and its two values; other rows are left out.
    covariates : sequence of str
    horizon_months : float
        Of the restricted mean.
    months : sequence of float
        When retention and incidence are compared as well.
    with_g_formula : bool
        Whether the g-formula is among the specifications; it takes longest.
    confidence_level : float

    Returns
    -------
    AdjustedAnalysis

    Raises
    ------
    EstimationError
        As :func:`doubly_robust_contrast`.
    """
    mine = keep_groups(frame, group=group, names=[exposed, reference])
    options: dict[str, Any] = {
        "group": group,
        "exposed": exposed,
        "reference": reference,
        "confidence_level": confidence_level,
    }
    contrast = contrast_adjusted(
        mine, covariates=covariates, horizon_months=horizon_months, months=months, **options
    )
    control = _weighted_control(mine, contrast, group=group, confidence_level=confidence_level)
    e_value, confounders = _benchmark(mine, contrast, covariates, horizon_months, options)
    return AdjustedAnalysis(
        contrast=contrast,
        covariates=tuple(covariates),
        control=control,
        e_value=e_value,
        confounders=confounders,
        specifications=_vary(
            mine, covariates, horizon_months, options, with_g_formula=with_g_formula
        ),
        falsifications=(check_control(control),),
        diagnostics=(_check_balance(contrast), _check_overlap(contrast)),
        unfinished=doubt_unfinished_follow_up(
            mine, contrast, group=group, horizon_days=horizon_months * DAYS_PER_MONTH
        ),
    )


def analyse_cohort(
    frame: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    further: Sequence[str] = (),
    **options: Any,
) -> AdjustedAnalysis:
    """Analyse two groups of a cohort, adjusted for every baseline covariate that can be.

    Parameters
    ----------
    frame, group, exposed, reference
        As in :func:`analyse_adjusted`.
    further : sequence of str
        As in :func:`loyaltylab.analyses.study_data.baseline_names`.
    **options
        Further arguments of :func:`analyse_adjusted`.

    Raises
    ------
    EstimationError
        If one of the groups has nobody, or as :func:`doubly_robust_contrast`.
    """
    pair = (exposed, reference)
    empty = [name for name in pair if not (frame[group] == name).any()]
    if empty:
        raise EstimationError(f"Nobody is in the group {' or '.join(map(repr, empty))}.")
    mine = keep_groups(frame, group=group, names=pair)
    names = baseline_names(mine, group=group, further=further)
    return analyse_adjusted(
        mine, group=group, exposed=exposed, reference=reference, covariates=names, **options
    )


def check_control(control: Estimate | None) -> Check:
    """Whether exits that the exposure cannot cause are alike in both groups."""
    name = "negative control: exits by life event"
    if control is None:
        return Check(name, "not run", "Too few such exits in one of the groups.")
    judged = judge_negative_control(control, scale="log")
    return Check(name, "failed" if judged.status == "failed" else "passed", judged.statement)


def _weighted_control(
    frame: pd.DataFrame, contrast: AdjustedContrast, *, group: str, confidence_level: float
) -> Estimate | None:
    is_exposed = (frame[group] == contrast.exposed).to_numpy()
    event = (frame["event"] & frame["exit_cause"].isin(CONTROL_CAUSES)).to_numpy()
    if not (event[is_exposed].any() and event[~is_exposed].any()):
        return None
    fit = fit_cox(
        frame["start"],
        frame["stop"],
        event,
        pd.DataFrame({contrast.exposed: is_exposed.astype(float)}),
        weights=treatment_weights(contrast.propensity, is_exposed).values,
        cluster=frame["customer_id"],
        confidence_level=confidence_level,
    )
    return hazard_ratios(fit)[contrast.exposed]


def _e_value(contrast: AdjustedContrast, horizon_months: float) -> EValue | None:
    try:
        return e_value_of_restricted_means(
            contrast.restricted_mean[contrast.exposed],
            contrast.restricted_mean[contrast.reference],
            horizon=horizon_months * DAYS_PER_MONTH,
        )
    except EstimationError:
        return None


def _benchmark(
    frame: pd.DataFrame,
    contrast: AdjustedContrast,
    covariates: Sequence[str],
    horizon_months: float,
    options: Mapping[str, Any],
) -> tuple[EValue | None, pd.DataFrame]:
    adjusted = _e_value(contrast, horizon_months)
    without = {}
    for name in covariates if len(covariates) > 1 and adjusted is not None else ():
        others = [other for other in covariates if other != name]
        left_out = contrast_adjusted(
            frame, covariates=others, horizon_months=horizon_months, **options
        )
        found = _e_value(left_out, horizon_months)
        if found is not None:
            without[name] = found
    return adjusted, benchmark_confounders(adjusted, without) if adjusted else pd.DataFrame()


def _vary(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    horizon_months: float,
    options: Mapping[str, Any],
    *,
    with_g_formula: bool,
) -> SpecificationCurve:
    """Other estimators, less adjustment, and only customers followed to the horizon."""
    end = (frame["index_at"] + pd.to_timedelta(frame["stop"], unit="D")).max()
    is_long = frame["index_at"] + pd.Timedelta(days=horizon_months * DAYS_PER_MONTH) <= end
    choices = pd.DataFrame(
        [
            ("doubly robust", "all", "everybody"),
            ("doubly robust", "all", "followed to the horizon"),
            ("doubly robust", "tenure and segment", "everybody"),
            ("g-formula", "all", "everybody"),
            ("unadjusted", "none", "everybody"),
        ],
        columns=["estimator", "covariates", "customers"],
    )
    choices = choices if with_g_formula else choices[choices["estimator"] != "g-formula"]
    few = [name for name in covariates if name in ("tenure_months", "segment")]

    def estimate(choice: Mapping[str, Any]) -> Estimate:
        names = list(covariates) if choice["covariates"] == "all" else few
        mine = frame[is_long] if choice["customers"] != "everybody" else frame
        mine = mine.reset_index(drop=True)
        names = [name for name in names if mine[name].nunique() > 1]
        if choice["estimator"] == "g-formula":
            # Exits of any cause together: no cause of its own is too rare to be modelled.
            exits = mine["exit_cause"].where(~mine["event"], "any")
            found = standardised_contrast(
                mine.assign(exit_cause=exits),
                covariates=names,
                horizon_days=horizon_months * DAYS_PER_MONTH,
                times_days=[],
                **options,
            )
            return found.restricted_mean_difference
        adjusted = contrast_adjusted(
            mine, covariates=names, horizon_months=horizon_months, **options
        )
        is_naive = choice["estimator"] == "unadjusted"
        return adjusted.naive if is_naive else adjusted.restricted_mean_difference

    return run_specifications(choices, estimate)


def _check_balance(contrast: AdjustedContrast) -> Check:
    largest = float(contrast.balance["difference_after"].abs().max())
    return Check(
        "balance after weighting",
        "passed" if largest < LARGEST_IMBALANCE else "failed",
        f"The largest standardised difference is {largest:.3f}; rule: below {LARGEST_IMBALANCE:g}.",
    )


def _check_overlap(contrast: AdjustedContrast) -> Check:
    share = float(contrast.weight_summary["effective_share"].min())
    return Check(
        "overlap",
        "passed" if share >= SMALLEST_SIZE_SHARE else "failed",
        f"The weights leave an effective sample of {100 * share:.0f} % in one group; "
        f"rule: at least {100 * SMALLEST_SIZE_SHARE:.0f} %.",
    )


def in_days(estimate: Estimate) -> Estimate:
    """An estimate in months, in days."""
    if estimate.unit != "months":
        raise EstimationError(f"This estimate is in {estimate.unit}, not in months.")
    scaled = {
        name: getattr(estimate, name) * DAYS_PER_MONTH
        for name in ("value", "standard_error", "ci_lower", "ci_upper")
    }
    return replace(estimate, unit="days", **scaled)


def contrast_unadjusted(
    exposed: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    horizon_months: float,
    confidence_level: float,
) -> Estimate:
    """Difference of the restricted means of two groups as they are: what naive analyses report.

    Parameters
    ----------
    exposed, reference : pandas.DataFrame
        One row per customer, none in both: ``start`` and ``stop`` in days, ``event``.
    horizon_months : float
    confidence_level : float

    Returns
    -------
    Estimate
        Exposed minus reference, in days.

    Raises
    ------
    EstimationError
        If nobody of a group is followed to the horizon.
    """
    mean_exposed, mean_reference = (
        restricted_mean_retention_time(
            part["start"],
            part["stop"],
            part["event"],
            horizon=horizon_months * DAYS_PER_MONTH,
            confidence_level=confidence_level,
        )
        for part in (exposed, reference)
    )
    return restricted_mean_difference(mean_exposed, mean_reference)
