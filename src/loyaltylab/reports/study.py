"""A study as a notebook sees it: the data, the question, and where results go."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import metadata, resources
from pathlib import Path
from typing import Any, TypeVar, Unpack

import pandas as pd

from loyaltylab.analyses.study_data import StudyData, take_first_lives
from loyaltylab.errors import NotEstimableError, ParameterError
from loyaltylab.figures import Figure
from loyaltylab.findings import (
    VERDICT_MEANINGS,
    Finding,
    JudgedHypothesis,
    Question,
    checks_table,
    gather_evidence,
    guard_all,
    hypotheses_hash,
    judge_hypothesis,
    load_hypotheses,
    load_questions,
    make_finding,
)
from loyaltylab.findings.audits import guard_audit
from loyaltylab.findings.disclosure import hide_rare_values
from loyaltylab.findings.evidence import HeldAgainst
from loyaltylab.findings.finding import Verdict
from loyaltylab.findings.verdicts import Identification
from loyaltylab.measures import describe_covariates
from loyaltylab.params import Parameters, load_parameters
from loyaltylab.reports import display
from loyaltylab.reports.banner import write_banner
from loyaltylab.reports.whereabouts import (
    find_root,
    missing_tables,
    not_estimable_text,
    read_findings,
)
from loyaltylab.survival import Estimate
from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.storage import csv_text, read_description, read_tables, write_json
from loyaltylab.tables.writing import write_text
from loyaltylab.validation import check_validation

T = TypeVar("T")
OUTPUT_VARIABLE = "LOYALTYLAB_OUTPUT"
SCRATCH = "scratch"
DRAWN = ("curve", "rate")
LOCK_FILE = "requirements.lock"
PACKAGES = ("matplotlib", "numba", "numpy", "pandas", "scipy")  # numbers depend on these


@dataclass(frozen=True)
class Study:
    """Everything one notebook needs.

    Attributes
    ----------
    question : Question
        What the notebook asks, as declared.
    root : Path
        The study's folder.
    parameters : Parameters
        All of params.yaml.
    run : dict
        The values of this notebook's parameters cell.
    source : SourceDescription
        What the data are.
    """

    question: Question
    root: Path
    parameters: Parameters
    run: dict[str, Any]
    source: SourceDescription
    _shown: list[tuple[str, str, str]] = field(default_factory=list, repr=False)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Valid, pseudonymous tables by name; an absent table has no key.

        A segment, site or attribute of too few customers counts as not recorded: it would name
        a group that may not be shown.
        """
        tables = read_tables(self.root / "data" / "tables")
        customers = hide_rare_values(tables["customers"], min_cell=self.min_cell)
        return tables | {"customers": customers}

    @cached_property
    def spells(self) -> pd.DataFrame:
        """Spells at risk; see :func:`loyaltylab.timeline.build_spells`."""
        spells = pd.read_parquet(self.root / "data" / "timeline" / "spells.parquet")
        known = self.tables["customers"]
        return spells.assign(
            **{
                name: spells[name].where(spells[name].isin(known[name].dropna()))
                for name in ("segment", "site")
                if name in spells and name in known
            }
        )

    @cached_property
    def rows(self) -> pd.DataFrame:
        """(start, stop] rows with every covariate; see :mod:`loyaltylab.timeline.rows`."""
        return pd.read_parquet(self.root / "data" / "timeline" / "rows.parquet")

    @property
    def min_cell(self) -> int:
        """Smallest number of customers a published number may rest on."""
        return self.parameters.disclosure.min_cell

    @property
    def confidence_level(self) -> float:
        """Confidence level of every interval."""
        return self.parameters.study.confidence_level

    @property
    def stamp(self) -> str:
        """What every figure says about its data."""
        if self.source.is_synthetic:
            return f"SYNTHETIC DATA, no real customers (seed {self.parameters.study.seed})"
        return f"Data: {self.source.label}"

    def has(self, table: str, *columns: str) -> bool:
        """Whether the source delivered a table, and anything in these columns of it."""
        return table in self.tables and all(
            self.tables[table][column].notna().any() for column in columns
        )

    @property
    def first_lives(self) -> pd.DataFrame:
        """The spells of customers who have never left before."""
        return self.spells[self.spells["spell_number"] == 1].reset_index(drop=True)

    def guard(self, content: T) -> T:
        """Suppress every estimate in it that rests on too few customers; before any wording."""
        return guard_all(content, min_cell=self.min_cell)

    def covariate_meanings(self) -> dict[str, str]:
        """What each covariate of ``rows`` means, in words."""
        return describe_covariates(self.parameters.timeline.memory_days)

    def audit(self, stage: str) -> dict[str, Any]:
        """What was counted while building ``tables`` or ``timeline``, without small counts."""
        path = self.root / "data" / "audits" / f"{stage}.json"
        counted = json.loads(path.read_text(encoding="utf-8"))
        return guard_audit(stage, counted, min_cell=self.min_cell)

    def findings(self) -> dict[str, dict[str, Any]]:
        """Every stored finding of another report on these very data that bears on a hypothesis."""
        questions = load_questions()
        return {
            name: finding
            for name, finding in read_findings(self.root).items()
            if name != self.question.name
            and questions[name].hypotheses
            and finding["source"]["data_hash"] == self.source.data_hash
        }

    @cached_property
    def data(self) -> StudyData:
        """First lives, their rows and the tables, as every analysis takes them."""
        return take_first_lives(
            self.tables,
            self.spells,
            self.rows,
            window_start_at=self.source.window_start_at,
            window_end_at=self.source.window_end_at,
        )

    def judge(
        self,
        name: str,
        estimate: Estimate | None,
        *,
        estimate_name: str,
        identification: Identification,
        is_of_exits: bool = False,
        **held_against: Unpack[HeldAgainst],
    ) -> JudgedHypothesis:
        """Judge a hypothesis, also by how its method did on known truths.

        A confirmatory one whose method was not tried says so.

        See :func:`loyaltylab.findings.gather_evidence`.
        """
        hypothesis = load_hypotheses()[name]
        validation = check_validation(self.root, name)
        if hypothesis.family == "confirmatory" or validation.status != "not run":
            held_against["diagnostics"] = (*held_against.get("diagnostics", ()), validation)
        evidence = gather_evidence(
            hypothesis,
            estimate,
            identification=identification,
            is_of_exits=is_of_exits,
            **held_against,
        )
        return judge_hypothesis(
            hypothesis, estimate_name=estimate_name, evidence=evidence, min_cell=self.min_cell
        )

    def show_judgements(self, judged: Sequence[JudgedHypothesis]) -> None:
        """Show why each hypothesis, and its decision, was judged as it was, with every check."""
        for one in judged:
            title = f"{one.hypothesis.name}, {one.judgement.verdict}: {one.hypothesis.title}"
            display.show_caveats(one.judgement.reasons, title=title)
            if one.decision is not None:
                title = f"The decision, {one.decision.verdict}: {one.hypothesis.decision}"
                display.show_caveats(one.decision.reasons, title=title)
        display.show_table(checks_table(judged), caption="What could have overturned the verdict.")

    def make_finding(
        self,
        *,
        verdict: Verdict,
        answer: str,
        headline: str,
        estimates: Mapping[str, Estimate],
        checks: Mapping[str, Any] | None = None,
        caveats: tuple[str, ...] = (),
        judged: Sequence[JudgedHypothesis] = (),
    ) -> Finding:
        """A finding of this study; see :func:`loyaltylab.findings.make_finding`."""
        return make_finding(
            self.question,
            verdict=verdict,
            answer=answer,
            headline=headline,
            estimates=estimates,
            source=self.source,
            parameters=self.run,
            provenance=self.provenance(),
            min_cell=self.min_cell,
            checks=checks,
            caveats=(*self.source.notes, *caveats),
            judged=judged,
        )

    def provenance(self) -> dict[str, Any]:
        """Parameters, versions and hashes: the same on every machine."""
        questions = resources.files("loyaltylab.findings").joinpath("questions.yaml").read_bytes()
        lock = self.root / LOCK_FILE
        return {
            "parameters": dict(self.run),
            "source_parameters": self.parameters.source.model_dump(),
            "seed": self.parameters.study.seed,
            "confidence_level": self.confidence_level,
            "min_cell": self.min_cell,
            "data_hash": self.source.data_hash,
            "questions_hash": hashlib.sha256(questions).hexdigest(),
            "hypotheses_hash": hypotheses_hash(),
            "lock_hash": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None,
            "versions": {
                "loyaltylab": metadata.version("loyaltylab"),
                **{name: metadata.version(name) for name in PACKAGES},
            },
        }

    def show_opening(self, finding: Finding) -> None:
        """Show the answer, how far it may be taken, and what exactly is estimated."""
        if finding.verdict == "not estimable":
            display.show_not_estimable(finding.answer)
        else:
            display.show_answer(finding.answer)
        if not finding.estimand:
            return
        words = {
            part.replace("_", " ").capitalize(): text for part, text in finding.estimand.items()
        }
        words["Verdict"] = f"{finding.verdict}: {VERDICT_MEANINGS[finding.verdict]}"
        words["Identification"] = self.question.identification
        display.show_definitions(words, label="What is estimated")

    def show_banner(self) -> None:
        """Show what kind of data stands behind the page, and the observation window."""
        text = write_banner(self.source, self.parameters)
        display.show_banner(text, nature=self.source.nature)

    def show_figure(self, figure: Figure, *, name: str) -> None:
        """Show a figure, and keep its drawing and its numbers under ``name``."""
        folder = self._output("figures") / self.question.name
        write_text(folder / f"{name}.svg", figure.svg)
        for suffix, frame in _parts(figure.data).items():
            text = csv_text(frame, float_format="%.8g")
            write_text(folder / f"{name}{suffix}.csv", text)
        self._shown.append((name, figure.caption, figure.alt))
        display.show_figure(figure)

    def show_closing(self, finding: Finding) -> None:
        """Show caveats, what would change the answer, limits and provenance; keep the finding."""
        if finding.caveats:
            display.show_caveats(finding.caveats)
        if self.question.would_change:
            display.show_caveats(self.question.would_change, title="What would change the answer")
        if self.question.limits:
            display.show_caveats(self.question.limits, title="Limits")
        display.show_provenance(_flatten(finding.provenance))
        write_json(self._output("findings") / f"{finding.name}.json", asdict(finding))
        metrics = {
            name: {key: estimate[key] for key in ("value", "ci_lower", "ci_upper")}
            for name, estimate in finding.estimates.items()
        }
        shown = pd.DataFrame(self._shown, columns=["figure", "caption", "description"])
        folder = self._output("figures") / self.question.name
        write_text(folder / "figures.csv", csv_text(shown))
        write_json(self._output("metrics") / f"{finding.name}.json", metrics)

    def _output(self, kind: str) -> Path:
        """Where results go: the runner's folder, or scratch/ when working by hand."""
        chosen = os.environ.get(OUTPUT_VARIABLE)
        folder = Path(chosen) if chosen else self.root / SCRATCH
        return folder / kind


