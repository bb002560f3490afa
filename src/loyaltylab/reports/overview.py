"""The findings in one table, for the terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from loyaltylab.findings import load_questions
from loyaltylab.params import load_parameters
from loyaltylab.reports.banner import write_banner
from loyaltylab.reports.whereabouts import read_findings
from loyaltylab.tables.storage import read_description

ANSWER_WIDTH = 76


def format_findings(root: Path) -> str:
    """Every finding with its verdict, and where the pages are.

    Parameters
    ----------
    root : Path
        The study's folder.

    Returns
    -------
    str
        Plain text, at most about 110 characters wide.
    """
    found = read_findings(root)
    width = max((len(name) for name in found), default=0)
    verdicts = max((len(finding["verdict"]) for finding in found.values()), default=0)
    lines = []
    for name in load_questions():
        if name not in found:
            continue
        answer = textwrap.wrap(found[name]["answer"], ANSWER_WIDTH) or [""]
        head = f"{name:<{width}}  {found[name]['verdict']:<{verdicts}}  "
        lines += [head + answer[0], *(" " * len(head) + line for line in answer[1:])]
    source = read_description(root / "data" / "tables")
    banner = textwrap.fill(write_banner(source, load_parameters(root)), 110)
    kind = "SYNTHETIC DATA. " if source.is_synthetic else ""
    page = root / "reports" / "index.html"
    return "\n".join(["", kind + banner, "", *lines, "", f"Open {page}"])
