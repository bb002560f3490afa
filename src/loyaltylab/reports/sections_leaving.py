"""Sections of the page on leaving: the way out (H23) and the cost of switching (H06)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from loyaltylab.analyses.adjusted import AdjustedAnalysis
from loyaltylab.analyses.leaving_process import (
    LONG,
    SHORT,
    access_effect,
    completion_of,
    process_cohort,
    tell_part,
    try_access_placebo,
    wait_contrast,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, Cohort
from loyaltylab.analyses.switching_cost import SwitchingCost, analyse_switching
from loyaltylab.designs import DifferenceInDifferences
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import JudgedHypothesis, estimates_table, load_hypotheses
from loyaltylab.findings.disclosure import guard_counts
from loyaltylab.measures.cancellation_friction import Reform
from loyaltylab.reports.adjusted_sections import show_balance, show_sensitivity
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.sections import show_fates
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

HANDLING = (
    "How long the handling takes is known only of those who came to it, so it cannot be held "
    "against giving up."
)
ALL_BUT = 0.99  # from this share on, a channel is taken to be everybody's


@dataclass(frozen=True, eq=False)
class ProcessSection:
    """H23 on this page; parts that could not be estimated are None, and ``why`` says so."""

    cohort: Cohort
    completion_days: float
    access: DifferenceInDifferences | None
    wait: Estimate | None
    why: tuple[str, ...]
    judged: tuple[JudgedHypothesis, ...]

    @property
    def estimates(self) -> dict[str, Estimate]:
        """What the finding keeps."""
        return {
            **({"completion_effect_access": self.access.effect} if self.access else {}),
            **({"completion_difference_wait": self.wait} if self.wait else {}),
        }

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the verdict leaves out."""
        return (f"H23 is judged by getting through alone. {HANDLING}",) if self.judged else ()


def study_process(study: Study, reform: Reform, *, completion_days: float) -> ProcessSection:
    """Estimate and judge what completion hangs on; the page goes on where it cannot be."""
    level = {"confidence_level": study.confidence_level}
    cohort = process_cohort(study.data, completion_days=completion_days)
    why, access, wait = [], None, None
    try:
        access = study.guard(access_effect(cohort.frame, reform, **level))
    except EstimationError as problem:
        why.append(f"Getting through: {problem.summary}")
    try:
        contrast = wait_contrast(cohort.frame, completion_days=completion_days, **level)
        wait = study.guard(completion_of(contrast, completion_days=completion_days))
    except (EstimationError, KeyError) as problem:
        why.append(f"Waiting: {problem}")
    judged: tuple[JudgedHypothesis, ...] = ()
    if is_as_declared(study, "H23"):
        judged = (
            study.judge(
                "H23",
                access.effect if access else None,
                estimate_name="completion_effect_access",
                identification="natural experiment",
                falsifications=(try_access_placebo(cohort.frame, reform, **level),),
            ),
        )
    return ProcessSection(cohort, completion_days, access, wait, tuple(why), judged)


def show_process(section: ProcessSection, reform: Reform, *, study: Study) -> None:
    """Show completion by part of the way out, and which parts completion hangs on."""
    smallest = load_hypotheses()["H23"].smallest_effect.in_estimate_unit
    lines: dict[str, Estimate] = {}
    if section.access is not None:
        lines |= {
            f"with the reform, {reform.covered}": section.access.covered_change,
            f"with the reform, {reform.exempt}": section.access.exempt_change,
            "with the reform, difference of the changes": section.access.effect,
        }
    if section.wait is not None:
        lines[f"{LONG} against {SHORT}, adjusted"] = section.wait
    if lines:
        show_table(
            estimates_table(
                lines, scale="points", min_cell=study.min_cell, label="completion", with_p=True
            ),
            caption=f"Change of the share of first attempts that became a request within "
            f"{section.completion_days:g} days, in percentage points.",
        )
    for name, estimate in (
        ("Getting through (the reform)", section.access.effect if section.access else None),
        ("Waiting (longest quarter against shortest)", section.wait),
    ):
        if estimate is not None:
            show_note(tell_part(name, estimate, smallest_effect=smallest))
    channel = tell_channel(section.cohort.frame, reform, min_cell=study.min_cell)
    show_note(" ".join((*section.why, channel, HANDLING)))
    show_table(outcomes_table(section.cohort.frame, min_cell=study.min_cell),
               caption="First attempts by what came first.")  # fmt: skip
    show_fates(section.cohort.audit, caption="Attempts by what became of them here.", study=study)


