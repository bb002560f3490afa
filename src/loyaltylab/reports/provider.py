"""What the page about the synthetic provider shows: its moments, its truth, its assumptions."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from loyaltylab.errors import NotEstimableError, ParameterError
from loyaltylab.figures import causal_diagram
from loyaltylab.params import SyntheticParameters
from loyaltylab.reports.study import Study
from loyaltylab.sources.synthetic import known_effects
from loyaltylab.sources.synthetic.mechanism_views import VIEWS, View
from loyaltylab.survival import Estimate
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.truth import (
    NOT_GENERATED,
    compare_with_first,
    measure_moments,
    read_calibration,
)
from loyaltylab.truth.reasons import read_moment_reasons, read_value_reasons

_KNOB = re.compile(r"^(?P<what>.+); >0: (?P<bias>.+)$")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
FIRST_IS_NEAR = 2.0  # errors of both within which two values are the same
FIRST_CUSTOMERS = 20_000


def measure_provider(study: Study) -> pd.DataFrame:
    """Moments of the study's own tables.

    Raises
    ------
    NotEstimableError
        If the customers are not simulated: then there is no provider to describe.
    """
    if not study.source.is_synthetic:
        raise NotEstimableError(
            "These customers are not simulated: the page describes the synthetic provider only."
        )
    return measure_moments(
        study.tables,
        study.parameters.synthetic,
        window_start_at=study.source.window_start_at,
        window_end_at=study.source.window_end_at,
    )


def find_calibration(study: Study) -> pd.DataFrame | None:
    """Moments over many worlds of the study's provider; None where none are kept."""
    try:
        return read_calibration(study.root, parameters=study.parameters.synthetic)
    except ParameterError:
        return None


def moment_estimates(moments: pd.DataFrame, *, confidence_level: float) -> dict[str, Estimate]:
    """The moments of one world as estimates, by names that files can carry."""
    quantile = normal_quantile(confidence_level)
    return {
        _NOT_WORD.sub("_", line.moment.lower()).strip("_"): Estimate(
            value=line.value,
            standard_error=line.standard_error,
            ci_lower=line.value - quantile * line.standard_error,
            ci_upper=line.value + quantile * line.standard_error,
            confidence_level=confidence_level,
            n=line.n,
            n_events=line.n if line.unit != "share" else round(line.n * line.value),
            unit=line.unit,
            method="as found in the tables; the error is that of independent customers",
        )
        for line in moments.itertuples(index=False)
    }


def show_overview(study: Study) -> None:
    """Show the whole mechanism in one picture, nodes put together and feedback left out."""
    caption = "The provider in short. Nothing else makes anybody leave or stay."
    _show_view(study, VIEWS["overview"], caption=caption)


def show_parts(study: Study) -> None:
    """Show every arrow of the mechanism, part by part, the defects that can be switched on last."""
    for name, view in VIEWS.items():
        if name != "overview":
            _show_view(study, view, caption=f"{view.title}: every arrow between these.")


def _show_view(study: Study, view: View, *, caption: str) -> None:
    figure = causal_diagram(
        view.node_frame(),
        view.arrow_frame(),
        layers=view.layers,
        title=view.title,
        stamp=study.stamp,
        caption=caption,
    )
    study.show_figure(figure, name=f"mechanism_{view.name}")


def provider_answer(calibration: pd.DataFrame | None, parameters: SyntheticParameters) -> str:
    """How many moments agree with what the provider was calibrated to."""
    made = f"A simulation wrote every row (preset {parameters.preset})."
    if calibration is None:
        return f"{made} Its moments over many worlds are not kept; one world's are below."
    n, n_met = len(calibration), int(calibration["is_met"].sum())
    worlds = f"{int(calibration['n_seeds'].iloc[0])} worlds"
    if parameters.preset != "literature":
        return (
            f"{made} Over {worlds}, {n_met} of {n} moments are those the preset literature was "
            "calibrated to; this preset is meant to differ."
        )
    rest = "." if n_met == n else "; why the others differ is said below."
    return f"{made} Over {worlds}, {n_met} of {n} moments agree with their targets{rest}"


def moments_table(moments: pd.DataFrame, calibration: pd.DataFrame | None) -> pd.DataFrame:
    """Every moment here, over many worlds, and what it was calibrated to."""
    here = moments.set_index("moment")[["unit", "value", "standard_error"]]
    here = here.rename(columns={"value": "this world", "standard_error": "error"})
    if calibration is None:
        told = moments.set_index("moment")[["target", "source"]]
        return here.join(told).rename_axis("moment")
    kept = calibration.assign(
        met=np.where(calibration["is_met"], "yes", "no"),
        range_=[f"{low:.3g} to {high:.3g}" for low, high in _limits(calibration)],
    )
    kept = kept.rename(columns={"mean": "mean of worlds", "range_": "95 % of worlds"})
    columns = ["unit", "mean of worlds", "95 % of worlds", "target", "met", "source"]
    table = kept[columns].join(here[["this world", "error"]])
    return table[["unit", "this world", "error", *columns[1:]]].rename_axis("moment")


def _limits(calibration: pd.DataFrame) -> list[tuple[float, float]]:
    return list(zip(calibration["lower"], calibration["upper"], strict=True))


