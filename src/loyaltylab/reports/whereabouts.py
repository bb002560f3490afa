"""Where a study is, and what it already holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loyaltylab.errors import ParameterError
from loyaltylab.findings import Question, load_questions
from loyaltylab.params import PARAMS_FILE


def find_root() -> Path:
    """The study's folder: the nearest one upwards that holds params.yaml."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PARAMS_FILE).is_file():
            return folder
    raise ParameterError(
        f"No {PARAMS_FILE} here or in any folder above; work inside the study's folder."
    )


def read_findings(root: Path) -> dict[str, dict[str, Any]]:
    """Every stored finding by name, in the order of the questions."""
    paths = {name: root / "findings" / f"{name}.json" for name in load_questions()}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.is_file()
    }


def missing_tables(question: Question, folder: Path) -> tuple[str, ...]:
    """Tables the question needs and the source did not deliver."""
    return tuple(name for name in question.needs if not (folder / f"{name}.parquet").is_file())


def not_estimable_text(missing: tuple[str, ...]) -> str:
    """The sentence for a question that the source cannot answer."""
    return (
        f"Not estimable: needs {' and '.join(missing)}. The source did not deliver "
        f"{'this table' if len(missing) == 1 else 'these tables'}; data/README.md says what "
        f"{'it holds' if len(missing) == 1 else 'they hold'}."
    )