def tell_channel(frame: pd.DataFrame, reform: Reform, *, min_cell: int) -> str:
    """Whether the channel can be told from the reform among those it covers, in a sentence."""
    covered = frame[frame["segment"] == reform.covered]
    is_after = covered["index_at"] >= reform.effective_at
    by_phone = [covered.loc[of, "way"] == "phone" for of in (~is_after, is_after)]
    if min(map(len, by_phone)) < min_cell:
        return "Too few attempts lie on one side of the reform to tell the channels apart."
    before, after = (float(part.mean()) for part in by_phone)
    if before >= ALL_BUT and after <= 1 - ALL_BUT:
        return (
            "The reform moved all but a few of those it covers from the telephone to the web, so "
            "the channel's part cannot be told from that of the other changes of the reform."
        )
    return (
        f"By telephone came {100 * before:.0f} % of the covered before the reform and "
        f"{100 * after:.0f} % after it; who chooses the telephone is no accident, so channels are "
        "not compared."
    )


def outcomes_table(frame: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """First attempts by way and outcome; small numbers are not shown."""
    counts = frame.groupby(["way", "exit_cause"]).size().rename("n").reset_index()
    table = pd.DataFrame(
        {"way": counts["way"], "came first": counts["exit_cause"], "attempts": counts["n"]}
    )
    return guard_counts(table, counts=["attempts"], min_cell=min_cell)


def _points(estimate: Estimate) -> str:
    return (
        f"{100 * estimate.value:+.1f} points ({100 * estimate.confidence_level:g} % CI "
        f"{100 * estimate.ci_lower:.1f} to {100 * estimate.ci_upper:.1f})"
    ).replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, eq=False)
class SwitchingSection:
    """H06 on this page; without ``found`` nothing could be estimated, and ``why`` says why."""

    found: SwitchingCost | None
    horizon_months: float
    why: str
    judged: tuple[JudgedHypothesis, ...]

    @property
    def estimates(self) -> dict[str, Estimate]:
        """What the finding keeps."""
        if self.found is None:
            return {}
        kept = self.found.analysis.contrast.retention_differences
        at = self.horizon_months
        return {
            f"switching_left_difference_{at:g}_months": self.found.exits,
            f"switching_retention_difference_{at:g}_months": kept[at * DAYS_PER_MONTH],
            f"switching_contacts_difference_{at:g}_months": self.found.contacts,
        }


def study_switching(study: Study, reform: Reform, *, horizon_months: float) -> SwitchingSection:
    """Estimate and judge H06; the page goes on without it where columns are missing."""
    found, why = None, ""
    try:
        found = study.guard(
            analyse_switching(
                study.data,
                reform,
                horizon_months=horizon_months,
                confidence_level=study.confidence_level,
            )
        )
    except (EstimationError, NotEstimableError) as problem:
        why = str(problem)
    judged: tuple[JudgedHypothesis, ...] = ()
    if found is not None and is_as_declared(study, "H06"):
        judged = (_judge_switching(study, found),)
    return SwitchingSection(found, horizon_months, why, judged)


def _judge_switching(study: Study, found: SwitchingCost) -> JudgedHypothesis:
    analysis: AdjustedAnalysis = found.analysis
    return study.judge(
        "H06",
        found.exits,
        estimate_name="switching_left_difference_12_months",
        identification="adjustment",
        is_of_exits=True,
        falsifications=analysis.falsifications,
        diagnostics=(*analysis.diagnostics, found.both_signs),
        e_value=None if analysis.e_value is None else analysis.e_value.of_limit,
        strongest_confounder=analysis.strongest_confounder,
    )


def show_switching(section: SwitchingSection, *, study: Study) -> None:
    """Show exits and contacts after a bad rating, by the cost of switching."""
    found = section.found
    if found is None:
        show_note(f"H06 cannot be told from these data. {section.why}")
        return
    at = f"{section.horizon_months:g} months"
    show_note(_tell_switching(found, at))
    show_table(
        estimates_table(
            {"all": found.exits, **{f"{when}, covered": e for when, e in found.by_reform.items()}},
            scale="points",
            min_cell=study.min_cell,
            label="left, high minus low cost",
            with_p=True,
        ),
        caption=f"Difference of the share who left within {at} of a first bad rating; by period "
        "it is a description.",
    )
    show_balance(found.analysis.contrast, study=study)
    show_sensitivity(found.analysis, study=study)


def _tell_switching(found: SwitchingCost, at: str) -> str:
    contacts = found.contacts
    number = f"{contacts.value:+.2f} ({contacts.ci_lower:.2f} to {contacts.ci_upper:.2f})"
    return (
        f"Within {at} of a first bad rating, high against low cost of switching: "
        f"{_points(found.exits)} left, {number} contacts per customer. The claim needs "
        "fewer exits and more contacts."
    ).replace("-", "\N{MINUS SIGN}")


def is_as_declared(study: Study, name: str) -> bool:
    """Whether this run has the parameters that a hypothesis was declared with."""
    declared = load_hypotheses()[name].reports.get(study.question.name)
    return declared is not None and all(study.run[key] == value for key, value in declared.items())
