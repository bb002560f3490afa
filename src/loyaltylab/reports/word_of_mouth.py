"""What the page on word of mouth shows besides the parts that several pages share."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.analyses.neighbour_checks import WordOfMouth
from loyaltylab.analyses.neighbour_rows import REASON_WORDS
from loyaltylab.designs import Protocol, ProtocolElement, protocol_table
from loyaltylab.findings import forest_frame
from loyaltylab.findings.disclosure import guard_counts
from loyaltylab.findings.wording import ratio_with_interval
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.reports.truths import find_truth
from loyaltylab.survival import Estimate

TOTAL_EFFECT = "H25.word_of_mouth.total.retention_24"
WINDOW_WORDS = {
    "long before": "half a year to a year before the exit",
    "before": "the half year before the exit",
    "recent": "after the exit, the days that count",
    "later": "later, to the end of the year",
}
PROTOCOL = Protocol(
    question="Does a customer who leaves over service take neighbours along?",
    estimand_kind="total",
    eligibility=ProtocolElement(
        "Customers in their first life with a tie to another, who have not asked to cancel",
        "The same, from the ties and requests delivered",
        "Ties nobody recorded are not seen",
    ),
    strategies=ProtocolElement(
        "A neighbour leaves over service now, or no neighbour does",
        "A neighbour's service ended within the days that count, by its verified cause, or not",
        "Exits without a verified cause count as none",
    ),
    assignment=ProtocolElement(
        "At random",
        "When a neighbour leaves is taken to be by chance within two years; who has such a "
        "neighbour is not",
        "See the identifying assumptions",
    ),
    time_zero=ProtocolElement(
        "The neighbour's end of service",
        "The same; exposure begins then and no day before it counts as exposed",
        "Talk that begins before the exit, while the neighbour waits to leave, counts as before",
    ),
    follow_up_end=ProtocolElement(
        "The first request to cancel, or the end of the days that count",
        "The first request; censored at any other exit and at the end of the window",
        "none",
    ),
    outcome=ProtocolElement(
        "A request to cancel",
        "The first step 'requested', or the request that an exit names",
        "Attempts given up are in the sensitivity analysis",
    ),
    causal_contrast=ProtocolElement(
        "Ratio of hazards, neighbour gone over service against still there",
        "Change of the hazard from the year before the exit to the days after it, over the same "
        "change at exits by life event or failed payment",
        "A ratio of ratios",
    ),
    identifying_assumptions=ProtocolElement(
        "None beyond the lot",
        "Likeness acts before the exit as after it; whatever else comes with an exit nearby comes "
        "with an exit by life event too; nobody is told by those who leave for such reasons",
        "Cannot be proved; held against a placebo date and the negative control itself",
    ),
    analysis_plan=ProtocolElement(
        "Hazard ratio",
        "One Cox model with every reason and window, on calendar time within site and year of "
        "tenure, delayed entry, joint covariance, errors by customer",
        "Errors by groups connected by ties are in the sensitivity analysis",
    ),
)


def show_protocol() -> None:
    """Show the target trial beside its emulation."""
    table = protocol_table(PROTOCOL).reset_index()
    named = table.rename(columns={name: name.replace("_", " ") for name in table})
    show_table(named, caption="The trial one would want, and what is done instead.")


def word_of_mouth_answer(found: WordOfMouth, *, memory_days: float) -> str:
    """The answer in a sentence or two a service manager understands."""
    contrast = found.contrast
    if contrast.ci_lower > 1:
        told = "A customer who leaves over service takes neighbours along"
    elif contrast.ci_upper < 1:
        told = "Neighbours of a customer who left over service ask to leave less than expected"
    else:
        told = (
            "These data do not settle whether a customer who leaves over service takes "
            "neighbours along"
        )
    return (
        f"{told}: in the {memory_days:g} days after such an exit neighbours ask to cancel at "
        f"{ratio_with_interval(contrast)} times the rate expected from the year before it and "
        "from exits nobody talks about. The naive ratio, "
        f"{ratio_with_interval(found.naive)}, also counts that neighbours are alike."
    )


def main_forest(found: WordOfMouth) -> pd.DataFrame:
    """The naive ratio, the negative control and the contrast, for ``estimates_forest``."""
    groups: dict[str, dict[str, Estimate]] = {
        "exit against none": {
            "over service, naive": found.naive,
            "over service": found.service,
            "life event or failed payment (negative control)": found.control,
            **({"over price": found.price} if found.price else {}),
        },
        "change from the year before": {
            "over service, same neighbours": found.change_service,
            "life event or failed payment, same neighbours": found.change_control,
        },
        "ratio of the two reasons": {
            "after the exit only": found.between_reasons,
            "change at the exit (on this the claim rests)": found.contrast,
        },
    }
    return _lay_out(groups)


def lag_forest(found: WordOfMouth) -> pd.DataFrame:
    """Hazard ratios by days since the exit, for ``estimates_forest``; price exits left out."""
    groups = {
        f"left {REASON_WORDS[reason]}": {
            f"{label} days".replace("-", "\N{MINUS SIGN}"): estimate
            for label, estimate in found.by_lag[reason].items()
        }
        for reason in ("service", "control")
    }
    return _lay_out(groups)


def alternatives_forest(found: WordOfMouth) -> pd.DataFrame:
    """The contrast under other choices, for ``estimates_forest``."""
    groups = {"on this page": {"the contrast": found.contrast}, **found.alternatives}
    return _lay_out({name: some for name, some in groups.items() if some})


def _lay_out(groups: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """As ``forest_frame``, without its counts: those of a ratio are of its smallest part."""
    headings = [name for name, some in groups.items() for _ in some]
    return forest_frame(groups).assign(group=headings)


def exposure_table(found: WordOfMouth, *, min_cell: int) -> pd.DataFrame:
    """Customers, months at risk and requests by why and when a neighbour left."""
    lines = []
    for reason in REASON_WORDS:
        for window, words in WINDOW_WORDS.items():
            cell = found.exposed.loc[f"{reason} {window}"]
            is_shown = cell["events"] >= min_cell
            lines.append(
                {
                    "a neighbour": f"left {REASON_WORDS[reason]}",
                    "when": words,
                    "customers": cell["customers"],
                    "customer-months": f"{cell['months']:,.0f}" if is_shown else "not shown",
                    "requests": cell["events"],
                    "per 100 customer-months": (
                        f"{100 * cell['events'] / cell['months']:.2f}" if is_shown else "not shown"
                    ),
                }
            )
    frame = pd.DataFrame(lines)
    return guard_counts(frame, counts=["customers", "requests"], min_cell=min_cell)


def excess_requests(found: WordOfMouth) -> Estimate | None:
    """Requests per 100 customer-months after an exit over service that the contrast explains.

    The rate while exposed times 1 minus 1 over the contrast; its interval holds the contrast's.
    """
    cell = found.exposed.loc["service recent"]
    contrast = found.contrast
    if not cell["months"] or not contrast.n_events:
        return None
    rate = 100 * cell["events"] / cell["months"]
    value, lower, upper = (
        rate * (1 - 1 / limit) for limit in (contrast.value, contrast.ci_lower, contrast.ci_upper)
    )
    return Estimate(
        value=value,
        standard_error=rate * contrast.standard_error / contrast.value,
        ci_lower=lower,
        ci_upper=upper,
        confidence_level=contrast.confidence_level,
        n=contrast.n,
        n_events=contrast.n_events,
        unit="requests per 100 customer-months",
        method="rate while exposed times 1 - 1 / contrast; the rate is taken as known",
    )


def site_range(found: WordOfMouth) -> str:
    """Lowest and highest contrast with one site left out."""
    values = [estimate.value for estimate in found.without_site.values()]
    return f"{min(values):.2f} to {max(values):.2f}" if values else "one site only"


def show_total_effect(study: Study) -> None:
    """Say what is known of word of mouth in these customers, and that it is something else."""
    truth = find_truth(study)
    if truth is None:
        return
    text = (
        "What is known of word of mouth is its total effect, that of a world in which leavers "
        "talk against one in which nobody does"
    )
    if TOTAL_EFFECT in truth.index:
        points = 100 * float(truth.loc[TOTAL_EFFECT, "value"])
        text += (
            f": retention at 24 months differs by {points:+.2f} percentage points "
            "(talk minus silence)"
        ).replace("-", "\N{MINUS SIGN}")
    show_note(
        f"{text}. That is another estimand: it counts every customer, near a leaver or not. The "
        "provider's own parameter of talk is none of these estimates either: it acts on the wish "
        "to leave, from which a request comes weeks or months later, or never."
    )
