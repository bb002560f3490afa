"""What the page of compensation shows of the day vouchers run out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loyaltylab.analyses.voucher_expiry import EXITS, REQUESTS, ExpiryAnalysis
from loyaltylab.figures import hazard_by_period
from loyaltylab.findings import estimates_table
from loyaltylab.findings.disclosure import is_suppressed
from loyaltylab.findings.wording import count, p_value, ratio_with_interval
from loyaltylab.reports.attempts import Attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

NAMES = {REQUESTS: "requests", EXITS: "exits"}


def expiry_estimates(attempted: Attempt[ExpiryAnalysis]) -> dict[str, Estimate]:
    """Ratios around expiry as a finding keeps them, by name; empty where there are none."""
    if attempted.found is None:
        return {}
    return {
        f"expiry_{NAMES[outcome]}_{name}": estimate
        for outcome, jump in attempted.found.by_lot.items()
        for name, estimate in (
            ("jump", jump.jump),
            ("jump_reference", jump.jump_reference),
            ("relative_jump", jump.relative_jump),
        )
    }


def tell_expiry(expiry: ExpiryAnalysis, *, exposed: str, reference: str) -> list[str]:
    """Say of each outcome whether its rate jumps when vouchers run out, and what is left open.

    Parameters
    ----------
    expiry : ExpiryAnalysis
        Guarded.
    exposed, reference : str
        Offers compared.
    """
    told = []
    for outcome in (REQUESTS, EXITS):
        jump = expiry.by_lot.get(outcome)
        if jump is None or is_suppressed(jump.relative_jump):
            told.append(
                f"Whether {outcome} jump that day cannot be told: too few of them around it."
            )
            continue
        ratio = jump.relative_jump
        chance = (
            ""
            if jump.p_permutation is None
            else f", p {p_value(jump.p_permutation)} among shuffled offers"
        )
        told.append(
            f"{outcome.capitalize()}: the rate just after expiry over that just before is "
            f"{ratio_with_interval(ratio)} times as high with a {exposed} as at the same time "
            f"with a {reference}{chance}. {_settled(ratio)}"
        )
    return told


def _settled(ratio: Estimate) -> str:
    if ratio.ci_lower > 1:
        return "The rate jumps that day."
    if ratio.ci_upper < 1:
        return "The rate falls that day."
    return "The interval includes 1, so these data do not settle whether it jumps."


def show_expiry(
    attempted: Attempt[ExpiryAnalysis], *, exposed: str, reference: str, study: Study
) -> None:
    """Show rates around expiry by offer and for those who hold a voucher, and what they say."""
    expiry = attempted.found
    if expiry is None:
        show_note(attempted.reason)
        return
    for sentence in tell_expiry(expiry, exposed=exposed, reference=reference):
        show_note(sentence)
    show_note(
        f"Vouchers run out after {expiry.life_days:.0f} days; compared are the "
        f"{expiry.window_days:.0f} days before and after. "
        f"{count(expiry.n_lapsed, min_cell=study.min_cell)} ran out unused under observation, of "
        f"which {count(expiry.n_paid_out, min_cell=study.min_cell)} were paid out instead."
    )
    for name, caption in (
        ("lot", "by what was offered"),
        ("holders", "of those who hold an unused voucher, and of those refunded"),
    ):
        rates = expiry.rates.get(name)
        if rates is not None and len(rates):
            study.show_figure(
                hazard_by_period(
                    rates,
                    rate_label="First requests to cancel per 100 customer-months"
                    if REQUESTS not in expiry.failures
                    else "Voluntary exits per 100 customer-months",
                    stamp=study.stamp,
                    min_cell=study.min_cell,
                    caption=f"Rates around the day vouchers run out, {caption}.",
                    confidence_level=study.confidence_level,
                ),
                name=f"rate_around_expiry_{name}",
            )
    show_table(
        estimates_table(
            dict(_lines(expiry, exposed=exposed, reference=reference)),
            scale="ratio",
            min_cell=study.min_cell,
            label="rate just after expiry over just before",
            with_p=True,
        ),
        caption="The jump at expiry. By offer it is that of the lot, if offers are made by lot; "
        "who still holds a voucher that day has neither used it nor left: holders are described.",
    )
    for reason in expiry.failures.values():
        show_note(f"Not estimable: {reason}")


def _lines(
    expiry: ExpiryAnalysis, *, exposed: str, reference: str
) -> Iterator[tuple[str, Estimate]]:
    kinds: Mapping[str, tuple[str, str]] = {
        "by offer": (exposed, reference),
        "holders": (f"unused {exposed}", f"{reference} received"),
    }
    for (kind, names), jumps in zip(kinds.items(), (expiry.by_lot, expiry.holders), strict=True):
        for outcome, jump in jumps.items():
            yield f"{outcome}, {kind}: {names[0]}", jump.jump
            yield f"{outcome}, {kind}: {names[1]}", jump.jump_reference
            yield f"{outcome}, {kind}: first over second", jump.relative_jump
