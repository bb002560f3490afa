"""What pages show of reasons to leave: misstated ones, and those that are not service's."""

from __future__ import annotations

from dataclasses import dataclass

from loyaltylab.analyses.competing_endings import (
    LIFE_EVENT,
    MARGIN,
    Damper,
    LifeEventEquivalence,
    compare_life_events,
    measure_damper,
)
from loyaltylab.analyses.exit_reasons import CorrectedReason, correct_reason
from loyaltylab.analyses.study_data import Cohort
from loyaltylab.designs import AdjustedContrast
from loyaltylab.findings import JudgedHypothesis, estimates_table, load_hypotheses
from loyaltylab.findings.wording import (
    DAYS_PER_MONTH,
    months_with_interval,
    p_value,
    percent,
    ratio_with_interval,
    share_with_interval,
)
from loyaltylab.reports.attempts import Attempt, attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.sections import show_diagnostics
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

HYPOTHESIS = "H13"
N_REPLICATES = 200


def correct_service_exits(
    study: Study, cohort: Cohort, contrast: AdjustedContrast, *, group: str, horizon_months: float
) -> Attempt[CorrectedReason]:
    """The difference of exits over service, freed of misstated reasons; guarded."""
    return study.guard(
        attempt(
            correct_reason,
            study.data,
            cohort.frame,
            group=group,
            exposed=contrast.exposed,
            reference=contrast.reference,
            cause="service",
            horizon_days=horizon_months * DAYS_PER_MONTH,
            seed=study.parameters.study.seed,
            confidence_level=study.confidence_level,
        )
    )


def show_corrected_reasons(
    study: Study, tried: Attempt[CorrectedReason], *, horizon_months: float
) -> None:
    """Show exits over service as stated, corrected, and as recorded."""
    if tried.found is None:
        show_note(f"Stated reasons cannot be held against verified ones. {tried.reason}")
        return
    found = tried.found
    table = estimates_table(
        found.differences,
        scale="points",
        min_cell=study.min_cell,
        label=f"left over service within {horizon_months:g} months",
        with_p=True,
    )
    show_table(
        table,
        caption="Difference of the share that left over service in percentage points, unadjusted, "
        "by how reasons are read.",
    )
    check = found.check
    drawn = "; ".join(f"{name} {share_with_interval(share)}" for name, share in found.drawn.items())
    show_note(
        f"{percent(check.checked_share)} of endings have a verified reason. Of those who left over "
        f"service {share_with_interval(check.stated_if_true)} say so, and of those who left over "
        f"something else {share_with_interval(check.stated_if_other)} name service; agreement "
        f"beyond chance (kappa) is {check.kappa:.2f}. The correction takes reasons to be misstated "
        f"alike in both groups. With that table and the shares drawn anew (bias analysis), the "
        f"share that left over service is: {drawn}."
    )


@dataclass(frozen=True, eq=False)
class Endings:
    """Exits by life event after good and bad service, and what such endings cap."""

    comparison: LifeEventEquivalence
    damper: Attempt[Damper]


def study_endings(study: Study, *, horizon_months: float) -> Attempt[Endings]:
    """Everything on endings that are not service's, guarded; or why there is nothing."""
    return study.guard(attempt(_study_endings, study, horizon_months=horizon_months))


def _study_endings(study: Study, *, horizon_months: float) -> Endings:
    comparison = compare_life_events(
        study.data,
        memory_days=study.parameters.timeline.memory_days,
        confidence_level=study.confidence_level,
    )
    damper = attempt(
        measure_damper,
        study.data.lives,
        horizon_days=horizon_months * DAYS_PER_MONTH,
        n_replicates=N_REPLICATES,
        seed=study.parameters.study.seed,
        confidence_level=study.confidence_level,
    )
    return Endings(comparison, damper)


def judge_endings(study: Study, tried: Attempt[Endings]) -> tuple[JudgedHypothesis, ...]:
    """Judge H13 by the corrected ratio; nothing if it is not run as declared."""
    declared = load_hypotheses()[HYPOTHESIS].reports.get(study.question.name, {})
    if any(study.run[key] != value for key, value in declared.items()):
        return ()
    if tried.found is None:
        return (study.judge(HYPOTHESIS, None, estimate_name="", identification="none"),)
    found = tried.found.comparison
    judged = study.judge(
        HYPOTHESIS,
        found.corrected,
        estimate_name="life_event_ratio_corrected",
        identification="adjustment",
        is_of_exits=True,
        falsifications=(found.positive_control,),
        diagnostics=(found.agreement,),
    )
    return (judged,)


