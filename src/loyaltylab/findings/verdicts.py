"""The grammar of verdicts: what may be said of a hypothesis, from its evidence alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loyaltylab.designs.equivalence import Scale, ScaledEstimate, scale_estimate, tost
from loyaltylab.errors import EstimationError
from loyaltylab.findings.wording import DAYS_PER_MONTH
from loyaltylab.survival import Estimate

JudgedVerdict = Literal[
    "supported", "refuted", "inconclusive", "not identified", "not estimable", "described"
]
Status = Literal["passed", "failed", "not run"]
Identification = Literal["randomised", "natural experiment", "adjustment", "none"]
VALIDATION = "validation"  # the check that a method finds what is known to be true
DATA = "data"  # the check that there is anything to estimate; not run, it says what is lacking


@dataclass(frozen=True)
class Check:
    """One falsification or diagnostic check.

    Attributes
    ----------
    name : str
        "validation" is the check that the method finds known truths, "data" that there is
        anything to estimate.
    status : {"passed", "failed", "not run"}
    shows : str
        What it shows, in a sentence.
    """

    name: str
    status: Status
    shows: str


@dataclass(frozen=True)
class Evidence:
    """All that a verdict rests on.

    Attributes
    ----------
    estimate : Estimate or None
        None where the question cannot be estimated.
    smallest_effect : float
        In the unit of the estimate, above 0; on the log scale a ratio above 1.
    claim : {"difference", "equivalence", "non-inferiority", "description"}
    direction : {1, -1, 0}
        Sign claimed of the estimate; 0 for two-sided.
    identification : {"randomised", "natural experiment", "adjustment", "none"}
        What makes the estimate an effect.
    falsifications, diagnostics : tuple of Check
    e_value, strongest_confounder : float or None
        E-value of the limit nearest no effect, and the strength of the strongest measured
        confounder on the same scale; needed where adjustment identifies.
    scale : {"linear", "log"}
        "log" for ratios.
    family_p_value : float or None
        Adjusted within the family; None leaves it out.
    alpha : float
        Level for ``family_p_value`` and for equivalence.
    """

    estimate: Estimate | None
    smallest_effect: float
    claim: Literal["difference", "equivalence", "non-inferiority", "description"]
    direction: Literal[1, -1, 0]
    identification: Identification
    falsifications: tuple[Check, ...] = ()
    diagnostics: tuple[Check, ...] = ()
    e_value: float | None = None
    strongest_confounder: float | None = None
    scale: Scale = "linear"
    family_p_value: float | None = None
    alpha: float = 0.05

    @property
    def is_identified_by_design(self) -> bool:
        """Whether anything makes the estimate more than an association."""
        return self.identification != "none"


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and which checks decided it.

    Attributes
    ----------
    verdict : str
        "supported", "refuted", "inconclusive", "not identified", "not estimable", "described".
    reasons : tuple of str
        Sentences, generated from the numbers.
    decided_by : tuple of str
        Names of the checks without which the verdict would be another.
    """

    verdict: JudgedVerdict
    reasons: tuple[str, ...]
    decided_by: tuple[str, ...]


