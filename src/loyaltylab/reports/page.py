"""One notebook, one self-contained page: no request, no script but a toggle, readable anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbformat import NotebookNode

from loyaltylab.errors import NotebookError
from loyaltylab.reports.cells import TEMPLATES, render_cells
from loyaltylab.reports.sanitise import SAFE_LINK
from loyaltylab.reports.structure import structure_body


def render_page(
    nb: NotebookNode,
    *,
    name: str,
    title: str | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """Return an executed, normalised notebook as one HTML file.

    Parameters
    ----------
    nb : NotebookNode
        What :func:`loyaltylab.reports.runner.run_notebook` returned.
    name : str
        Name of the notebook, for messages.
    title : str, optional
        Title of the browser tab; by default the notebook's own title.
    links : sequence of (label, href)
        The navigation at the top, for example ``[("All questions", "index.html")]``.

    Returns
    -------
    str
        The page; the same notebook gives the same bytes.

    Raises
    ------
    NotebookError
        A figure has no description, or something would have to be loaded.
    """
    try:
        html = render_cells(nb)
    except NotebookError as error:
        raise NotebookError(f"notebook {name}: {error.summary}", error.problems) from error
    body = structure_body(html, title=title or name)
    return fill_shell(
        "report.html.j2",
        title=title or body.title,
        links=links,
        content={
            "lead": Markup(body.lead),
            "rest": Markup(body.rest),
            "headings": body.headings,
            "has_code": body.has_code,
        },
    )


def fill_shell(
    template: str,
    *,
    title: str,
    links: Sequence[tuple[str, str]],
    content: Mapping[str, object],
) -> str:
    """Return a template filled in, with style, script and the policy that lets only those two run.

    Parameters
    ----------
    template : str
        A template that extends ``shell.html.j2``.
    title : str
        Title of the browser tab.
    links : sequence of (label, href)
        The navigation at the top.
    content : mapping
        What the template itself asks for. Text is escaped; HTML must be ``Markup``.
    """
    for label, href in links:
        if not SAFE_LINK.match(href):
            raise ValueError(f"the link {label!r} leads to {href!r}, which is no page")
    style, script = _asset("style.css"), _asset("toggle.js")
    page = (
        _environment()
        .get_template(template)
        .render(
            title=title,
            links=links,
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style=style, script=script),
            **content,
        )
    )
    return page.rstrip() + "\n"


def _policy(*, style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            "img-src data:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
