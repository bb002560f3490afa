"""What a notebook shows: banner, answer, estimand, tables, figures, caveats, provenance.

Each function publishes one block that reads well in JupyterLab and in the page. Every text is
escaped, so that a value from the data can never become markup.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from loyaltylab.reports.table_markup import build_table
from loyaltylab.tables.delivery import Nature

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "build_banner",
    "show_answer",
    "show_banner",
    "show_caveats",
    "show_definitions",
    "show_figure",
    "show_not_estimable",
    "show_note",
    "show_provenance",
    "show_table",
]


NATURES: dict[Nature, str] = {
    "synthetic": "Synthetic data",
    "sample": "Sample data",
    "real": "Real data",
}


class FigureLike(Protocol):
    """A finished figure: its drawing, what it says in words, and its caption."""

    @property
    def svg(self) -> str:
        """The drawing as an SVG document."""

    @property
    def alt(self) -> str:
        """What a reader who cannot see the drawing needs to know."""

    @property
    def caption(self) -> str:
        """The line under the drawing."""


def build_banner(text: str, *, nature: Nature) -> str:
    """Return the HTML of a banner; the index page shows the same one as the reports."""
    return (
        f'<div class="banner banner-{nature}" role="note"><p><strong>{NATURES[nature]}.</strong> '
        f"{html.escape(text)}</p></div>"
    )


def show_banner(text: str, *, nature: Nature) -> None:
    """Show what kind of data stands behind everything below.

    Parameters
    ----------
    text : str
        Source and observation window, in a sentence; what kind of data they are goes before it.
    nature : {"synthetic", "sample", "real"}
        Simulated here, a published example, or real customers.
    """
    _publish(build_banner(text, nature=nature), plain=text)


def show_answer(text: str) -> None:
    """Show the answer to the notebook's question, in a sentence or two."""
    _publish(_block("answer", title="Answer", inner=_paragraph(text)), plain=f"Answer: {text}")


def show_definitions(pairs: Mapping[str, str] | Iterable[tuple[str, str]], *, label: str) -> None:
    """Show what exactly is estimated: population, exposure, outcome, contrast, …

    Parameters
    ----------
    pairs : mapping, or iterable of (term, meaning)
        In reading order.
    label : str
        The heading of the list, for example "What is estimated".
    """
    _publish_pairs("estimand", pairs=pairs, label=label)


def show_provenance(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
    """Show where the numbers come from: source, window, seed, versions."""
    _publish_pairs("provenance", pairs=pairs, label="Provenance")


def show_caveats(items: Iterable[str], *, title: str = "Read with care") -> None:
    """Show the assumptions and weaknesses a reader has to know, one per item."""
    texts = [str(item) for item in items]
    inner = "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in texts) + "</ul>"
    plain = "\n".join([title, *(f"- {text}" for text in texts)])
    _publish(_block("caveats", title=title, inner=inner), plain=plain)


def show_not_estimable(text: str) -> None:
    """Show that the question has no answer with these data, and what it would take."""
    block = _block("not-estimable", title="Not estimable", inner=_paragraph(text))
    _publish(block, plain=f"Not estimable: {text}")


def show_note(text: str) -> None:
    """Show a paragraph whose numbers were computed; Markdown."""
    _publish_bundle({"text/markdown": text, "text/plain": text})


def show_table(frame: pd.DataFrame, *, caption: str, digits: int | Mapping[str, int] = 2) -> None:
    """Show a table with a caption.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per row. The index is shown only if its levels have names.
    caption : str
        What the table holds, with units.
    digits : int or mapping of column to int
        Decimals of the fractional numbers; columns a mapping leaves out get two.
    """
    _publish(build_table(frame, caption=caption, digits=digits), plain=f"{caption}\n{frame}")


def show_figure(figure: FigureLike) -> None:
    """Show a figure with its caption and its description.

    Raises
    ------
    ValueError
        The description is empty.
    """
    if not figure.alt.strip():
        raise ValueError("a figure needs a description for readers who cannot see it: set alt")
    encoded = base64.b64encode(figure.svg.encode()).decode("ascii")
    markup = (
        f'<figure class="figure"><img alt="{html.escape(figure.alt)}" '
        f'src="data:image/svg+xml;base64,{encoded}">'
        f"<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
    )
    _publish_bundle(
        {"image/svg+xml": figure.svg, "text/html": markup, "text/plain": figure.alt},
        metadata={"image/svg+xml": {"alt": figure.alt, "caption": figure.caption}},
    )


def _publish_pairs(
    kind: str, *, pairs: Mapping[str, str] | Iterable[tuple[str, str]], label: str
) -> None:
    items = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    rows = (f"<dt>{html.escape(str(k))}</dt><dd>{html.escape(str(v))}</dd>" for k, v in items)
    inner = f"<dl>{''.join(rows)}</dl>"
    plain = "\n".join([label, *(f"{key}: {value}" for key, value in items)])
    _publish(_block(kind, title=label, inner=inner), plain=plain)


def _block(kind: str, *, title: str, inner: str) -> str:
    name = html.escape(title)
    return (
        f'<div class="{kind}" role="group" aria-label="{name}">'
        f'<p class="block-title"><strong>{name}</strong></p>{inner}</div>'
    )


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def _publish(markup: str, *, plain: str) -> None:
    _publish_bundle({"text/html": markup, "text/plain": plain})


def _publish_bundle(data: dict[str, str], *, metadata: dict[str, Any] | None = None) -> None:
    from IPython.display import publish_display_data  # only inside a notebook

    publish_display_data(data, metadata=metadata or {})