def decide(evidence: Evidence) -> Judgement:
    """Judge a hypothesis.

    The numbers come first: *supported* if the interval leaves out no effect on the claimed side
    and the estimate is at least the smallest effect of interest; *refuted* if the interval lies
    within plus or minus that effect, or wholly on the other side; else *inconclusive*. A claim of
    equivalence is supported by two one-sided tests, and refuted by an interval wholly outside
    the margins. One of non-inferiority, no worse by as much as would matter, is supported by an
    interval that stays on the claimed side of the margin on the other side, and refuted by one
    wholly beyond it. Then what stands is held against the checks: without a design, or with a
    failed falsification, it is *not identified*; with a failed diagnostic or validation, nothing
    run to falsify it, a confounder as strong as the E-value, or a family p-value above alpha it
    is *inconclusive*.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    Judgement

    Raises
    ------
    EstimationError
        If the evidence contradicts itself, such as a smallest effect that is none.

    Examples
    --------
    >>> months = Estimate(2.0, 0.5, 1.0, 3.0, 0.95, 900, 400, "months", "by lot")
    >>> passed = (Check("negative control", "passed", "No effect on exits by life event."),)
    >>> decide(Evidence(months, 0.5, "difference", 1, "randomised", passed)).verdict
    'supported'
    """
    _check(evidence)
    if evidence.estimate is None:
        lacking = [check.shows for check in evidence.diagnostics if check.name == DATA]
        return Judgement("not estimable", ("There is no estimate.", *lacking), ())
    if evidence.claim == "description":
        return Judgement("described", ("A description claims no cause.",), ())
    try:
        scaled = scale_estimate(evidence.estimate, scale=evidence.scale)
    except EstimationError as problem:
        return Judgement("not estimable", (problem.summary,), ())
    verdict, reason, needs_family = _read_numbers(evidence, evidence.estimate, scaled)
    if not evidence.is_identified_by_design:
        why = "No design makes it more than an association."
        return Judgement("not identified", (reason, why), ("identification",))
    if verdict == "inconclusive":
        return Judgement(verdict, (reason,), ("interval",))
    doubts = [*_find_check_doubts(evidence), *_find_strength_doubts(evidence, needs_family)]
    if not doubts:
        return Judgement(verdict, (reason, *_list_passed(evidence)), ("interval",))
    verdicts = {doubt.verdict for doubt in doubts}
    final: JudgedVerdict = "not identified" if "not identified" in verdicts else "inconclusive"
    deciding = [doubt for doubt in doubts if doubt.verdict == final]
    reasons = (reason, *(doubt.reason for doubt in doubts))
    return Judgement(final, reasons, tuple(doubt.name for doubt in deciding))


def tell_delay_from_gain(
    early: Estimate, late: Estimate, *, margin: float
) -> Literal["delays only", "gain lasts", "no early gain", "open"]:
    """Whether a gain in retention lasts.

    Parameters
    ----------
    early, late : Estimate
        Differences of the share retained, soon after time zero and long after.
    margin : float
        What the late difference must stay below to be none, as a share.

    Returns
    -------
    str
        "delays only" if the early interval is above 0 and the late one within the margin;
        "gain lasts" if both are above 0 and the late one is not within it; "no early gain" if
        the early interval does not reach above 0; else "open".
    """
    if early.ci_upper <= 0:
        return "no early gain"
    is_none_late = -margin < late.ci_lower and late.ci_upper < margin
    if early.ci_lower > 0 and is_none_late:
        return "delays only"
    return "gain lasts" if early.ci_lower > 0 and late.ci_lower > 0 else "open"


@dataclass(frozen=True)
class _Doubt:
    name: str
    verdict: JudgedVerdict
    reason: str


def _check(evidence: Evidence) -> None:
    lowest = 1.0 if evidence.scale == "log" else 0.0
    problems = []
    if not evidence.smallest_effect > lowest:
        problems.append(f"smallest_effect is {evidence.smallest_effect!r}; rule: above {lowest:g}")
    if not 0 < evidence.alpha < 0.5:
        problems.append(f"alpha is {evidence.alpha!r}; rule: between 0 and one half")
    if evidence.family_p_value is not None and not 0 <= evidence.family_p_value <= 1:
        problems.append(f"family_p_value is {evidence.family_p_value!r}; rule: in [0, 1]")
    if evidence.direction not in (1, -1, 0):
        problems.append(f"direction is {evidence.direction!r}; rule: 1, -1, or 0 for two-sided")
    if evidence.claim == "non-inferiority" and evidence.direction == 0:
        problems.append("direction is 0; rule: non-inferiority says which side is the worse one")
    if problems:
        raise EstimationError("No verdict follows from this evidence:", problems)


def _read_numbers(
    evidence: Evidence, estimate: Estimate, scaled: ScaledEstimate
) -> tuple[JudgedVerdict, str, bool]:
    """Verdict of the numbers alone, its reason, and whether it rests on a test of no effect."""
    lower, upper = _margins(evidence)
    scale, unit = (1 / DAYS_PER_MONTH, "months") if estimate.unit == "days" else (1, estimate.unit)
    told = (
        f"The estimate is {scale * estimate.value:.3g} {unit} "
        f"({100 * estimate.confidence_level:g} % CI {scale * estimate.ci_lower:.3g} to "
        f"{scale * estimate.ci_upper:.3g})"
    )
    margins = f"{scale * lower:.3g} to {scale * upper:.3g}"
    if evidence.claim == "equivalence":
        return _read_equivalence(evidence, estimate, told, margins)
    if evidence.claim == "non-inferiority":
        return _read_non_inferiority(evidence, estimate, told, scale)
    if lower < estimate.ci_lower and estimate.ci_upper < upper:
        return "refuted", f"{told}, all of it within {margins}, too small to matter.", False
    side = 1 if scaled.ci_lower > 0 else -1 if scaled.ci_upper < 0 else 0
    if side == 0:
        return "inconclusive", f"{told}, which includes no effect.", False
    if evidence.direction and side != evidence.direction:
        return "refuted", f"{told}, all of it on the other side of no effect.", True
    is_large = not lower < estimate.value < upper
    if not is_large:
        reason = f"{told}, on the claimed side, but the estimate is within {margins}."
        return "inconclusive", reason, False
    side_words = "on the claimed side of" if evidence.direction else "to one side of"
    return "supported", f"{told}, all of it {side_words} no effect and large enough.", True


