"""What the page on compensation shows of failures that customers are told of before they ask."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from loyaltylab.analyses.message_cohort import (
    CONTACT_DAYS,
    MESSAGE,
    TOLD,
    UNTOLD,
    failure_cohort,
    message_cohort,
    message_protocol,
)
from loyaltylab.analyses.message_contacts import check_contacts_before
from loyaltylab.analyses.proactive_messages import (
    HORIZON_MONTHS,
    NAIVE_REASON,
    MessageAnalysis,
    analyse_messages,
    judge_parts,
    naive_messages,
    vary_messages,
)
from loyaltylab.analyses.study_data import Cohort
from loyaltylab.designs import protocol_table
from loyaltylab.figures import retention_curves
from loyaltylab.findings import (
    Check,
    JudgedHypothesis,
    Judgement,
    decide_jointly,
    estimates_table,
    load_hypotheses,
)
from loyaltylab.findings.disclosure import guard_counts
from loyaltylab.findings.verdicts import DATA
from loyaltylab.findings.wording import (
    DAYS_PER_MONTH,
    count_months,
    counts_difference,
    months_difference,
    settles_direction,
)
from loyaltylab.reports.adjusted_sections import show_balance, show_sensitivity
from loyaltylab.reports.attempts import Attempt, attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.sections import curve_panels, show_fates
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

HYPOTHESIS = "H18"
DECISION_WORDS = {
    "supported": "The decision declared is met",
    "refuted": "The decision declared is not met",
}


@dataclass(frozen=True, eq=False)
class MessageStudy:
    """All that the page tells of messages about failures.

    Attributes
    ----------
    cohort : Cohort
        From the message, or its moment, on.
    analysis : MessageAnalysis
    exits, contacts : dict of str to Estimate
        Differences of months retained, in days, and of contacts, under other time zeros.
    naive : Estimate
    parts : dict of str to Judgement
        The parts of the decision.
    decision : Judgement
    """

    cohort: Cohort
    analysis: MessageAnalysis
    exits: dict[str, Estimate]
    contacts: dict[str, Estimate]
    naive: Estimate
    parts: dict[str, Judgement]
    decision: Judgement


def study_messages(study: Study) -> Attempt[MessageStudy]:
    """Everything on messages, guarded; or why these data do not allow it."""
    return attempt(_study_messages, study)


def _study_messages(study: Study) -> MessageStudy:
    level = study.confidence_level
    failures = failure_cohort(study.data)
    cohort = message_cohort(failures)
    found = analyse_messages(study.data, cohort.frame, confidence_level=level)
    exits, contacts = vary_messages(study.data, failures.frame, found, confidence_level=level)
    naive = naive_messages(study.data, failures.frame, confidence_level=level)
    analysis = study.guard(found)
    smallest = load_hypotheses()[HYPOTHESIS].smallest_effect.in_estimate_unit
    parts = judge_parts(analysis, smallest_effect=smallest)
    return MessageStudy(
        cohort=cohort,
        analysis=analysis,
        exits=study.guard(exits),
        contacts=study.guard(contacts),
        naive=study.guard(naive),
        parts=parts,
        decision=decide_jointly(parts),
    )


def judge_messages(study: Study, tried: Attempt[MessageStudy]) -> tuple[JudgedHypothesis, ...]:
    """Judge H18 by the months retained, and its decision by contacts and exits together."""
    if tried.found is None:
        lacking = Check(DATA, "not run", tried.reason)
        return (
            study.judge(
                HYPOTHESIS,
                None,
                estimate_name="",
                identification="none",
                diagnostics=(lacking,),
            ),
        )
    analysis = tried.found.analysis
    exits = analysis.exits
    judged = study.judge(
        HYPOTHESIS,
        exits.contrast.restricted_mean_difference,
        estimate_name="messages_restricted_mean_difference",
        identification="adjustment",
        falsifications=(*exits.falsifications, check_contacts_before(analysis.contacts.before)),
        diagnostics=(*exits.diagnostics, analysis.at_once),
        e_value=None if exits.e_value is None else exits.e_value.of_limit,
        strongest_confounder=exits.strongest_confounder,
    )
    return (replace(judged, decision=tried.found.decision),)


def message_estimates(tried: Attempt[MessageStudy]) -> dict[str, Estimate]:
    """What a finding keeps of the messages; nothing where they could not be studied."""
    if tried.found is None:
        return {}
    exits, contacts = tried.found.analysis.exits, tried.found.analysis.contacts
    found = {
        "messages_restricted_mean_difference": exits.contrast.restricted_mean_difference,
        "messages_restricted_mean_difference_naive": tried.found.naive,
        "messages_contacts_difference": contacts.difference,
    }
    if contacts.before is not None:
        found["messages_contacts_difference_before"] = contacts.before
    for time, gap in exits.contrast.retention_differences.items():
        found[f"messages_retention_difference_{time / DAYS_PER_MONTH:.0f}_months"] = gap
    if exits.control is not None:
        found["messages_hazard_ratio_control"] = exits.control
    return found


def message_sentence(tried: Attempt[MessageStudy]) -> str:
    """What the answer says of the messages; empty where they could not be studied."""
    if tried.found is None:
        return ""
    analysis = tried.found.analysis
    gap = analysis.exits.contrast.restricted_mean_difference
    made = counts_difference(analysis.contacts.difference, noun="contacts")
    return (
        " Customers who were told of a failure before they asked made "
        f"{made} in the next {CONTACT_DAYS:g} days than those not told, and stayed "
        f"{months_difference(gap)} in {HORIZON_MONTHS:g} months.{settles_direction(gap)}"
    )


def show_messages(study: Study, tried: Attempt[MessageStudy]) -> None:
    """Show the section on messages about failures, or why there is none."""
    if tried.found is None:
        show_note(f"Messages about failures cannot be studied with these data. {tried.reason}")
        return
    part = tried.found
    hypothesis = load_hypotheses()[HYPOTHESIS]
    opening = DECISION_WORDS.get(part.decision.verdict, "The decision declared stays open")
    show_note(
        f"{opening} ({hypothesis.decision.lower()}): **{part.decision.verdict}**. "
        + " ".join(
            f"{name[:1].upper()}{name[1:]}: {judged.verdict}."
            for name, judged in part.parts.items()
        )
        + " That customers are kept is another claim, judged below by the months they stayed."
    )
    table = protocol_table(message_protocol(horizon_months=HORIZON_MONTHS))
    show_table(
        table.rename(columns=lambda name: name.replace("_", " ")),
        caption="Messages: the trial one would have wanted, and what is done.",
    )
    _show_groups(part, study)
    _show_contacts(part, study)
    _show_exits(part, study)
    show_balance(part.analysis.exits.contrast, study=study)
    _show_strength(part)
    show_sensitivity(part.analysis.exits, study=study)
    _show_other_time_zeros(part, study)
    show_fates(part.cohort.audit, caption="Failures by what became of them here.", study=study)


def _show_groups(part: MessageStudy, study: Study) -> None:
    counts = part.cohort.frame[MESSAGE].value_counts()
    frame = pd.DataFrame(
        {"first failure under observation": counts.index, "customers": counts.to_numpy()}
    )
    show_table(
        guard_counts(frame, counts=["customers"], min_cell=study.min_cell),
        caption="Customers hit by a failure, by whether they were told before they asked.",
    )


def _show_contacts(part: MessageStudy, study: Study) -> None:
    contacts = part.analysis.contacts
    pair = f"{TOLD} minus {UNTOLD}"
    shown = {
        **contacts.means,
        pair: contacts.difference,
    }
    if contacts.before is not None:
        label = f"{pair}, in the {CONTACT_DAYS:g} days before (negative control)"
        shown[label] = contacts.before
    show_table(
        estimates_table(shown, scale="rate", min_cell=study.min_cell, label="contacts"),
        caption=f"Mean number of contacts per customer in {CONTACT_DAYS:g} days, weighted. An exit "
        "ends the contacts: who has left makes none, and is not taken for one whose contacts are "
        "missing. The end of the study window censors.",
    )


def _show_exits(part: MessageStudy, study: Study) -> None:
    contrast = part.analysis.exits.contrast
    study.show_figure(
        retention_curves(
            **curve_panels(
                contrast.curves, horizon_months=int(HORIZON_MONTHS), min_cell=study.min_cell
            ),
            time_label="Months since the message, or its moment",
            stamp=study.stamp,
            min_cell=study.min_cell,
            caption="Customers still there after a first failure, by whether they were told of "
            "it, weighted.",
            confidence_level=study.confidence_level,
        ),
        name="messages",
    )
    gaps = {
        f"after {count_months(round(time / DAYS_PER_MONTH))}": gap
        for time, gap in contrast.retention_differences.items()
    }
    show_table(
        estimates_table(
            gaps,
            scale="points",
            min_cell=study.min_cell,
            label=f"retention, {TOLD} minus {UNTOLD}",
            with_p=True,
        ),
        caption="Differences in percentage points, adjusted.",
    )


def _show_strength(part: MessageStudy) -> None:
    """What it would take to explain the difference of contacts away."""
    contacts = part.analysis.contacts
    if contacts.e_value is None:
        show_note("No E-value for contacts: a group made none.")
        return
    strongest = contacts.strongest_confounder
    beside = (
        ""
        if strongest is None
        else f" The strongest measured confounder has {strongest:.2f} on the same scale."
    )
    show_note(
        "Contacts: to explain the difference away, something not measured would have to be tied "
        "to both being told and making contact by a ratio of "
        f"{contacts.e_value.value:.2f}; for the limit nearest no effect, "
        f"{contacts.e_value.of_limit:.2f}.{beside} What follows says the same of exits."
    )


def _show_other_time_zeros(part: MessageStudy, study: Study) -> None:
    label = f"{TOLD} minus {UNTOLD}"
    show_table(
        estimates_table(
            part.contacts, scale="rate", min_cell=study.min_cell, label=f"contacts, {label}"
        ),
        caption=f"Contacts in {CONTACT_DAYS:g} days under other time zeros. By group from the "
        "detection, whoever asks before a message can go out counts as not told; from the third "
        "day on, the contacts that a message spares at once are over.",
    )
    show_table(
        estimates_table(
            {**part.exits, "naive": part.naive},
            scale="months",
            min_cell=study.min_cell,
            label=f"months retained, {label}",
        ),
        caption=f"Months retained of {HORIZON_MONTHS:g} under other time zeros, and a common "
        f"mistake. The mistake: {NAIVE_REASON}.",
    )
