"""The page that opens every other: one card per question, with its status and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from loyaltylab.reports.page import fill_shell
from loyaltylab.reports.sanitise import SAFE_LINK, clean_html


@dataclass(frozen=True)
class IndexEntry:
    """One report in the index.

    Attributes
    ----------
    name : str
        Name of the notebook.
    title : str
        Its question.
    status : str
        The verdict in a word or two, for example "supported" or "not estimable".
    answer : str
        One sentence; may be empty.
    href : str
        Where the report is, relative to the index.
    """

    name: str
    title: str
    status: str
    answer: str
    href: str


def render_index(
    entries: Sequence[IndexEntry],
    *,
    banner_html: str,
    title: str = "Reports",
    introduction: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the index page.

    Parameters
    ----------
    entries : sequence of IndexEntry
        In reading order.
    banner_html : str
        The banner of the data behind the reports,
        see :func:`loyaltylab.reports.display.build_banner`.
    title : str
        The heading.
    introduction : str
        A sentence under the heading; plain text.
    links : sequence of (label, href)
        The navigation at the top.
    """
    for entry in entries:
        if not SAFE_LINK.match(entry.href):
            raise ValueError(f"the entry {entry.name!r} leads to {entry.href!r}, which is no page")
    return fill_shell(
        "index.html.j2",
        title=title,
        links=links,
        content={
            "entries": entries,
            "banner": Markup(clean_html(banner_html)),
            "introduction": introduction,
            "has_code": False,
        },
    )