def _margins(evidence: Evidence) -> tuple[float, float]:
    size = evidence.smallest_effect
    return (1 / size, size) if evidence.scale == "log" else (-size, size)


def _read_equivalence(
    evidence: Evidence, estimate: Estimate, told: str, margins: str
) -> tuple[JudgedVerdict, str, bool]:
    lower, upper = _margins(evidence)
    test = tost(
        estimate,
        lower_margin=lower,
        upper_margin=upper,
        scale=evidence.scale,
        alpha=evidence.alpha,
    )
    if test.is_equivalent:
        reason = f"{told}; two one-sided tests put it within {margins} (p = {test.p_value:.2g})."
        return "supported", reason, True
    if estimate.ci_lower >= upper or estimate.ci_upper <= lower:
        return "refuted", f"{told}, all of it outside {margins}.", False
    return "inconclusive", f"{told}; it is neither within {margins} nor outside.", False


def _read_non_inferiority(
    evidence: Evidence, estimate: Estimate, told: str, scale: float
) -> tuple[JudgedVerdict, str, bool]:
    lower, upper = _margins(evidence)
    if evidence.direction == 1:
        margin, is_held, is_lost = lower, estimate.ci_lower > lower, estimate.ci_upper <= lower
    else:
        margin, is_held, is_lost = upper, estimate.ci_upper < upper, estimate.ci_lower >= upper
    side = f"of {scale * margin:.3g}"
    if is_held:
        return "supported", f"{told}, all of it on the claimed side {side}.", True
    if is_lost:
        return "refuted", f"{told}, all of it on the other side {side}.", False
    return "inconclusive", f"{told}, which lies on both sides {side}.", False


def _find_check_doubts(evidence: Evidence) -> list[_Doubt]:
    doubts = []
    for check in (*evidence.falsifications, *evidence.diagnostics):
        is_falsification = check in evidence.falsifications and check.name != VALIDATION
        if check.status == "failed":
            verdict: JudgedVerdict = "not identified" if is_falsification else "inconclusive"
            doubts.append(_Doubt(check.name, verdict, f"Failed: {check.name}. {check.shows}"))
        elif check.status == "not run":
            doubts.append(_Doubt(check.name, "inconclusive", f"Not run: {check.name}."))
    if not [check for check in evidence.falsifications if check.name != VALIDATION]:
        doubts.append(_Doubt("falsification", "inconclusive", "Nothing was run to falsify it."))
    return doubts


def _find_strength_doubts(evidence: Evidence, needs_family: bool) -> list[_Doubt]:
    doubts = []
    if needs_family and evidence.identification == "adjustment" and evidence.claim == "difference":
        limit, strongest = evidence.e_value, evidence.strongest_confounder
        if limit is None or strongest is None:
            reason = "No E-value was held against the measured confounders."
            doubts.append(_Doubt("E-value", "inconclusive", reason))
        elif limit <= strongest:
            reason = (
                f"An unmeasured confounder of strength {limit:.2f} would undo it, and the "
                f"strongest measured one has {strongest:.2f}."
            )
            doubts.append(_Doubt("E-value", "inconclusive", reason))
    p_value = evidence.family_p_value
    if needs_family and p_value is not None and p_value > evidence.alpha:
        reason = f"Within its family p is {p_value:.3g}, above {evidence.alpha:g}."
        doubts.append(_Doubt("family", "inconclusive", reason))
    return doubts


def _list_passed(evidence: Evidence) -> tuple[str, ...]:
    names = [check.name for check in (*evidence.falsifications, *evidence.diagnostics)]
    return (f"Passed: {', '.join(names)}.",)
