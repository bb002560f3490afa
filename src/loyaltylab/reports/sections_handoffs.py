"""What the page on service quality shows of contacts handed on and on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from loyaltylab.analyses.handled_contacts import (
    FEW,
    HANDLED,
    MANY,
    handled_contacts,
    handoff_cohort,
)
from loyaltylab.analyses.handoffs import (
    EXIT_MONTHS,
    REQUEST_DAYS,
    HandoffAnalysis,
    analyse_handoffs,
    naive_handoffs,
    vary_handoffs,
)
from loyaltylab.analyses.study_data import Cohort
from loyaltylab.designs import Protocol, ProtocolElement, protocol_table
from loyaltylab.figures import retention_curves
from loyaltylab.findings import (
    Evidence,
    JudgedHypothesis,
    Judgement,
    decide,
    estimates_table,
)
from loyaltylab.findings.disclosure import guard_counts
from loyaltylab.findings.wording import DAYS_PER_MONTH, points_difference
from loyaltylab.reports.adjusted_sections import show_balance, show_sensitivity
from loyaltylab.reports.attempts import Attempt, attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.sections import curve_panels, show_fates
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

HYPOTHESIS = "H05"
REPEATS_THAT_MATTER = 0.1  # contacts per customer in 90 days; as declared in hypotheses.yaml
NAIVE_REASON = (
    "ever handed on three times against never, from the start of the contract: whoever stays "
    "longer has more contacts, and so more chances of a bad one (immortal time)"
)
PROTOCOL = Protocol(
    question="Does being handed from one desk to the next make customers ask to leave?",
    estimand_kind="direct",
    eligibility=ProtocolElement(
        "Customers in their first life who contact a person at a site without an integrated team",
        "The same, at the first such contact opened under observation; not if the request that "
        "ended the life had been made by the landmark",
        "Earlier contacts are not seen; with a team hardly anybody is handed on three times",
    ),
    strategies=ProtocolElement(
        "Three handoffs or more within 72 hours, or at most one",
        "The handoffs of a contact that was closed within 72 hours",
        "How often a contact still open then had been handed on is not on file, so those are "
        "left out; being closed is itself a little less likely after many handoffs",
    ),
    assignment=ProtocolElement(
        "By lot",
        "Taken to be by lot within topic, channel, severity of a recent failure, tenure, date, "
        "price and recent service",
        "How hard the case was is not recorded",
    ),
    time_zero=ProtocolElement(
        "The opening of the contact",
        "72 hours after the opening",
        "Exits within the first 72 hours play no part",
    ),
    follow_up_end=ProtocolElement(
        "90 days for contacts and requests to cancel, 12 months for exits",
        "The same, or the end of the study window",
        "Contacts late in the window are followed for less time",
    ),
    outcome=ProtocolElement(
        "Further contacts; a request to cancel; the end of service for any cause",
        "The same",
        "none",
    ),
    causal_contrast=ProtocolElement(
        "By the first contact", "By the first contact, whatever later ones were like", "none"
    ),
    identifying_assumptions=ProtocolElement(
        "None beyond the lot",
        "Handoffs do not depend on anything else that moves leaving; both were possible for "
        "everybody; censoring says nothing about the exit",
        "Not testable; the negative control and the E-value bear on it",
    ),
    analysis_plan=ProtocolElement(
        "Mean number of contacts, share that asked, months retained",
        "Weighted mean cumulative count; the others doubly robust, errors by customer",
        "none",
    ),
)


@dataclass(frozen=True, eq=False)
class HandoffStudy:
    """All that the page tells of handoffs.

    Attributes
    ----------
    cohort : Cohort
        From the landmark on.
    analysis : HandoffAnalysis
    variants : dict of str to Estimate
        Months retained under other ways to tell the groups, in days.
    naive : Estimate
    repeats_first : Judgement
        On repeat contacts, by the same grammar.
    """

    cohort: Cohort
    analysis: HandoffAnalysis
    variants: dict[str, Estimate]
    naive: Estimate
    repeats_first: Judgement


def study_handoffs(study: Study) -> Attempt[HandoffStudy]:
    """Everything on handoffs, guarded; or why these data do not allow it."""
    return attempt(_study_handoffs, study)


def _study_handoffs(study: Study) -> HandoffStudy:
    level = study.confidence_level
    opened = handled_contacts(study.data)
    cohort = handoff_cohort(study.data, opened)
    found = analyse_handoffs(study.data, cohort.frame, confidence_level=level)
    variants = vary_handoffs(
        opened.frame, found.exits, covariates=found.requests.covariates, confidence_level=level
    )
    naive = naive_handoffs(study.data, confidence_level=level)
    analysis = study.guard(found)
    return HandoffStudy(
        cohort=cohort,
        analysis=analysis,
        variants=study.guard(variants),
        naive=study.guard(naive),
        repeats_first=_judge_repeats(analysis),
    )


def _judge_repeats(analysis: HandoffAnalysis) -> Judgement:
    e_value = analysis.requests.e_value
    return decide(
        Evidence(
            analysis.repeat_difference,
            smallest_effect=REPEATS_THAT_MATTER,
            claim="difference",
            direction=1,
            identification="adjustment",
            falsifications=analysis.requests.falsifications,
            diagnostics=analysis.requests.diagnostics,
            e_value=None if e_value is None else e_value.of_limit,
            strongest_confounder=analysis.requests.strongest_confounder,
        )
    )


def judge_handoffs(study: Study, tried: Attempt[HandoffStudy]) -> JudgedHypothesis:
    """Judge H05 by requests to cancel within 90 days."""
    if tried.found is None:
        return study.judge(HYPOTHESIS, None, estimate_name="", identification="none")
    analysis = tried.found.analysis
    e_value = analysis.requests.e_value
    return study.judge(
        HYPOTHESIS,
        analysis.request_difference,
        estimate_name="handoffs_request_difference_90_days",
        identification="adjustment",
        is_of_exits=True,
        falsifications=analysis.requests.falsifications,
        diagnostics=analysis.requests.diagnostics,
        e_value=None if e_value is None else e_value.of_limit,
        strongest_confounder=analysis.requests.strongest_confounder,
    )


def handoff_estimates(tried: Attempt[HandoffStudy]) -> dict[str, Estimate]:
    """What a finding keeps of the handoffs; nothing where they could not be studied."""
    if tried.found is None:
        return {}
    analysis = tried.found.analysis
    found = {
        "handoffs_repeat_contacts_difference_90_days": analysis.repeat_difference,
        "handoffs_request_difference_90_days": analysis.request_difference,
        "handoffs_restricted_mean_difference_12_months": (
            analysis.exits.restricted_mean_difference
        ),
        "handoffs_restricted_mean_difference_24_months": analysis.long_difference,
        "handoffs_restricted_mean_difference_naive": tried.found.naive,
    }
    for time, gap in analysis.exits.retention_differences.items():
        found[f"handoffs_retention_difference_{time / DAYS_PER_MONTH:.0f}_months"] = gap
    if analysis.control is not None:
        found["handoffs_hazard_ratio_control"] = analysis.control
    return found


def show_handoffs(study: Study, tried: Attempt[HandoffStudy]) -> None:
    """Show the section on handoffs, or why there is none."""
    if tried.found is None:
        show_note(f"Handoffs cannot be studied with these data. {tried.reason}")
        return
    part = tried.found
    table = protocol_table(PROTOCOL).rename(columns=lambda name: name.replace("_", " "))
    show_table(table, caption="Handoffs: the trial one would have wanted, and what is done.")
    _show_groups(part, study)
    _show_effects(part, study)
    study.show_figure(
        retention_curves(
            **curve_panels(
                part.analysis.exits.curves,
                horizon_months=int(EXIT_MONTHS),
                min_cell=study.min_cell,
            ),
            time_label="Months since 72 hours after the opening",
            stamp=study.stamp,
            min_cell=study.min_cell,
            caption="Customers still there after their first contact with a person, weighted.",
            confidence_level=study.confidence_level,
        ),
        name="handoffs",
    )
    show_balance(part.analysis.requests.contrast, study=study)
    show_sensitivity(part.analysis.requests, study=study)
    _show_variants(part, study)
    show_fates(part.cohort.audit, caption="Contacts by what became of them here.", study=study)


def _show_groups(part: HandoffStudy, study: Study) -> None:
    counts = part.cohort.frame[HANDLED].value_counts()
    frame = pd.DataFrame({"known 72 hours after the opening": counts.index, "customers": counts})
    guarded = guard_counts(
        frame.reset_index(drop=True), counts=["customers"], min_cell=study.min_cell
    )
    show_table(guarded, caption="First contacts with a person by their handoffs.")
    sizes = part.analysis.effective_sizes
    show_note(
        f"Three handoffs or more are rare. After weighting they count as {sizes[MANY]:,.0f} "
        f"customers, and those with at most one as {sizes[FEW]:,.0f}, so only large effects can "
        "be seen."
    )


def _show_effects(part: HandoffStudy, study: Study) -> None:
    analysis = part.analysis
    shown = {**analysis.repeats, "difference": analysis.repeat_difference}
    show_table(
        estimates_table(shown, scale="rate", min_cell=study.min_cell, label="further contacts"),
        caption=f"Mean number of further contacts per customer within {REQUEST_DAYS:g} days, "
        "weighted, exits counted as the end of contacts.",
    )
    show_note(
        f"Repeat contacts are judged first: **{part.repeats_first.verdict}**. "
        + " ".join(part.repeats_first.reasons)
    )
    gaps = {f"asked to cancel within {REQUEST_DAYS:g} days": analysis.request_difference}
    for time, gap in analysis.exits.retention_differences.items():
        gaps[f"retention after {time / DAYS_PER_MONTH:.0f} months"] = gap
    pair = f"{MANY} minus {FEW}"
    show_table(
        estimates_table(gaps, scale="points", min_cell=study.min_cell, label=pair, with_p=True),
        caption="Differences in percentage points, adjusted.",
    )


def _show_variants(part: HandoffStudy, study: Study) -> None:
    table = estimates_table(
        {**part.variants, "naive": part.naive},
        scale="months",
        min_cell=study.min_cell,
        label="difference of months retained",
    )
    show_table(
        table,
        caption=f"Months retained of {EXIT_MONTHS:g} under other ways to tell the groups, and a "
        f"common mistake. The mistake: {NAIVE_REASON}.",
    )
    show_note(
        "Clones count a contact still open at 72 hours with at most one handoff, for no more was "
        "known of it. Handoffs as delivered look ahead: a contact reopened weeks later has the "
        "handoffs of both times. The true value further down is of three handoffs against none, "
        "in everybody, which is a slightly larger contrast."
    )


def handoff_sentence(tried: Attempt[HandoffStudy]) -> str:
    """What the answer says of handoffs; empty where they could not be studied."""
    if tried.found is None:
        return ""
    gap = tried.found.analysis.request_difference
    return (
        " After three handoffs or more in a first contact the share that asks to cancel within "
        f"{REQUEST_DAYS:g} days is {points_difference(gap)} than after at most one."
    )