def ending_estimates(tried: Attempt[Endings]) -> dict[str, Estimate]:
    """What a finding keeps of them."""
    if tried.found is None:
        return {}
    comparison, damper = tried.found.comparison, tried.found.damper.found
    found = {
        "life_event_ratio_corrected": comparison.corrected,
        "life_event_ratio_stated": comparison.as_stated,
        "life_event_ratio_recorded": comparison.as_recorded,
        "service_ratio_recorded": comparison.service,
    }
    if damper is not None:
        found |= {
            "damper": damper.ratio,
            "gain_from_halving_service_exits": damper.gain,
            "gain_from_halving_service_exits_without_other_endings": damper.gain_without,
        }
    return found


def show_endings(
    study: Study,
    tried: Attempt[Endings],
    judged: tuple[JudgedHypothesis, ...],
    *,
    horizon_months: float,
) -> None:
    """Show the comparison, the damper and the verdict, or why there is none."""
    if tried.found is None:
        show_note(f"Exits by life event cannot be compared with these data. {tried.reason}")
        return
    _show_comparison(tried.found.comparison, study)
    _show_damper(tried.found.damper, horizon_months=horizon_months)
    if judged:
        study.show_judgements(judged)
        return
    show_note("These parameters are not those that the hypothesis was declared with.")


def _show_comparison(found: LifeEventEquivalence, study: Study) -> None:
    share = percent(found.n_bad_days_share)
    show_note(
        "Service counts as bad while a denial, a broken promise or two handoffs lie in the last "
        f"{study.parameters.timeline.memory_days:g} days: {share} of the days at risk. Rates of "
        "exit are compared among customers alike in tenure, segment and number of recent contacts."
    )
    table = estimates_table(
        {
            "life event, stated reason corrected": found.corrected,
            "life event, as stated": found.as_stated,
            "life event, as recorded (verified where it was)": found.as_recorded,
            "service, as recorded": found.service,
        },
        scale="ratio",
        min_cell=study.min_cell,
        label="bad against good service",
    )
    show_table(
        table,
        caption="Ratios of exit rates, after bad service over after good; errors by customer.",
    )
    cause = LIFE_EVENT.replace("_", " ")
    wrong, test = found.reasons.stated_if_other, found.test
    show_diagnostics(
        [
            (
                f"exits by other reasons stated as {cause}",
                share_with_interval(wrong),
                "Customers say they move so as not to be talked to; the correction takes these "
                "out, in proportion to all exits.",
            ),
            (
                f"two one-sided tests within {1 / MARGIN:.2f} and {MARGIN:.2f}",
                f"p {p_value(test.p_value)}",
                "A small p says that bad service hardly changes exits by life event.",
            ),
            (found.agreement.name, found.agreement.status, found.agreement.shows),
            (found.positive_control.name, found.positive_control.status,
             found.positive_control.shows),
        ]
    )  # fmt: skip


def _show_damper(tried: Attempt[Damper], *, horizon_months: float) -> None:
    if tried.found is None:
        show_note(f"What other endings cap cannot be told. {tried.reason}")
        return
    damper = tried.found
    show_note(
        f"If exits over service were halved, a new customer would stay "
        f"{months_with_interval(damper.gain)} longer of the first {horizon_months:g}; if nobody "
        f"left by life event or failed payment either, {months_with_interval(damper.gain_without)}"
        f". So endings that no service prevents leave {share_with_interval(damper.ratio)} of the "
        "gain (the damper). This takes the rates by other causes to stay as they are for customers "
        "who are kept, which fails where the same customers are prone to both, and it is a "
        "calculation from the rates, not the effect of any programme."
    )


def ending_sentence(tried: Attempt[Endings]) -> str:
    """What the answer says of endings that are not service's."""
    if tried.found is None:
        return ""
    return (
        " After bad service the rate of exits by life event is "
        f"{ratio_with_interval(tried.found.comparison.corrected)} times that after good service, "
        "corrected for misstated reasons."
    )
