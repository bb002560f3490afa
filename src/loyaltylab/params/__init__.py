"""The parameters of a study: the only reader of params.yaml."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from loyaltylab.errors import ParameterError
from loyaltylab.params.section import NotNegative, Positive, Section
from loyaltylab.params.synthetic import SyntheticParameters
from loyaltylab.params.traps import STOPPING_TRAPS, find_unknown_traps

__all__ = [
    "PARAMS_FILE",
    "DisclosureParameters",
    "Parameters",
    "SourceParameters",
    "StudyParameters",
    "SyntheticParameters",
    "TimelineParameters",
    "did_you_mean",
    "load_parameters",
    "parse_parameters",
    "repeated_keys",
]

PARAMS_FILE = "params.yaml"


class SourceParameters(Section):
    """Where the tables come from."""

    kind: Literal["synthetic", "delimited", "excel", "parquet", "sql", "zendesk"]
    mapping: str | None = None

    @model_validator(mode="after")
    def _files_need_a_mapping(self) -> SourceParameters:
        if self.kind != "synthetic" and not self.mapping:
            raise ValueError(
                f"kind is '{self.kind}' but mapping is empty; name a YAML file under data/mappings/"
            )
        return self


class StudyParameters(Section):
    """What every stage shares."""

    seed: Annotated[int, Field(ge=0)]
    confidence_level: Annotated[float, Field(gt=0.5, lt=1)]
    acknowledged_traps: tuple[str, ...] = ()

    @field_validator("acknowledged_traps")
    @classmethod
    def _traps_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in find_unknown_traps(names):
            raise ValueError(
                f"'{name}' is no trap that stops the study{did_you_mean(name, STOPPING_TRAPS)}; "
                f"these do: {', '.join(STOPPING_TRAPS)}"
            )
        return names


class TimelineParameters(Section):
    """How contracts become spells at risk."""

    merge_gap_days: NotNegative
    memory_days: Positive


class DisclosureParameters(Section):
    """What may leave: no cell below this many customers."""

    min_cell: Annotated[int, Field(ge=1)]


class Parameters(Section):
    """Every section of params.yaml; ``reports`` holds one section per notebook."""

    source: SourceParameters
    study: StudyParameters
    synthetic: SyntheticParameters
    timeline: TimelineParameters
    disclosure: DisclosureParameters
    reports: dict[str, dict[str, Any]]


def load_parameters(root: Path) -> Parameters:
    """Read and check params.yaml.

    Parameters
    ----------
    root : Path
        The study's folder, which holds params.yaml and notebooks/.

    Returns
    -------
    Parameters
        Typed and frozen.

    Raises
    ------
    ParameterError
        With every unknown, missing or ill-typed key at once.
    """
    path = root / PARAMS_FILE
    try:
        text = path.read_text(encoding="utf-8")
        repeated = repeated_keys(text)
        loaded = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise ParameterError(f"{PARAMS_FILE} is missing from the study's folder.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2020-02-30, or bytes
        raise ParameterError(f"{PARAMS_FILE} is not valid YAML.", [str(error)]) from error
    if repeated:
        raise ParameterError(f"{PARAMS_FILE} says something twice:", repeated)
    if not isinstance(loaded, dict):
        raise ParameterError(f"{PARAMS_FILE} must hold sections, each with its keys.")
    notebooks = sorted(notebook.stem for notebook in (root / "notebooks").glob("*.ipynb"))
    return parse_parameters(loaded, notebooks=notebooks)


def parse_parameters(sections: dict[str, Any], *, notebooks: list[str]) -> Parameters:
    """Check sections against the schema; a section named after a notebook is that report's.

    Parameters
    ----------
    sections : dict
        Section name -> its keys; an empty section has only defaults.
    notebooks : list of str
        Names of the notebooks, without .ipynb.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        With every problem found.
    """
    fixed = [name for name in Parameters.model_fields if name != "reports"]
    problems = [
        f"section '{name}' is unknown{did_you_mean(str(name), fixed + notebooks)}; "
        "a section is one of the fixed ones or has the name of a notebook"
        for name in sections
        if name not in fixed and name not in notebooks
    ]
    problems += [
        f"the notebook notebooks/{name}.ipynb has the name of a fixed section; rename it"
        for name in notebooks
        if name in fixed
    ]
    problems += [f"section '{name}' is missing" for name in fixed if name not in sections]
    problems += [
        f"section '{name}' is missing: the notebook notebooks/{name}.ipynb needs it"
        for name in notebooks
        if name not in sections
    ]
    filled = {name: {} if keys is None else keys for name, keys in sections.items()}
    known = {name: filled[name] for name in fixed if name in sections}
    known["reports"] = {name: filled.get(name, {}) for name in notebooks}
    try:
        parameters = Parameters.model_validate(known)
    except ValidationError as error:
        problems += [_explain(item) for item in error.errors() if item["loc"][0] in known]
    if problems:
        raise ParameterError(
            f"{PARAMS_FILE} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:",
            problems,
        )
    return parameters


def _explain(item: Any) -> str:
    # A report's section is written on its own, not under 'reports'.
    place = [str(part) for part in item["loc"] if part != "reports"]
    key = ".".join(place)
    if item["type"] == "extra_forbidden":
        model = Parameters.model_fields[place[0]].annotation
        names = list(getattr(model, "model_fields", {}))
        return f"{key} is unknown{did_you_mean(place[-1], names)}"
    if item["type"] == "missing":
        return f"{key} is missing"
    message = item["msg"].removeprefix("Value error, ")
    # A rule across keys carries the whole section as its input, which would drown the message.
    got = "" if isinstance(item["input"], dict) else f", got {item['input']!r}"
    return f"{key}: {message[0].lower()}{message[1:]}{got}"


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The hint for a misspelt name, or nothing when no candidate is close.

    Example
    -------
    >>> did_you_mean("Sead", ["seed", "mapping"])
    " (did you mean 'seed'?)"
    """
    lower = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    return f" (did you mean '{lower[close[0]]}'?)" if close else ""


def repeated_keys(text: str) -> list[str]:
    """Keys that stand twice in one place of a YAML text; YAML itself keeps the last, silently.

    Example
    -------
    >>> repeated_keys("seed: 1\\nseed: 2\\n")
    ["'seed' stands twice (line 2)"]
    """
    found, waiting, seen_nodes = [], [yaml.compose(text)], set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen_nodes:  # an alias, perhaps of the node that holds it
            continue
        seen_nodes.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if isinstance(node, yaml.MappingNode):
            names = set()
            for key, value in node.value:
                name = str(key.value)
                if name in names:
                    found.append(f"'{name}' stands twice (line {key.start_mark.line + 1})")
                names.add(name)
                waiting.append(value)
    return found
