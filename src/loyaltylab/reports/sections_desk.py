"""What the page on the retention desk shows besides the parts that several pages share."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.analyses.after_desk import WonBack
from loyaltylab.analyses.saved_customers import SavedLives
from loyaltylab.findings import tell_delay_from_gain
from loyaltylab.findings.wording import (
    DAYS_PER_MONTH,
    count,
    count_months,
    months_with_interval,
    percent,
    points_difference,
    share_with_interval,
)
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.survival import Estimate, StateOccupation

DELAY_WORDS = {
    "delays only": "The desk only delays leaving",
    "gain lasts": "The gain lasts",
    "no early gain": "There is no early gain",
    "open": "Whether it only delays is open by this rule",
}


def show_delay_rule(
    differences: Mapping[int, Estimate], *, early_months: list[int], late_month: int, margin: float
) -> None:
    """Say by the declared rule whether the gain lasts, from each early reading."""
    for month in early_months:
        early, late = differences[month], differences[late_month]
        words = DELAY_WORDS[tell_delay_from_gain(early, late, margin=margin)]
        show_note(
            f"{words}: retention with the desk is {points_difference(early)} at "
            f"{count_months(month)}, and {points_difference(late)} at {count_months(late_month)}; "
            f"a late difference within "
            f"{100 * margin:g} points counts as none."
        )


def show_saves(differences: Mapping[int, Estimate], *, accepted: float, min_cell: int) -> None:
    """Show customers kept per 100 contacts, beside what the desk would report as saved."""
    level = f"{100 * next(iter(differences.values())).confidence_level:g} % interval"
    lines = [
        {
            "months after the request": month,
            "kept per 100 contacts": f"{100 * found.value:.1f}".replace("-", "−"),
            level: f"{100 * found.ci_lower:.1f} to {100 * found.ci_upper:.1f}".replace("-", "−"),
        }
        for month, found in differences.items()
        if found.n_events >= min_cell
    ]
    show_table(pd.DataFrame(lines), caption="Customers kept by 100 contacts of the desk.")
    show_note(
        f"{percent(accepted)} of those the desk met took an offer. The saved are not the "
        "persuaded: some would have stayed, or come back to stay, without it, and some of those "
        "who took it left later. Only the difference between the groups is the desk's."
    )


def show_won_back(won_back: WonBack, *, months: int) -> None:
    """Say how many of those who left came back."""
    told = "; ".join(f"{name}: {share_with_interval(e)}" for name, e in won_back.shares.items())
    show_note(
        f"Of those who left, back within {months} months: {told}. With the desk the share is "
        f"{points_difference(won_back.difference)}. Who leaves differs between the groups, so this "
        "describes the leavers and is no effect on any one of them."
    )


def show_states(states: Mapping[str, StateOccupation], *, months: list[int], min_cell: int) -> None:
    """Show the share of customers in each state at each month."""
    lines = []
    for name, found in states.items():
        for month in months:
            days = month * DAYS_PER_MONTH
            if days > found.last_follow_up or found.n_clusters < min_cell:
                continue
            shares = {state: _guarded_share(found, days, state, min_cell) for state in found.states}
            lines.append({"desk": name, "months": month, **shares})
    show_table(
        pd.DataFrame(lines),
        caption="Where customers are after their request (Aalen-Johansen). 'Requested' are those "
        "there without a save; a return is not followed further.",
    )


def _guarded_share(found: StateOccupation, days: float, state: str, min_cell: int) -> str:
    share = found.occupation_at(days, state).value
    n_there = share * found.n_clusters
    return f"<{min_cell} customers" if 0 < round(n_there) < min_cell else percent(share)


def show_half_life(saved: SavedLives, *, months: list[int], min_cell: int) -> None:
    """Say how long a save lasts, and what is known of it at fixed times."""
    reached = [month for month in months if month * DAYS_PER_MONTH <= saved.curve.time[-1]]
    told = "; ".join(
        f"{share_with_interval(saved.curve.retention_at(month * DAYS_PER_MONTH))} at "
        f"{count_months(month)}"
        for month in reached
        if saved.curve.retention_at(month * DAYS_PER_MONTH).n_events >= min_cell
    )
    half = (
        "More than half of the saved are still there at the end of follow-up"
        if saved.half_life is None
        else f"Half of the saved have left after {months_with_interval(saved.half_life)}"
    )
    show_note(f"{half}. Still there: {told}.")
    around = saved.around_end
    before, after = (around[is_after] for is_after in (_is_before(around), ~_is_before(around)))
    rates = [
        (100 * part["n_events"].sum() / part["person_time"].sum())
        if part["person_time"].sum() > 0
        else 0.0
        for part in (before, after)
    ]
    if min(before["n_events"].sum(), after["n_events"].sum()) >= min_cell:
        show_note(
            f"Per 100 customer-months {rates[0]:.1f} leave before the offer ends and "
            f"{rates[1]:.1f} after ({count(int(after['n_events'].sum()), min_cell=min_cell)} "
            "exits after it). Nobody but the saved is in these rates, and who is saved is known "
            "only after the request: they describe, and compare with nobody."
        )


def _is_before(around: pd.DataFrame) -> pd.Series:
    return around["label"].str.endswith("before the end")
