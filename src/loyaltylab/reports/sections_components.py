"""What the page on service quality shows of promises kept, speed and helpfulness."""

from __future__ import annotations

import pandas as pd

from loyaltylab.analyses.adjusted import AdjustedAnalysis
from loyaltylab.analyses.service_components import (
    RANKING_HOLDS,
    ServiceComponents,
    analyse_components,
    component_cohorts,
)
from loyaltylab.findings import JudgedHypothesis, estimates_table, load_hypotheses
from loyaltylab.findings.wording import (
    count,
    months_difference,
    months_with_interval,
    percent,
    ratio_with_interval,
)
from loyaltylab.reports.attempts import Attempt, attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

HYPOTHESIS = "H09"
N_REPLICATES = 1000


def study_components(study: Study, *, horizon_months: float) -> Attempt[ServiceComponents]:
    """Every component, guarded; or why these data do not tell of any."""
    return study.guard(attempt(_study_components, study, horizon_months=horizon_months))


def _study_components(study: Study, *, horizon_months: float) -> ServiceComponents:
    return analyse_components(
        component_cohorts(study.data),
        horizon_months=horizon_months,
        n_replicates=N_REPLICATES,
        seed=study.parameters.study.seed,
        confidence_level=study.confidence_level,
    )


def judge_components(
    study: Study, tried: Attempt[ServiceComponents]
) -> tuple[JudgedHypothesis, ...]:
    """Judge H09 by the sum of the components; nothing if it is not run as declared."""
    declared = load_hypotheses()[HYPOTHESIS].reports.get(study.question.name, {})
    if any(study.run[key] != value for key, value in declared.items()):
        return ()
    if tried.found is None:
        return (study.judge(HYPOTHESIS, None, estimate_name="", identification="none"),)
    found = tried.found
    judged = study.judge(
        HYPOTHESIS,
        found.together,
        estimate_name="components_together",
        identification="adjustment",
        falsifications=found.falsifications,
        diagnostics=found.diagnostics,
        e_value=found.e_value,
        strongest_confounder=found.strongest_confounder,
    )
    return (judged,)


def component_estimates(tried: Attempt[ServiceComponents]) -> dict[str, Estimate]:
    """What a finding keeps of the components."""
    if tried.found is None:
        return {}
    found = {"components_together": tried.found.together}
    for name, one in tried.found.analyses.items():
        key = name.replace(" ", "_")
        found[f"component_{key}"] = one.contrast.restricted_mean_difference
        if one.control is not None:
            found[f"component_{key}_control"] = one.control
    return found


def show_components(
    study: Study, tried: Attempt[ServiceComponents], *, horizon_months: float
) -> None:
    """Show the components side by side, their sum and ranking; or why there are none."""
    if tried.found is None:
        show_note(f"The components of service cannot be told apart. {tried.reason}")
        return
    found = tried.found
    gaps = {name: one.contrast.restricted_mean_difference for name, one in found.analyses.items()}
    naive = {f"{name}, unadjusted": one.contrast.naive for name, one in found.analyses.items()}
    table = estimates_table(
        {**gaps, "all together": found.together, **naive},
        scale="months",
        min_cell=study.min_cell,
        label="good minus bad, months retained",
        with_p=True,
    )
    show_table(
        table,
        caption=f"Months retained of the first {horizon_months:g} after good service minus after "
        "bad, customers made comparable in what was known before the contact.",
    )
    checks = pd.DataFrame(
        [_describe(name, one, study.min_cell) for name, one in found.analyses.items()]
    )
    show_table(checks, caption="What could overturn each: negative control and E-value.")
    holds = "stands" if found.ranking_share >= RANKING_HOLDS else "does not stand"
    show_note(
        f"By size the order is {', '.join(found.ranking)}. It {holds}: it holds in "
        f"{percent(found.ranking_share, 0)} of {N_REPLICATES:,} resamples of customers (rule: "
        f"{percent(RANKING_HOLDS, 0)}), and {found.ranking[0]} comes first in "
        f"{percent(found.first_share, 0)}. Each component is that of one contact; the sum, "
        f"{months_with_interval(found.together)}, takes them not to depend on each other. How "
        "service goes over a whole life is another, larger contrast, and is not studied here."
    )


def _describe(name: str, one: AdjustedAnalysis, min_cell: int) -> dict[str, str]:
    is_treated = one.contrast.propensity.probability
    strongest = one.strongest_confounder
    return {
        "component": name,
        "customers": count(len(is_treated), min_cell=min_cell),
        "exits by life event, good against bad": (
            "too few" if one.control is None else ratio_with_interval(one.control)
        ),
        "E-value": "none" if one.e_value is None else f"{one.e_value.value:.2f}",
        "of the limit": "none" if one.e_value is None else f"{one.e_value.of_limit:.2f}",
        "strongest measured": "none" if strongest is None else f"{strongest:.2f}",
    }


def component_sentence(tried: Attempt[ServiceComponents], *, horizon_months: float) -> str:
    """What the answer says of the components; empty where there are none."""
    if tried.found is None:
        return ""
    return (
        " After a first promise kept, a short wait and a problem settled at once, customers stay "
        f"{months_difference(tried.found.together)} of the next {horizon_months:g} in all than "
        "after the opposite."
    )
