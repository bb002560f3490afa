"""Numbers in words: every sentence with a number is made here from an estimate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from loyaltylab.survival import Estimate, RetentionCurve

DAYS_PER_MONTH = 30.4375
SHARE_OF_A_STEP = 0.02


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage: 0.821 -> "82.1 %"."""
    return f"{100 * share:.{digits}f} %" if math.isfinite(share) else "not estimable"


def percent_of(part: int, whole: int, *, min_cell: int) -> str:
    """A part of a count as a percentage; a few, or all but a few, only as such.

    Examples
    --------
    >>> tuple(percent_of(part, 60, min_cell=5) for part in (30, 2, 58))
    ('50.0 %', 'fewer than 5', 'all but fewer than 5')
    """
    for number, words in ((part, "fewer than"), (whole - part, "all but fewer than")):
        if 0 < number < min_cell:
            return f"{words} {min_cell}"
    return percent(part / whole) if whole else "not estimable"


def share_with_interval(estimate: Estimate) -> str:
    """A share with its interval: "82.1 % (95 % CI 79.0 to 84.9)"."""
    return _with_interval(estimate, scale=100, digits=1, unit=" %")


def points_difference(estimate: Estimate) -> str:
    """A difference of shares: "1.8 percentage points lower (95 % CI 3.7 lower to 0.1 higher)"."""
    return _difference(
        estimate, scale=100, digits=1, unit=" percentage points", words=("lower", "higher")
    )


def months_with_interval(estimate: Estimate) -> str:
    """Days as months of 30.4375 days, with interval."""
    return _with_interval(estimate, scale=1 / DAYS_PER_MONTH, digits=2, unit=" months")


def months_difference(estimate: Estimate) -> str:
    """A difference of days as months: "0.23 months less (95 % CI 0.51 less to 0.05 more)"."""
    return _difference(
        estimate, scale=1 / DAYS_PER_MONTH, digits=2, unit=" months", words=("less", "more")
    )


def counts_difference(estimate: Estimate, *, noun: str) -> str:
    """A difference of mean counts: "0.16 contacts fewer (95 % CI 0.20 fewer to 0.13 fewer)"."""
    return _difference(estimate, scale=1, digits=2, unit=f" {noun}", words=("fewer", "more"))


def settles_direction(estimate: Estimate) -> str:
    """Whether an interval of a difference leaves out no difference, as a sentence."""
    if not (math.isfinite(estimate.ci_lower) and math.isfinite(estimate.ci_upper)):
        return ""
    if estimate.ci_lower <= 0 <= estimate.ci_upper:
        return " The interval of the months includes 0, so the direction is open."
    return ""


def ratio_with_interval(estimate: Estimate) -> str:
    """A hazard ratio with its interval: "1.25 (95 % CI 1.10 to 1.42)"."""
    return _with_interval(estimate, scale=1, digits=2, unit="")


def effect_with_interval(estimate: Estimate) -> str:
    """An effect in the unit it is declared in: days as months, a share in points, or a ratio."""
    if estimate.unit == "days":
        return months_with_interval(estimate)
    if estimate.unit == "share":
        return _with_interval(estimate, scale=100, digits=1, unit=" points")
    if estimate.unit == "ratio":
        return f"ratio {ratio_with_interval(estimate)}"
    return _with_interval(estimate, scale=1, digits=2, unit=f" {estimate.unit}")


def p_value(value: float | None) -> str:
    """A p-value to three places, never 0."""
    if value is None or not math.isfinite(value):
        return "not available"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(number: int, *, min_cell: int) -> str:
    """A number of customers, with thousands separators, never a small one."""
    return f"<{min_cell}" if 0 < number < min_cell else f"{number:,}"


def count_months(number: float) -> str:
    """A number of months in words: "1 month", "24 months"."""
    return f"{number:g} month" + ("" if number == 1 else "s")


def months(days: float) -> str:
    """Days as months: whole numbers where they are whole."""
    return f"{days / DAYS_PER_MONTH:.1f}".removesuffix(".0")


def step_caveats(
    curve: RetentionCurve,
    times_days: Sequence[float],
    *,
    min_cell: int,
    half_width_days: float = 7.0,
) -> tuple[str, ...]:
    """Say where a reading sits on a step, such as a contract anniversary.

    Parameters
    ----------
    curve : RetentionCurve
        In days.
    times_days : sequence of float
        Readings.
    min_cell : int
        Steps of fewer exits, or with fewer customers left, are not named.
    half_width_days : float
        A reading sits on a step if retention falls by two points or more from this long before
        to this long after it.

    Returns
    -------
    tuple of str
        One sentence per such reading.
    """
    found = []
    for time in times_days:
        around = [max(time - half_width_days, 0.0), time + half_width_days]
        before, after = curve.at(around)["retention"]
        inside = (curve.time > around[0]) & (curve.time <= around[1])
        exits = int(curve.n_events[inside].sum())
        is_shown = exits >= min_cell and int(curve.at(around)["n_at_risk"].min()) >= min_cell
        if before - after >= SHARE_OF_A_STEP and is_shown:
            found.append(
                f"Retention falls from {percent(before)} to {percent(after)} within "
                f"{half_width_days:g} days either side of {months(time)} months: endings pile up "
                "there, as at the end of a contract year, so a reading at that time sits on a step."
            )
    return tuple(found)


def _with_interval(estimate: Estimate, *, scale: float, digits: int, unit: str) -> str:
    def number(value: float, unit: str = "") -> str:
        return f"{value * scale:.{digits}f}{unit}".replace("-", "−")

    return _compose(estimate, number, unit)


def _difference(
    estimate: Estimate, *, scale: float, digits: int, unit: str, words: tuple[str, str]
) -> str:
    """A signed difference without a sign: the word after the number says which way."""

    def number(value: float, unit: str = "") -> str:
        return f"{abs(value) * scale:.{digits}f}{unit} {words[value > 0]}"

    return _compose(estimate, number, unit)


def _compose(estimate: Estimate, number: Callable[..., str], unit: str) -> str:
    """Value with its unit, then the limits without."""
    if not math.isfinite(estimate.value):
        return "not estimable"
    level = f"{100 * estimate.confidence_level:g} % CI"
    if not (math.isfinite(estimate.ci_lower) and math.isfinite(estimate.ci_upper)):
        return f"{number(estimate.value, unit)} ({level} not estimable)"
    lower, upper = number(estimate.ci_lower), number(estimate.ci_upper)
    return f"{number(estimate.value, unit)} ({level} {lower} to {upper})"
