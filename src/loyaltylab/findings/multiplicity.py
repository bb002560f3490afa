"""Several hypotheses at once: adjusted p-values by family, and verdicts before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import ndtr

from loyaltylab.designs.equivalence import scale_estimate, tost
from loyaltylab.errors import EstimationError
from loyaltylab.findings.verdicts import Evidence, decide
from loyaltylab.survival.arrays import FloatArray

FAMILY_ALPHAS = {"confirmatory": 0.05, "secondary": 0.10}


def adjust_holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm's step-down p-values: no false claim in the family with probability 1 - alpha.

    Parameters
    ----------
    p_values : array-like of float, shape (n,)

    Returns
    -------
    ndarray of float, shape (n,)
        In the order given; never below the raw ones.

    Raises
    ------
    EstimationError
        If a p-value is not in [0, 1].

    Source
    ------
    Holm (1979), Scand J Stat 6:65-70; ``p.adjust(method = "holm")`` of R.

    Examples
    --------
    >>> adjust_holm([0.01, 0.04, 0.03]).round(12).tolist()
    [0.03, 0.06, 0.06]
    """
    values = _check_p_values(p_values)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def adjust_benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's p-values: the expected share of false claims stays below a level.

    Parameters, errors and order as in :func:`adjust_holm`.

    Source
    ------
    Benjamini and Hochberg (1995), JRSS B 57:289-300; ``p.adjust(method = "BH")`` of R.

    Examples
    --------
    >>> adjust_benjamini_hochberg([0.01, 0.04, 0.03]).round(12).tolist()
    [0.03, 0.04, 0.04]
    """
    values = _check_p_values(p_values)
    if not len(values):
        return values
    return np.asarray(stats.false_discovery_control(values, method="bh"), dtype=np.float64)


def judge_families(
    evidence: Mapping[str, Evidence], *, families: Mapping[str, str]
) -> pd.DataFrame:
    """Judge every hypothesis before and after adjusting for the others of its family.

    Parameters
    ----------
    evidence : mapping of str to Evidence
        By hypothesis.
    families : mapping of str to str
        Every declared hypothesis -> "confirmatory" (Holm, 5 %) or "secondary" (Benjamini and
        Hochberg, 10 %). One that was not tested, for want of evidence or as a description, counts
        with a p-value of 1, so that a family is as large as it was declared.

    Returns
    -------
    pandas.DataFrame
        hypothesis, family, p_value, adjusted_p_value, alpha, verdict_before, verdict_after; in
        the order of ``families``, hypotheses with evidence only. The p-value is of no effect, or
        for a claim of equivalence of an effect outside the margins.

    Raises
    ------
    EstimationError
        If a hypothesis or a family is unknown.
    """
    _check_families(evidence, families)
    raw = {name: _find_p_value(evidence.get(name)) for name in families}
    adjusted: dict[str, float] = {}
    for family in FAMILY_ALPHAS:
        names = [name for name in families if families[name] == family]
        adjust = adjust_holm if family == "confirmatory" else adjust_benjamini_hochberg
        values = adjust([1.0 if np.isnan(raw[name]) else raw[name] for name in names])
        adjusted |= dict(zip(names, values.tolist(), strict=True))
    lines = []
    for name, family in families.items():
        if name not in evidence:
            continue
        has_p = not np.isnan(raw[name])
        after = replace(
            evidence[name],
            family_p_value=adjusted[name] if has_p else None,
            alpha=FAMILY_ALPHAS[family] if evidence[name].claim == "difference" else 0.05,
        )
        lines.append(
            {
                "hypothesis": name,
                "family": family,
                "p_value": raw[name],
                "adjusted_p_value": adjusted[name] if has_p else np.nan,
                "alpha": after.alpha,
                "verdict_before": decide(replace(evidence[name], family_p_value=None)).verdict,
                "verdict_after": decide(after).verdict,
            }
        )
    columns = ["hypothesis", "family", "p_value", "adjusted_p_value", "alpha"]
    return pd.DataFrame(lines, columns=[*columns, "verdict_before", "verdict_after"])


def _check_p_values(p_values: npt.ArrayLike) -> FloatArray:
    values = np.array(p_values, dtype=np.float64).reshape(-1)
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(wrong):
        raise EstimationError(
            f"{len(wrong)} p-values are not in [0, 1], first at {wrong[:3].tolist()}; "
            "fix: count a hypothesis that was not tested as 1."
        )
    return values


def _check_families(evidence: Mapping[str, Evidence], families: Mapping[str, str]) -> None:
    problems = [
        f"{name} has evidence and no family; fix: declare it"
        for name in evidence
        if name not in families
    ]
    problems += [
        f"{name} is in the family {family!r}; rule: one of {', '.join(FAMILY_ALPHAS)}"
        for name, family in families.items()
        if family not in FAMILY_ALPHAS
    ]
    if problems:
        raise EstimationError("These families cannot be judged:", problems)


def _find_p_value(evidence: Evidence | None) -> float:
    """NaN where nothing was tested."""
    if evidence is None or evidence.estimate is None or evidence.claim == "description":
        return float("nan")
    if evidence.claim in ("equivalence", "non-inferiority"):
        size = evidence.smallest_effect
        lower, upper = (1 / size, size) if evidence.scale == "log" else (-size, size)
        margins = {"lower_margin": lower, "upper_margin": upper}
        tests = tost(evidence.estimate, scale=evidence.scale, **margins)
        if evidence.claim == "equivalence":
            return tests.p_value
        # Doubled, as the verdict asks a two-sided interval to stay on one side of the margin.
        return min(1.0, 2 * (tests.p_lower if evidence.direction == 1 else tests.p_upper))
    if evidence.estimate.p_value is not None:
        return evidence.estimate.p_value
    scaled = scale_estimate(evidence.estimate, scale=evidence.scale)
    error = scaled.error_below if scaled.value > 0 else scaled.error_above
    return float(2 * ndtr(-abs(scaled.value) / error))