def moments_forest(calibration: pd.DataFrame) -> pd.DataFrame:
    """Every moment over its target, for :func:`loyaltylab.figures.estimates_forest`."""
    columns = {"value": "mean", "ci_lower": "lower", "ci_upper": "upper"}
    ratios = {
        name: (calibration[column] / calibration["target"]).to_numpy()
        for name, column in columns.items()
    }
    return pd.DataFrame({"label": calibration.index, **ratios})


def explain_moments(calibration: pd.DataFrame) -> dict[str, str]:
    """Moments that are not met, and why."""
    reasons = read_moment_reasons()
    unmet = calibration.index[~calibration["is_met"].astype(bool)]
    return {
        f"{name} ({calibration.loc[name, 'mean']:.3g}, target "
        f"{calibration.loc[name, 'target']:.3g})": reasons[name]
        for name in unmet
        if name in reasons
    }


def true_values_table(truth: pd.DataFrame) -> pd.DataFrame:
    """Months gained or lost by every strategy, with the horizon and who is followed."""
    months = truth[truth["measure"] == "restricted_mean"]
    columns = {
        "hypothesis": "hypothesis",
        "contrast": "contrast",
        "value": "months",
        "mc_se": "Monte-Carlo error",
        "horizon_months": "horizon",
        "time_zero": "followed from",
        "kind": "effect",
        "group": "group",
    }
    months = months.assign(contrast=months["strategy"] + " against " + months["reference"])
    table = months[list(columns)].rename(columns=columns).reset_index(drop=True)
    table["horizon"] = table["horizon"].map("{:g}".format)
    for name in ("followed from", "group"):
        table[name] = table[name].str.replace("_", " ")
    return table


def first_values_table(truth: pd.DataFrame) -> pd.DataFrame:
    """Today's true values beside those of the first provider, and whether luck explains it."""
    both = _judge_first(truth)
    names = truth.loc[both.index]
    what = names["strategy"] + " against " + names["reference"] + ": " + names["measure"]
    what = what.str.replace("_", " ") + " at " + names["horizon_months"].map("{:g}".format)
    said = np.where(both["is_near"], "no more than luck", "differs")
    table = both.assign(what=what, difference=said)
    columns = ["what", "unit", "value", "mc_se", "first_value", "first_se", "difference"]
    words = {"mc_se": "Monte-Carlo error", "first_value": "first value", "first_se": "its error"}
    return table[columns].rename(columns=words).reset_index(drop=True)


def explain_values(truth: pd.DataFrame) -> dict[str, str]:
    """Contrasts whose true values are not the first ones, and why."""
    both, reasons = _judge_first(truth), read_value_reasons()
    contrasts = dict.fromkeys(truth.loc[both.index[~both["is_near"]], "contrast"])
    words = truth.drop_duplicates("contrast").set_index("contrast")
    return {
        f"{words.loc[name, 'strategy']} against {words.loc[name, 'reference']}": reasons[name]
        for name in contrasts
        if name in reasons
    }


def _judge_first(truth: pd.DataFrame) -> pd.DataFrame:
    """Whether a first value lies within two errors of both of today's.

    Where its error was not noted it is taken to be that of one world of its size here.
    """
    both = compare_with_first(truth)
    first = truth.iloc[0]
    of_one = both["mc_se"] * np.sqrt(first["n_seeds"] * first["n_customers"] / FIRST_CUSTOMERS)
    error = np.hypot(both["mc_se"], both["first_se"].fillna(of_one))
    return both.assign(is_near=both["change"].abs() <= FIRST_IS_NEAR * error)


def knobs_table(parameters: SyntheticParameters) -> pd.DataFrame:
    """What can be wrong with the records, and which way it moves a naive estimate."""
    knobs = [
        (effect, match)
        for effect in known_effects(parameters)
        if (match := _KNOB.match(effect.meaning)) is not None
    ]
    return pd.DataFrame(
        [
            {
                "defect": effect.name.replace("_", " "),
                "now": effect.value,
                "unit": effect.unit,
                "what happens": match["what"],
                "a naive estimate then has the": match["bias"],
            }
            for effect, match in knobs
        ]
    )


def parameters_table(parameters: SyntheticParameters) -> pd.DataFrame:
    """Every generating parameter with its unit, defects left out."""
    return pd.DataFrame(
        [
            (effect.name.replace("_", " "), effect.value, effect.unit, effect.meaning)
            for effect in known_effects(parameters)
            if _KNOB.match(effect.meaning) is None
        ],
        columns=["parameter", "value", "unit", "meaning"],
    )


def not_generated_table() -> pd.DataFrame:
    """Hypotheses without a true value, and why."""
    return pd.DataFrame([{"hypothesis": name, "why": why} for name, why in NOT_GENERATED.items()])


def matrix_table(matrix: pd.DataFrame) -> pd.DataFrame:
    """Why customers left against what they say, in percent."""
    words: Mapping[str, str] = {name: name.replace("_", " ") for name in matrix.columns}
    table = (100 * matrix).rename(columns=words, index=words)
    return table.rename_axis("left because of, and said in %")
