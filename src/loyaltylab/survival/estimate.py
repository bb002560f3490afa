"""One number with its error, and the difference of two independent ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loyaltylab.errors import EstimationError
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error and interval, and what they rest on.

    Attributes
    ----------
    value : float
        In ``unit``.
    standard_error : float
        In ``unit``; NaN where only an interval exists (a quantile).
    ci_lower, ci_upper : float
        Interval at ``confidence_level``, in ``unit``.
    confidence_level : float
        In (0, 1).
    n : int
        Independent units: customers when clusters were given, else rows.
    n_events : int
        Events the value rests on.
    unit : str
        Unit of the value, "days" or "share" for example.
    method : str
        Estimator and standard error, in words.
    p_value : float or None
        Two-sided, for the hypothesis that the value is 0; None where no test is meant.
    caveats : tuple of str
        What a reader must know before using the number.
    """

    value: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    confidence_level: float
    n: int
    n_events: int
    unit: str
    method: str
    p_value: float | None = None
    caveats: tuple[str, ...] = ()


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Difference a - b of two estimates from independent groups, with a z test.

    Parameters
    ----------
    a, b : Estimate
        Of the same quantity, unit and confidence level, from groups that share no customers.

    Returns
    -------
    Estimate
        In the unit of ``a``; its error is sqrt(se_a^2 + se_b^2).

    Raises
    ------
    EstimationError
        If units, methods or confidence levels differ, an error is missing, or both are 0.

    Examples
    --------
    >>> a = Estimate(20.0, 3.0, 14.1, 25.9, 0.95, 50, 30, "days", "restricted mean")
    >>> b = Estimate(10.0, 4.0, 2.2, 17.8, 0.95, 50, 40, "days", "restricted mean")
    >>> difference(a, b).standard_error
    5.0
    """
    problems = _find_mismatches(a, b)
    if problems:
        raise EstimationError("These two estimates cannot be subtracted.", problems)
    value = a.value - b.value
    error = math.hypot(a.standard_error, b.standard_error)
    half_width = normal_quantile(a.confidence_level) * error
    caveats = [f"first group: {text}" for text in a.caveats]
    caveats += [f"second group: {text}" for text in b.caveats]
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - half_width,
        ci_upper=value + half_width,
        confidence_level=a.confidence_level,
        n=a.n + b.n,
        n_events=a.n_events + b.n_events,
        unit=a.unit,
        method=f"difference of independent estimates ({a.method})",
        p_value=float(two_sided_p_value(value / error)),
        caveats=tuple(caveats),
    )


def _find_mismatches(a: Estimate, b: Estimate) -> list[str]:
    problems = []
    if a.unit != b.unit:
        problems.append(f"units {a.unit!r} and {b.unit!r} differ; fix: estimate both alike")
    if a.method != b.method:
        problems.append(f"methods {a.method!r} and {b.method!r} differ; fix: estimate both alike")
    if a.confidence_level != b.confidence_level:
        problems.append(
            f"confidence levels {a.confidence_level} and {b.confidence_level} differ; "
            "fix: estimate both at one level"
        )
    for name, estimate in (("first", a), ("second", b)):
        if not (math.isfinite(estimate.value) and math.isfinite(estimate.standard_error)):
            problems.append(f"the {name} has no finite value or standard error")
    if not problems and a.standard_error == 0.0 and b.standard_error == 0.0:
        problems.append("both standard errors are 0; rule: a test needs events in some group")
    return problems
