"""H25 as a page tells it: by time since the exit, under other choices, and what could refute it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from loyaltylab.analyses.neighbour_rows import DAY, REASONS, TiedCustomers, tied_customers
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.analyses.teams import team_starts
from loyaltylab.analyses.word_of_mouth import (
    BETWEEN_REASONS,
    CONTRAST,
    CONTROL,
    PLACEBO,
    PRICE,
    SERVICE,
    NeighbourModel,
    change,
    fit_naive,
    fit_neighbours,
    neighbour_windows,
)
from loyaltylab.designs import judge_negative_control
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import BoolArray

LAG_CUTS = (-360.0, -180.0, -90.0, 0.0, 30.0, 60.0, 90.0, 180.0, 360.0)
OTHER_MEMORIES = (15.0, 30.0, 60.0, 90.0, 120.0)
OTHER_BEFORES = (30.0, 90.0)


@dataclass(frozen=True, eq=False)
class WordOfMouth:
    """What is found of H25 in one source.

    Attributes
    ----------
    naive : Estimate
        Hazard ratio of asking to cancel, service exit nearby against none, nothing held fixed.
    service, control, between_reasons : Estimate
        The same within strata, that of the negative control, and the ratio of the two.
    price : Estimate or None
        After a neighbour's exit over price, of which part is talked about.
    change_service, change_control : Estimate
        After the neighbour's exit over the year before it.
    contrast : Estimate
        The ratio of these two, on which the claim rests.
    placebo : Estimate
        The same contrast between the two halves of the year before the exit.
    by_lag : dict of str to dict of str to Estimate
        Reason -> days since the exit -> hazard ratio against no such exit.
    alternatives : dict of str to dict of str to Estimate
        Kind of choice -> choice -> contrast.
    without_site : dict of str to Estimate
        The contrast with one site left out at a time.
    exposed : pandas.DataFrame
        Customers, months at risk and requests by reason and window.
    audit : dict of str to int
    """

    naive: Estimate
    service: Estimate
    control: Estimate
    between_reasons: Estimate
    price: Estimate | None
    change_service: Estimate
    change_control: Estimate
    contrast: Estimate
    placebo: Estimate
    by_lag: dict[str, dict[str, Estimate]]
    alternatives: dict[str, dict[str, Estimate]]
    without_site: dict[str, Estimate]
    exposed: pd.DataFrame
    audit: dict[str, int]

    @property
    def falsifications(self) -> tuple[Check, ...]:
        """What would show that the contrast holds more than talk."""
        controls = {
            "negative control exposure (exits by life event or failed payment)": (
                self.change_control
            ),
            "placebo date (half a year before the exit)": self.placebo,
        }
        judged = {
            name: judge_negative_control(estimate, scale="log")
            for name, estimate in controls.items()
        }
        return tuple(
            Check(name, "passed" if one.status == "passed" else "failed", one.statement)
            for name, one in judged.items()
        )


def analyse_word_of_mouth(
    data: StudyData, *, memory_days: float, confidence_level: float
) -> WordOfMouth:
    """Estimate H25 with everything its page shows.

    Parameters
    ----------
    data : StudyData
    memory_days : float
        Days after a neighbour's exit within which a request to cancel may be due to it.
    confidence_level : float

    Returns
    -------
    WordOfMouth

    Raises
    ------
    NotEstimableError
        Without ties or exits, or with too few requests near them.
    """
    tied = tied_customers(data)
    try:
        return _analyse(data, tied, memory_days=memory_days, confidence_level=confidence_level)
    except EstimationError as problem:
        raise NotEstimableError(
            "Not estimable: needs more requests to cancel shortly before and after the exits of "
            f"neighbours. {problem.summary}"
        ) from problem


def _analyse(
    data: StudyData, tied: TiedCustomers, *, memory_days: float, confidence_level: float
) -> WordOfMouth:
    model = fit_neighbours(
        tied,
        windows=neighbour_windows(memory_days=memory_days),
        confidence_level=confidence_level,
    )
    return WordOfMouth(
        naive=fit_naive(tied, memory_days=memory_days, confidence_level=confidence_level),
        service=model.ratio(SERVICE),
        control=model.ratio(CONTROL),
        between_reasons=model.ratio(BETWEEN_REASONS),
        price=model.ratio(PRICE) if "price recent" in model.fit.names else None,
        change_service=model.ratio(change("service")),
        change_control=model.ratio(change("control")),
        contrast=model.ratio(CONTRAST),
        placebo=model.ratio(PLACEBO),
        by_lag=ratios_by_lag(tied, confidence_level=confidence_level),
        alternatives=other_choices(
            data, tied, memory_days=memory_days, confidence_level=confidence_level
        ),
        without_site=leave_sites_out(
            tied, memory_days=memory_days, confidence_level=confidence_level
        ),
        exposed=model.exposed,
        audit=tied.audit,
    )


def ratios_by_lag(
    tied: TiedCustomers, *, confidence_level: float
) -> dict[str, dict[str, Estimate]]:
    """Hazard ratios by days since the exit of a neighbour, before it and after, by reason."""
    windows = {f"{lower:g} to {upper:g}": (lower, upper) for lower, upper in pairwise(LAG_CUTS)}
    model = fit_neighbours(tied, windows=windows, confidence_level=confidence_level)
    return {
        reason: {
            window: model.ratio({f"{reason} {window}": 1.0})
            for window in windows
            if f"{reason} {window}" in model.fit.names
        }
        for reason in REASONS
    }


def other_choices(
    data: StudyData, tied: TiedCustomers, *, memory_days: float, confidence_level: float
) -> dict[str, dict[str, Estimate]]:
    """The contrast under other defensible choices; one that cannot be estimated is left out."""
    windows = neighbour_windows(memory_days=memory_days)
    fit = partial(fit_neighbours, confidence_level=confidence_level)
    tried: dict[str, dict[str, Callable[[], NeighbourModel]]] = {
        "days that count after the exit": {
            f"{days:g} days": partial(fit, tied, windows=neighbour_windows(memory_days=days))
            for days in OTHER_MEMORIES
            if days != memory_days
        },
        "compared before the exit": {
            f"{2 * days:g} days": partial(
                fit, tied, windows=neighbour_windows(memory_days=memory_days, before_days=days)
            )
            for days in OTHER_BEFORES
        },
        "compared with customers of": {
            "any site": partial(fit, tied, windows=windows, strata=("band",)),
            "any tenure": partial(fit, tied, windows=windows, strata=("site",)),
            "the same tenure, to the day, in the same quarter": partial(
                fit, tied, windows=windows, clock="tenure", band_months=3.0
            ),
        },
        "errors by": {
            "groups connected by ties": partial(fit, tied, windows=windows, cluster="component")
        },
        "followed": {
            "until the site has a team": lambda: fit(until_team(data, tied), windows=windows),
            "to the first attempt, not the request": lambda: fit(
                tied_customers(data, event="attempted"), windows=windows
            ),
        },
    }
    return {kind: _keep_estimable(choices) for kind, choices in tried.items()}


def leave_sites_out(
    tied: TiedCustomers, *, memory_days: float, confidence_level: float
) -> dict[str, Estimate]:
    """The contrast without each site in turn."""
    windows = neighbour_windows(memory_days=memory_days)
    sites = sorted(set(tied.frame["site"]))
    if len(sites) < 2:
        return {}
    return _keep_estimable(
        {
            f"without {site}": partial(
                fit_neighbours,
                keep_customers(tied, tied.frame["site"].to_numpy() != site),
                windows=windows,
                confidence_level=confidence_level,
            )
            for site in sites
        }
    )


def until_team(data: StudyData, tied: TiedCustomers) -> TiedCustomers:
    """The same customers until their own site has its integrated team.

    Raises
    ------
    NotEstimableError
        If no site ever got one.
    """
    starts = team_starts(data.tables)
    if not len(starts):
        raise NotEstimableError("Not estimable: no site got an integrated team.")
    days = (starts - data.window_start_at) / DAY
    ends = tied.frame["site"].map(days).astype("float64").fillna(np.inf)
    is_cut = ends < tied.frame["stop"]
    frame = tied.frame.assign(
        stop=tied.frame["stop"].where(~is_cut, ends), event=tied.frame["event"] & ~is_cut
    )
    kept = (frame["stop"] > frame["entry"]).to_numpy()
    return keep_customers(TiedCustomers(frame, tied.ties, tied.audit), kept)


def keep_customers(tied: TiedCustomers, kept: BoolArray) -> TiedCustomers:
    """Only these customers, with their ties; ``kept`` by line of the frame."""
    places = np.cumsum(kept) - 1
    ties = tied.ties[kept[tied.ties["place"]]]
    return TiedCustomers(
        tied.frame[kept].reset_index(drop=True),
        ties.assign(place=places[ties["place"]]).reset_index(drop=True),
        tied.audit,
    )


def _keep_estimable(choices: Mapping[str, Callable[[], NeighbourModel]]) -> dict[str, Estimate]:
    found = {}
    for name, fit in choices.items():
        with suppress(EstimationError, NotEstimableError):
            found[name] = fit().ratio(CONTRAST)
    return found
