"""The questions a study asks, declared before anything is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class Question:
    """One report: what it asks, of whom, and what it needs.

    Attributes
    ----------
    name : str
        Name of the notebook, stage, finding and page.
    title : str
        The question.
    hypotheses, claims : tuple of str
        Which hypotheses and source claims it bears on.
    needs : tuple of str
        Tables without which nothing can be estimated.
    estimand : dict of str to str
        Population, time zero, contrast, outcome, horizon, measure; empty for a summary of others.
    identification : str
        What the design can and cannot identify.
    would_change : tuple of str
        What would change the answer.
    limits : tuple of str
        What the answer does not say.
    truth_needs : dict
        Values of the report's parameters under which ``truths`` are of its estimands.
    truths : dict of str to str
        Estimate -> id of the estimand of the synthetic provider that it is an estimate of.
    """

    name: str
    title: str
    hypotheses: tuple[str, ...]
    claims: tuple[str, ...]
    needs: tuple[str, ...]
    estimand: dict[str, str]
    identification: str
    would_change: tuple[str, ...]
    limits: tuple[str, ...]
    truth_needs: dict[str, Any]
    truths: dict[str, str]

    def truths_for(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Estimate -> estimand of the provider, for the values of this run; empty if none."""
        if any(parameters.get(name) != value for name, value in self.truth_needs.items()):
            return {}
        return {name: estimand.format(**parameters) for name, estimand in self.truths.items()}

    def estimand_for(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        """The estimand with the values of this run, such as the horizon, filled in."""
        return {part: text.format(**parameters) for part, text in self.estimand.items()}


def load_questions() -> dict[str, Question]:
    """Every question of ``questions.yaml``, by name."""
    text = resources.files("loyaltylab.findings").joinpath("questions.yaml").read_text("utf-8")
    lists = ("hypotheses", "claims", "needs", "would_change", "limits")
    return {
        name: Question(
            name=name,
            title=entry["title"],
            estimand=entry["estimand"],
            identification=entry["identification"],
            truth_needs=entry["true_values"]["when"],
            truths=entry["true_values"]["estimates"],
            **{key: tuple(entry[key]) for key in lists},
        )
        for name, entry in yaml.safe_load(text).items()
    }
