"""What the page about validation shows: how every method did on known truths."""

from __future__ import annotations

import math

import pandas as pd

from loyaltylab.analyses.primary import PLACEBO
from loyaltylab.errors import NotEstimableError
from loyaltylab.findings import load_hypotheses
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate
from loyaltylab.validation.methods import METHODS
from loyaltylab.validation.results import (
    COVERAGE_BAND,
    FALSE_POSITIVE_BAND,
    MONTE_CARLO_LEVEL,
    find_failures,
    find_near_misses,
    methods_for,
    read_validation,
)
from loyaltylab.validation.worlds import WORLDS


def find_validation(study: Study) -> pd.DataFrame:
    """Results of every method in every world.

    Raises
    ------
    NotEstimableError
        If nothing was validated yet.
    """
    results = read_validation(study.root)
    if results.empty:
        raise NotEstimableError(
            "Not estimable: nothing was validated yet; `make validate` does it (about an hour)."
        )
    return results


def where_assumptions_hold(results: pd.DataFrame, *, holds: bool = True) -> pd.DataFrame:
    """Results of the worlds in which what the methods assume holds, or of the others."""
    is_asked = results["world"].map(lambda name: WORLDS[name].is_identified == holds)
    return results[is_asked.astype(bool)]


def hypotheses_tried(results: pd.DataFrame) -> list[str]:
    """Hypotheses whose methods were tried, in order."""
    return sorted({str(name).split()[0] for name in results["method"]})


def failures_by_hypothesis(results: pd.DataFrame) -> dict[str, list[str]]:
    """What is wrong with the methods of each; an empty list where nothing is."""
    return {
        name: [
            text
            for line in methods_for(results, name).to_dict("records")
            for text in find_failures(line)
        ]
        for name in hypotheses_tried(results)
    }


def validation_answer(results: pd.DataFrame) -> str:
    """How many methods find what is true, and which do not."""
    failures = failures_by_hypothesis(results)
    failing = [name for name, problems in failures.items() if problems]
    sound = len(failures) - len(failing)
    worlds = where_assumptions_hold(results)["world"].nunique()
    told = (
        f"On {int(results['n_replicates'].min())} simulated providers in each of {worlds} worlds, "
        f"the intervals of {sound} of {len(failures)} methods hold the truth about as often as "
        "they promise."
    )
    return told + (f" Those of {', '.join(failing)} do not." if failing else "")


def coverage_estimates(results: pd.DataFrame) -> dict[str, Estimate]:
    """Coverage of every method in every world."""
    return {
        f"coverage_{line.method.replace(' ', '_').lower()}_{line.world}": Estimate(
            value=line.coverage,
            standard_error=math.sqrt(
                line.coverage * (1 - line.coverage) / (line.n_replicates - line.n_refused)
            ),
            ci_lower=line.coverage_lower,
            ci_upper=line.coverage_upper,
            confidence_level=MONTE_CARLO_LEVEL,
            n=int(line.n_replicates - line.n_refused),
            n_events=int(line.n_replicates - line.n_refused),
            unit="share",
            method="share of replicates whose interval holds the truth, Clopper-Pearson limits",
        )
        for line in results.dropna(subset="coverage").itertuples()
    }


def coverage_forest(results: pd.DataFrame) -> pd.DataFrame:
    """Coverage by world and method, in percent, as a forest plot takes it."""
    return pd.DataFrame(
        [
            {
                "group": f"World: {line.world}",
                "label": _label(line.method),
                "value": 100 * line.coverage,
                "ci_lower": 100 * line.coverage_lower,
                "ci_upper": 100 * line.coverage_upper,
            }
            for line in results.dropna(subset="coverage").itertuples()
        ]
    )


def results_table(results: pd.DataFrame) -> pd.DataFrame:
    """Truth, mean estimate, bias, spread, coverage and false positives, in their units."""
    return pd.DataFrame(
        [
            {
                "world": line.world,
                "method": _label(line.method),
                "in": line.unit,
                "truth": _signed(line.truth),
                "mean": _signed(line.mean),
                "bias ± its error": _bias(line.bias, line.bias_error),
                "spread": f"{line.spread:.3f}",
                "mean error given": f"{line.mean_standard_error:.3f}",
                "intervals hold the truth": _share(line.coverage),
                "leave out 0": _share(line.rejects),
                "no estimate": str(int(line.n_refused)),
            }
            for line in results.itertuples()
        ]
    )


def naive_table(results: pd.DataFrame) -> pd.DataFrame:
    """The same for the common mistake, and what the mistake is."""
    shown = results[results["n_naive"] > 0]
    return pd.DataFrame(
        [
            {
                "world": line.world,
                "method": _label(line.method),
                "the mistake": METHODS[str(line.method)].naive_reason,
                "in": line.unit,
                "truth": _signed(line.truth),
                "mean": _signed(line.naive_mean),
                "bias": _signed(line.naive_bias),
                "intervals hold the truth": _share(line.naive_coverage),
            }
            for line in shown.itertuples()
        ]
    )


def failures_table(results: pd.DataFrame) -> pd.DataFrame:
    """Every method with what it is for, and what is wrong with it, if anything."""
    hypotheses = load_hypotheses()
    lines = []
    for name, problems in failures_by_hypothesis(results).items():
        mine = methods_for(results, name).to_dict("records")
        near = [text for line in mine for text in find_near_misses(line)]
        result = "fails" if problems else "open" if near else "sound"
        lines.append(
            {
                "method": name,
                "for": hypotheses[name].title,
                "result": result,
                "why": " ".join([*problems, *near]) or "every rate lies within its band",
            }
        )
    return pd.DataFrame(lines)


def rules_in_words() -> dict[str, str]:
    """What is asked of a method."""
    coverage = " to ".join(f"{100 * bound:g}" for bound in COVERAGE_BAND)
    positives = " to ".join(f"{100 * bound:g}" for bound in FALSE_POSITIVE_BAND)
    return {
        "Coverage": f"{coverage} % of nominal 95 % intervals hold the truth.",
        "False positives": f"Where nothing has an effect, {positives} % of intervals leave out 0.",
        "Failing": "A rate is held against its band with the error of the replicates: it fails if "
        "its own 95 % interval lies wholly outside. A method also fails if it gives no estimate "
        "in more than one replicate of twenty.",
        "Open": "A rate outside its band by less than that error. More replicates would settle it.",
        "Consequence": "What a failing method finds is at most inconclusive.",
    }


def worlds_in_words() -> dict[str, str]:
    """The worlds that methods are tried in."""
    return {world.name: world.description for world in WORLDS.values()}


def _label(name: str) -> str:
    return f"{name.removesuffix(' placebo')}, at a placebo date" if name == PLACEBO else name


def _signed(value: float) -> str:
    return "not known" if pd.isna(value) else f"{value:+.3f}".replace("-", "−")


def _bias(value: float, error: float) -> str:
    return "" if pd.isna(value) else f"{_signed(value)} ± {error:.3f}"


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{100 * value:.1f} %"
