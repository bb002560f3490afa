"""The measures of service quality and how reliable they are, as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from loyaltylab.analyses.service_measures import (
    Ratings,
    UnitScore,
    estimate_ratings,
    read_tickets,
    score_units,
    service_shares,
    waiting_medians,
)
from loyaltylab.findings import estimates_table
from loyaltylab.findings.wording import percent, share_with_interval
from loyaltylab.measures.reliability import ENOUGH
from loyaltylab.reports.attempts import Attempt, attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate


@dataclass(frozen=True, eq=False)
class ServiceMeasures:
    """All that the page tells of the measures, guarded."""

    shares: dict[str, Estimate]
    medians: dict[str, Estimate]
    ratings: Attempt[Ratings]
    scores: tuple[UnitScore, ...]


def measure_service(study: Study) -> Attempt[ServiceMeasures]:
    """Every measure that the tables allow; or why there is none."""
    return attempt(_measure_service, study)


def _measure_service(study: Study) -> ServiceMeasures:
    level = study.confidence_level
    tickets = read_tickets(study.data)
    shares = service_shares(study.data, tickets, confidence_level=level)
    medians = waiting_medians(tickets, study.data, confidence_level=level)
    scores = score_units(tickets, confidence_level=level)
    return ServiceMeasures(
        shares=study.guard(shares),
        medians=study.guard(medians),
        ratings=study.guard(attempt(estimate_ratings, tickets, confidence_level=level)),
        scores=tuple(one for one in scores if one.reliability.n_tickets >= study.min_cell),
    )


def show_measures(study: Study, tried: Attempt[ServiceMeasures]) -> None:
    """Show every measure with its interval, and how reliable scores of units are."""
    if tried.found is None:
        show_note(f"Service cannot be measured with these data. {tried.reason}")
        return
    shown = tried.found
    show_table(
        estimates_table(
            shown.shares, scale="percent", min_cell=study.min_cell, label="share of contacts"
        ),
        caption="Contacts with a person settled at once (closed, not reopened, no contact on the "
        "same topic within 7 days), promises, and requests; errors by customer.",
    )
    if shown.medians:
        show_table(
            estimates_table(
                shown.medians, scale="rate", min_cell=study.min_cell, label="time since the opening"
            ),
            caption="Half of the contacts had it by then; contacts still open count as open up "
            "to the day the data were drawn or the customer left.",
        )
    _show_ratings(shown.ratings)
    _show_scores(shown.scores)


def _show_ratings(tried: Attempt[Ratings]) -> None:
    if tried.found is None:
        show_note(f"Ratings: none. {tried.reason}")
        return
    ratings = tried.found
    weighted = (
        "Who rates cannot be modelled with these data"
        if ratings.weighted is None
        else "Weighted for topic, channel, handoffs, wait, closing, team and year, which tell who "
        f"rates, it is {share_with_interval(ratings.weighted)}"
    )
    show_note(
        f"{share_with_interval(ratings.response)} of contacts with a person were rated. Of those "
        f"rated, {share_with_interval(ratings.rated)} were good. {weighted}. If all others had "
        f"been bad it would be {percent(ratings.lowest)}, if all good {percent(ratings.highest)}: "
        "without the assumption that silence says nothing more, the ratings say no more than that."
    )


def _show_scores(scores: tuple[UnitScore, ...]) -> None:
    if not scores:
        show_note("No score of agents or sites can be told from luck with these data.")
        return
    frame = pd.DataFrame([_describe(one) for one in scores])
    level = f"{100 * scores[0].reliability.confidence_level:g} % interval"
    show_table(
        frame.rename(columns={"interval": level}),
        caption="How far a score belongs to the unit: ICC of one ticket, tickets needed for a "
        f"reliability of {ENOUGH:.2f}, reliability at the tickets there are, agreement of odd and "
        "even tickets, and the middle 80 % of units before and after shrinking.",
    )
    show_note(_summarise(scores))


def _describe(one: UnitScore) -> dict[str, str]:
    found = one.reliability
    needed = "none is enough"
    return {
        "score": f"{one.score}, by {one.unit}",
        "ICC": _number(found.icc, 4),
        "interval": f"{_number(found.ci_lower, 4)} to {_number(found.ci_upper, 4)}",
        "tickets needed": needed if one.tickets_needed is None else f"{one.tickets_needed:,}",
        "tickets per unit": f"{found.tickets_per_unit:,.0f}",
        "reliability": _number(found.of_mean, 2),
        "odd and even": "" if one.halves is None else _number(one.halves.reliability, 2),
        "as they are": " to ".join(_number(value, 3) for value in one.spread),
        "shrunken": " to ".join(_number(value, 3) for value in one.shrunken_spread),
    }


def _summarise(scores: tuple[UnitScore, ...]) -> str:
    names = {True: [], False: []}  # type: dict[bool, list[str]]
    for one in scores:
        names[one.reliability.of_mean >= ENOUGH].append(f"{one.score} by {one.unit}")
    parts = []
    if names[True]:
        parts.append(f"Reliable enough to speak of single units: {', '.join(names[True])}.")
    if names[False]:
        parts.append(f"Not reliable enough, mostly luck: {', '.join(names[False])}.")
    parts.append(
        "What an agent's customers met also differs by site, date and topic, so a reliable score "
        "is not yet the agent's doing. Shrunken scores are those to use as an exposure."
    )
    return " ".join(parts)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def measure_estimates(tried: Attempt[ServiceMeasures]) -> dict[str, Estimate]:
    """What a finding keeps of the measures."""
    if tried.found is None:
        return {}
    shown = tried.found
    short = {
        "settled at first contact": "settled_at_first_contact",
        "promises kept, of those due": "promises_kept",
        "requests denied, of those decided": "requests_denied",
    }
    found = {short[name]: share for name, share in shown.shares.items() if name in short}
    ratings = shown.ratings.found
    if ratings is not None:
        found |= {"rated": ratings.response, "rated_good": ratings.rated}
        found |= {} if ratings.weighted is None else {"rated_good_weighted": ratings.weighted}
    return found
