"""The same design where it should find nothing: other dates, other exits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate

Moment = TypeVar("Moment")
FEW_PLACEBOS = 200
FEWEST_PLACEBOS = 19  # with fewer no p-value can reach 0.05


@dataclass(frozen=True, eq=False)
class PlaceboDates:
    """An effect at its date, against those at dates when nothing happened.

    Attributes
    ----------
    value : float
        At the true date.
    placebos : pandas.DataFrame
        ``date`` and ``effect``.
    p_value : float
        Two-sided: (1 + placebos at least as far from 0) / (1 + placebos).
    n_failed : int
        Dates at which the design could not be estimated.
    caveats : tuple of str
    """

    value: float
    placebos: pd.DataFrame
    p_value: float
    n_failed: int
    caveats: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PlaceboOutcomes:
    """Effects on exits that the design cannot bring about.

    Attributes
    ----------
    effects : dict of str to Estimate
    equivalence : pandas.DataFrame
        By outcome: ``effect``, ``margin``, ``p_value`` of the hypothesis that the effect is as
        large as the margin (two one-sided tests), ``is_equivalent`` and ``differs`` (the
        interval leaves out 0).
    """

    effects: dict[str, Estimate]
    equivalence: pd.DataFrame


def run_placebo_dates(
    estimate: Callable[[Moment], float],
    *,
    actual: Moment,
    candidates: Sequence[Moment],
    n_draws: int = 999,
    seed: int,
) -> PlaceboDates:
    """Estimate the effect at dates when nothing happened.

    Parameters
    ----------
    estimate : callable
        From a date (or position, or cut-off) to the effect there, 0 if there is none: a log
        ratio, not a ratio. It should use no data from after the true change for dates before.
    actual : date
    candidates : sequence of dates
        All dates allowed; the true one and doubles are left out.
    n_draws : int
        At most this many, drawn without replacement.
    seed : int

    Returns
    -------
    PlaceboDates
        Neighbouring dates share most of their data: the p-value is exact only if the date was
        drawn at random among them.

    Raises
    ------
    EstimationError
        If fewer than 19 dates can be estimated, or the effect itself cannot.

    Source
    ------
    Abadie, Diamond and Hainmueller (2010), JASA 105:493-505 (in-time placebos).

    Examples
    --------
    >>> found = run_placebo_dates(lambda day: 5.0 if day == 0 else day / 100,
    ...     actual=0, candidates=range(-100, 0), seed=1)
    >>> round(found.p_value, 4)
    0.0099
    """
    value = float(estimate(actual))
    dates = [date for date in dict.fromkeys(candidates) if date != actual]
    if len(dates) > n_draws:
        chosen = np.random.default_rng(seed).choice(len(dates), size=n_draws, replace=False)
        dates = [dates[i] for i in np.sort(chosen)]
    found, failed = [], []
    for date in dates:
        try:
            found.append((date, float(estimate(date))))
        except EstimationError as error:
            failed.append(f"{date}: {error.summary}")
    if len(found) < FEWEST_PLACEBOS:
        raise EstimationError(
            f"{len(found)} placebo dates of {len(dates)} can be estimated; rule: at least "
            f"{FEWEST_PLACEBOS}, or no p-value can reach 0.05; fix: shorter periods",
            failed[:5],
        )
    frame = pd.DataFrame(found, columns=["date", "effect"])
    if not np.isfinite([value, *frame["effect"]]).all():
        raise EstimationError("An effect is not a finite number; fix: raise, or return a number")
    n_as_far = int((frame["effect"].abs() >= abs(value)).sum())
    caveats = []
    if len(found) < FEW_PLACEBOS:
        caveats.append(
            f"{len(found)} placebo dates: p-values below {1 / (1 + len(found)):.3f} cannot occur."
        )
    if failed:
        caveats.append(f"{len(failed)} dates could not be estimated.")
    p_value = (1 + n_as_far) / (1 + len(found))
    return PlaceboDates(value, frame, p_value, len(failed), tuple(caveats))


def run_placebo_outcomes(
    estimate: Callable[[Sequence[str]], Estimate],
    *,
    outcomes: Mapping[str, Sequence[str]],
    margin: float,
    null_value: float = 0.0,
    alpha: float = 0.05,
) -> PlaceboOutcomes:
    """Run a design on exits that it cannot bring about, such as those by life events.

    Parameters
    ----------
    estimate : callable
        From causes of exit to the effect of the design on them.
    outcomes : mapping of str to sequence of str
        Causes by name of the outcome. Prove them from records: leavers may say "moving" to be
        let go.
    margin : float
        Effect that would not matter, in the unit of the estimate.
    null_value : float
        Value without an effect.
    alpha : float

    Returns
    -------
    PlaceboOutcomes

    Raises
    ------
    EstimationError
        If there are no outcomes, the margin is not above 0, or the estimates are ratios, whose
        errors are on another scale.

    Source
    ------
    Lipsitch, Tchetgen Tchetgen and Cohen (2010), Epidemiology 21:383-388; Schuirmann (1987).

    Examples
    --------
    >>> near_0 = Estimate(0.01, 0.02, -0.03, 0.05, 0.95, 20, 900, "log hazard ratio", "example")
    >>> found = run_placebo_outcomes(lambda causes: near_0,
    ...     outcomes={"life event": ["death", "moved"]}, margin=0.1)
    >>> bool(found.equivalence.loc["life event", "is_equivalent"])
    True
    """
    if not outcomes or not margin > 0 or not 0 < alpha < 0.5:
        raise EstimationError(
            f"{len(outcomes)} outcomes, margin {margin:g}, alpha {alpha:g}; rule: an outcome or "
            "more, a margin above 0, alpha below 0.5"
        )
    effects = {name: estimate(causes) for name, causes in outcomes.items()}
    wrong = [
        f"{name}: unit {effect.unit!r}, standard error {effect.standard_error}"
        for name, effect in effects.items()
        if effect.unit == "ratio" or not effect.standard_error > 0
    ]
    if wrong:
        raise EstimationError(
            "These effects cannot be held against a margin; rule: log ratios or differences "
            "with a standard error on their own scale:",
            wrong,
        )
    lines = []
    for name, effect in effects.items():
        distance = margin - abs(effect.value - null_value)
        p_value = float(stats.norm.sf(distance / effect.standard_error))
        lines.append(
            {
                "outcome": name,
                "effect": effect.value,
                "margin": margin,
                "p_value": p_value,
                "is_equivalent": p_value <= alpha,
                "differs": not effect.ci_lower <= null_value <= effect.ci_upper,
            }
        )
    return PlaceboOutcomes(effects, pd.DataFrame(lines).set_index("outcome"))
