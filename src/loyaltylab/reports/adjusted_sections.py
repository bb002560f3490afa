"""What a page shows of an adjusted contrast: effects, balance, falsification, sensitivity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import AdjustedAnalysis
from loyaltylab.analyses.unfinished_follow_up import LARGEST_MULTIPLIER, UnfinishedFollowUp
from loyaltylab.designs import AdjustedContrast, GroupContrast
from loyaltylab.figures import estimates_forest
from loyaltylab.findings import JudgedHypothesis, estimates_table, load_hypotheses
from loyaltylab.findings.finding import Verdict
from loyaltylab.findings.wording import (
    DAYS_PER_MONTH,
    count,
    months_difference,
    p_value,
    points_difference,
    ratio_with_interval,
    settles_direction,
)
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate


def answer_in_months(
    contrast: AdjustedContrast,
    *,
    opening: str,
    exposed: str,
    reference: str,
    horizon_months: float,
) -> str:
    """The answer in a sentence or two: months retained, then retention at the horizon."""
    gap = contrast.restricted_mean_difference
    at_horizon = contrast.retention_differences[horizon_months * DAYS_PER_MONTH]
    return (
        f"{opening}, {exposed} stayed {months_difference(gap)} than {reference}, made "
        "comparable in what was known of them before; their retention at "
        f"{horizon_months:g} months is {points_difference(at_horizon)}.{settles_direction(gap)}"
    )


def judge_adjusted(
    study: Study, name: str, analysis: AdjustedAnalysis
) -> tuple[JudgedHypothesis, ...]:
    """Judge a hypothesis by an adjusted contrast; nothing if it is not run as declared."""
    declared = load_hypotheses()[name].reports.get(study.question.name, {})
    if any(study.run[key] != value for key, value in declared.items()):
        return ()
    judged = study.judge(
        name,
        analysis.contrast.restricted_mean_difference,
        estimate_name="restricted_mean_difference",
        identification="adjustment",
        falsifications=analysis.falsifications,
        diagnostics=analysis.diagnostics,
        e_value=None if analysis.e_value is None else analysis.e_value.of_limit,
        strongest_confounder=analysis.strongest_confounder,
    )
    return (judged,)


def verdict_of(judged: Sequence[JudgedHypothesis]) -> Verdict:
    """The verdict of a page: that of its hypothesis; not identified where none was judged."""
    return judged[0].judgement.verdict if judged else "not identified"


def show_verdict(study: Study, judged: Sequence[JudgedHypothesis]) -> None:
    """Show why the verdict is what it is."""
    if judged:
        study.show_judgements(judged)
        return
    show_note(
        "These parameters are not those that the hypothesis was declared with, so it is not "
        "judged here."
    )


def adjusted_estimates(
    analysis: AdjustedAnalysis,
    *,
    horizon_months: float,
    months: Sequence[float],
) -> dict[str, Estimate]:
    """What a finding keeps of an adjusted contrast, by name."""
    contrast = analysis.contrast
    found = {
        "restricted_mean_difference": contrast.restricted_mean_difference,
        "restricted_mean_difference_unadjusted": contrast.naive,
    }
    for month in months:
        gap = contrast.retention_differences[month * DAYS_PER_MONTH]
        found[f"retention_difference_{month:g}_months"] = gap
    if analysis.control is not None:
        found["hazard_ratio_control"] = analysis.control
    for (cause, time), gap in contrast.incidence_differences.items():
        if time == horizon_months * DAYS_PER_MONTH:
            found[f"left_{cause}_difference_{horizon_months:g}_months"] = gap
    return found


def show_adjusted_effects(
    contrast: AdjustedContrast,
    unadjusted: GroupContrast,
    *,
    months: Sequence[float],
    horizon_months: float,
    since: str,
    study: Study,
) -> None:
    """Show retention at each time and months retained, adjusted, with the unadjusted beside."""
    pair = f"{contrast.exposed} minus {contrast.reference}"
    shown: dict[str, Any] = {"min_cell": study.min_cell}
    gaps = {}
    for month in months:
        time = month * DAYS_PER_MONTH
        gaps[f"after {month:g} months"] = contrast.retention_differences[time]
        gaps[f"after {month:g} months, unadjusted"] = unadjusted.retention_differences[time]
    show_table(
        estimates_table(gaps, scale="points", label=f"retention, {pair}", with_p=True, **shown),
        caption="Difference of retention in percentage points.",
    )
    lengths = {
        **contrast.restricted_mean,
        pair: contrast.restricted_mean_difference,
        f"{pair}, unadjusted": contrast.naive,
    }
    show_table(
        estimates_table(lengths, scale="months", label="restricted mean retention time", **shown),
        caption=f"Months retained of the first {horizon_months:g} after {since}, if everybody "
        "had been in the group.",
    )


def show_cause_effects(contrast: AdjustedContrast, *, horizon_months: float, study: Study) -> None:
    """Show the adjusted difference of cumulative incidence at the horizon, cause by cause."""
    horizon = horizon_months * DAYS_PER_MONTH
    gaps = {
        cause.replace("_", " "): gap
        for (cause, time), gap in contrast.incidence_differences.items()
        if time == horizon
    }
    pair = f"{contrast.exposed} minus {contrast.reference}"
    table = estimates_table(
        gaps,
        scale="points",
        min_cell=study.min_cell,
        label=f"left within {horizon_months:g} months, {pair}",
        with_p=True,
    )
    show_table(table, caption="Difference of cumulative incidence in percentage points, adjusted.")


def show_hazard_ratios(unadjusted: GroupContrast, *, control: Estimate | None) -> None:
    """Show the hazard ratio and how it may be read; it comes after the absolute effects."""
    pair = f"{unadjusted.exposed} against {unadjusted.reference}"
    lines = [
        (
            f"voluntary exit, {pair}, unadjusted",
            ratio_with_interval(unadjusted.hazard_ratio),
            "An average over the follow-up.",
        ),
        (
            "proportional hazards of that ratio",
            f"p {p_value(unadjusted.proportional_hazards_p)}",
            "A small p says the ratio changes over time; rely on the absolute differences.",
        ),
        (
            f"exit by life event, {pair}, weighted",
            "no such exits in both groups" if control is None else ratio_with_interval(control),
            "The exposure cannot bring these about; away from 1 the groups were not alike.",
        ),
        (
            "log-rank test, any exit, unadjusted",
            f"p {p_value(unadjusted.logrank_p)}",
            "Whether the two curves differ at all.",
        ),
    ]
    frame = pd.DataFrame(lines, columns=["hazard ratio or test", "result", "how to read it"])
    show_table(frame, caption="Hazard ratios, secondary to the differences above.")


def balance_table(contrast: AdjustedContrast, *, words: Mapping[str, str]) -> pd.DataFrame:
    """Each covariate: standardised difference of the groups before and after weighting."""
    balance = contrast.balance
    names = [words.get(str(name), str(name).replace("_", " ")) for name in balance.index]
    frame = pd.DataFrame(
        {
            "known before": names,
            "before weighting": balance["difference_before"].to_numpy(),
            "after weighting": balance["difference_after"].to_numpy(),
        }
    )
    order = frame["before weighting"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def show_balance(contrast: AdjustedContrast, *, study: Study) -> None:
    """Show how alike the groups were, and are once weighted."""
    show_table(
        balance_table(contrast, words=study.covariate_meanings()),
        caption="Standardised differences between the groups; beyond 0.1 in size they were not "
        "alike.",
        digits=3,
    )


def show_sensitivity(analysis: AdjustedAnalysis, *, study: Study) -> None:
    """Show what an unmeasured confounder, or unseen leaving, would have to be like."""
    _show_e_value(analysis, study=study)
    if not math.isnan(analysis.contrast.restricted_mean_difference.value):
        show_note(tell_unfinished(analysis.unfinished, min_cell=study.min_cell))


def tell_unfinished(found: UnfinishedFollowUp | None, *, min_cell: int) -> str:
    """What those whose follow-up ended early would have had to do, in two sentences or three."""
    if found is None:
        return (
            "What leaving after the end of follow-up could change is not told: in one of the "
            "groups nobody was followed to the horizon."
        )
    if found.n_unfinished == 0:
        return (
            f"Everybody in the group '{found.group}', which stayed longer, was followed to an exit "
            "or the horizon: nothing unseen there can overturn this."
        )
    opening = (
        f"Of the {count(found.n, min_cell=min_cell)} customers in the group '{found.group}', which "
        f"stayed longer, {count(found.n_unfinished, min_cell=min_cell)} were still there when "
        "follow-up ended before the horizon."
    )
    if found.of_interval == 1:
        return f"{opening} The interval includes no effect already: they need not differ."
    beyond = f"more than {LARGEST_MULTIPLIER:g}"
    for_value, for_interval = (
        beyond if multiple is None else f"{multiple:.1f}"
        for multiple in (found.of_value, found.of_interval)
    )
    return (
        f"{opening} To bring the estimate to no effect they would have had to leave from then on "
        f"at {for_value} times the rate of those followed on; to bring the interval there, at "
        f"{for_interval} times. What adjustment took off the plain difference is kept as it is."
    )


def _show_e_value(analysis: AdjustedAnalysis, *, study: Study) -> None:
    if analysis.e_value is None:
        show_note("No E-value: a group keeps nobody, or everybody, up to the horizon.")
        return
    strongest = analysis.strongest_confounder
    beside = (
        ""
        if strongest is None
        else f" The strongest measured confounder has {strongest:.2f} on the same scale."
    )
    limit = analysis.e_value.of_limit
    settled = (
        " The interval includes no effect already, so that nothing is needed to bring it there."
        if limit == 1
        else f" For the limit nearest no effect it is {limit:.2f}."
    )
    show_note(
        f"To explain the estimate away, something not measured would have to be tied to both the "
        f"exposure and leaving by a risk ratio of {analysis.e_value.value:.2f}.{settled}{beside}"
    )
    if analysis.confounders.empty:
        return
    words = study.covariate_meanings()
    names = analysis.confounders["covariate"].map(lambda name: words.get(name, name))
    frame = pd.DataFrame(
        {
            "left out": names.str.replace("_", " "),
            "ratio of time lost without it": analysis.confounders["risk_ratio_without"],
            "strength": analysis.confounders["strength"],
        }
    )
    show_table(frame, caption="Measured confounders, each left out in turn.", digits=3)


def specification_frame(analysis: AdjustedAnalysis, *, min_cell: int) -> pd.DataFrame:
    """The difference in months under every choice, for :func:`estimates_forest`.

    Choices that rest on fewer than ``min_cell`` customers or exits have no number.
    """
    found = analysis.specifications.estimates
    is_few = (found["n"] < min_cell) | found["n_events"].between(1, min_cell - 1)
    labels = found["estimator"] + ", " + found["covariates"] + ", " + found["customers"]
    numbers = {
        name: np.where(is_few, np.nan, found[name] / DAYS_PER_MONTH)
        for name in ("value", "ci_lower", "ci_upper")
    }
    return pd.DataFrame({"label": labels, **numbers})


def show_specifications(analysis: AdjustedAnalysis, *, study: Study) -> None:
    """Show the same difference under other defensible choices."""
    curve = analysis.specifications
    frame = specification_frame(analysis, min_cell=study.min_cell)
    study.show_figure(
        estimates_forest(
            frame,
            stamp=study.stamp,
            caption="The same difference under other choices: estimator, covariates, customers.",
            value_label="Difference in months retained",
            reference=0.0,
            log_scale=False,
            directions=("stayed less", "stayed longer"),
            confidence_level=study.confidence_level,
        ),
        name="specifications",
    )
    text = (
        f"{len(curve.estimates)} of {curve.n_specifications} choices gave an estimate; "
        f"{100 * curve.same_sign_share:.0f} % of those lie on the same side of no difference, "
        f"{100 * curve.one_sided_share:.0f} % with the whole interval."
    )
    for line in curve.failures.to_dict(orient="records"):
        text += f" No estimate by {line['estimator']} ({line['customers']}): {line['reason']}"
    show_note(text)


def show_naive(naive: Estimate | None, estimate: Estimate, *, reason: str, study: Study) -> None:
    """Show a common mistake beside the estimate, and why it is one."""
    if naive is None:
        show_note("The naive analysis cannot be made with these data.")
        return
    table = estimates_table(
        {"naive": naive, "this page": estimate},
        scale="months",
        min_cell=study.min_cell,
        label="difference of months retained",
    )
    show_table(table, caption=f"A common mistake beside the estimate. The mistake: {reason}.")
