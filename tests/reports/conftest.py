"""Small notebooks, and a browser where one is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from headless_browser import Browser, find_binary
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from loyaltylab.reports.notebook_source import dump_notebook, strip_notebook
from loyaltylab.reports.runner import run_notebook

WriteNotebook = Callable[..., Path]

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="576pt" height="288pt" viewBox="0 0 576 288">'
    '<path d="M10 20L560 200" stroke="#0a5a70" fill="none" style="stroke-width:4"/></svg>'
)
SHOW_EVERYTHING = (
    """
from types import SimpleNamespace

import pandas as pd

from loyaltylab.reports import display as show

show.show_banner("A simulated provider.", nature="synthetic")
show.show_answer(f"After {horizon_days} days 71 percent remain.")
show.show_definitions([("Population", "all customers")], label="What is estimated")
""",
    f"""
show.show_figure(SimpleNamespace(svg={SVG!r}, alt="A falling line.", caption="Retention"))
""",
    """
wide = pd.DataFrame({f"Month {n}": [n * 1234.5] for n in range(1, 15)})
show.show_table(wide, caption="Revenue by month", digits=1)
wide
""",
    """
import sys

print(wide, object())
print("two customers were tied", file=sys.stderr)
show.show_caveats(["One provider only."])
show.show_not_estimable("Needs the table payments.")
show.show_note("A share of **0.71**.")
show.show_provenance({"Seed": "1"})
""",
)


def build_notebook(
    *code: str, parameters: str = "horizon_days = 365  # days", prose: Sequence[str] = ()
) -> NotebookNode:
    """Return a notebook: title, parameters, prose, code."""
    cells = [
        new_markdown_cell("# Do customers stay?"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        *(new_markdown_cell(text) for text in prose),
        *(new_code_cell(source.strip()) for source in code),
    ]
    return strip_notebook(new_notebook(cells=cells))


@pytest.fixture
def write_notebook(tmp_path: Path) -> WriteNotebook:
    def write(
        *code: str,
        name: str = "retention",
        folder: Path | None = None,
        parameters: str = "horizon_days = 365  # days",
        prose: Sequence[str] = (),
    ) -> Path:
        path = (folder or tmp_path) / f"{name}.ipynb"
        nb = build_notebook(*code, parameters=parameters, prose=prose)
        path.write_text(dump_notebook(nb), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A notebook that shows everything, run twice in folders of different names."""
    runs = []
    for folder_name in ("plain", "with a space"):
        folder = tmp_path_factory.mktemp("run") / folder_name
        folder.mkdir()
        path = folder / "retention.ipynb"
        prose = [
            "## Méthode & data\n\nWith $S(t) = e^{-t}$ it costs $5 to $10.",
            "## Data\n\nText.",
        ]
        path.write_text(dump_notebook(build_notebook(*SHOW_EVERYTHING, prose=prose)), "utf-8")
        runs.append(
            run_notebook(
                path,
                parameters={"horizon_days": 180},
                working_folder=folder,
                debug_folder=folder / "debug",
            )
        )
    return SimpleNamespace(first=runs[0], second=runs[1])


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    binary = find_binary()
    if binary is None:
        pytest.skip("no Chromium binary is installed")
    session = Browser(binary, tmp_path_factory.mktemp("profile"))
    yield session
    session.close()