def open_study(name: str, *, allow_missing: bool = False, **run: Any) -> Study:
    """Open the study for one notebook.

    Parameters
    ----------
    name : str
        Name of the notebook and of its question.
    allow_missing : bool
        Open it even if the source lacks tables the question needs.
    **run
        The values of the notebook's parameters cell.

    Returns
    -------
    Study

    Raises
    ------
    NotEstimableError
        If the source lacks a table that the question needs.
    ParameterError
        If the study's folder, its tables or the question cannot be found.

    Examples
    --------
    >>> study = open_study("retention", horizon_months=24)  # doctest: +SKIP
    """
    questions = load_questions()
    if name not in questions:
        raise ParameterError(f"There is no question '{name}'; there are {', '.join(questions)}.")
    root = find_root()
    folder = root / "data" / "tables"
    if not folder.is_dir():
        raise ParameterError("There are no tables yet. Run `make repro` (or `dvc repro`) first.")
    study = Study(questions[name], root, load_parameters(root), dict(run), read_description(folder))
    missing = missing_tables(study.question, folder)
    if missing and not allow_missing:
        raise NotEstimableError(not_estimable_text(missing))
    return study


def _parts(data: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The numbers of a figure by element; what is drawn as such has no suffix."""
    if "element" not in data:
        return {"": data}
    return {
        "" if element in DRAWN else f"_{element}": part.drop(columns="element").dropna(
            axis="columns", how="all"
        )
        for element, part in data.groupby("element", sort=True)
    }


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in content.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            flat |= _flatten(value, prefix=f"{name}: ")
        else:
            flat[name] = "none" if value is None else str(value)
    return flat
