"""The cells and outputs of a notebook as HTML: an nbconvert exporter with a template of our own."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbconvert import HTMLExporter
from nbformat import NotebookNode
from traitlets import default

from loyaltylab.errors import NotebookError
from loyaltylab.reports.parameters_cell import PARAMETERS_TAG, has_tag
from loyaltylab.reports.prose import escape_text, render_latex_output, render_markdown
from loyaltylab.reports.sanitise import clean_html

TEMPLATES = Path(__file__).parent / "templates"
# Needs a script or a plug-in: its whole output is left out.
DROPPED_TYPES = (
    "application/javascript",
    "application/vnd.jupyter.widget-view+json",
    "application/pdf",
)
IMAGE_TYPES = ("image/svg+xml", "image/png", "image/jpeg")
WIDE_FIGURE_PX = 480
PX_PER_UNIT = {"": 1.0, "px": 1.0, "pt": 96 / 72, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}


class CellsExporter(HTMLExporter):
    """Turns the cells of a notebook into the body of a page.

    Only the template beside this module is looked at: a template in the user's Jupyter folders
    cannot change a report.
    """

    template_file = "body.html.j2"

    @default("template_paths")
    def _own_templates(self) -> list[str]:
        return [str(TEMPLATES)]

    def default_filters(self) -> Iterator[tuple[str, Callable[..., str]]]:
        """Add the filters that body.html.j2 uses."""
        yield from super().default_filters()
        yield "prose", render_markdown_cell
        yield "code_label", label_code
        yield "output_html", render_output


def render_cells(nb: NotebookNode) -> str:
    """Return every cell of a notebook as HTML, in order.

    Raises
    ------
    NotebookError
        A figure has no description, an image is not in the notebook, or a formula is malformed.
    """
    body, _ = CellsExporter().from_notebook_node(nb)
    return str(body)


def render_markdown_cell(cell: NotebookNode, number: int) -> str:
    """Return a Markdown cell as harmless HTML."""
    html = render_markdown(cell.source)
    _check_images(html, where=f"cell {number} (Markdown)")
    return html


def label_code(cell: NotebookNode) -> str:
    """Return what the fold over a code cell says."""
    return "Parameters" if has_tag(cell, PARAMETERS_TAG) else "Code"


def render_output(output: NotebookNode, cell: NotebookNode) -> str:
    """Return one output of a code cell as harmless HTML."""
    if output.output_type == "stream":
        return _stream(output, where=cell.id)
    if output.output_type == "error":
        raise NotebookError(f"{cell.id} failed with {output.ename}; a failed run makes no page")
    data: Mapping[str, Any] = output.data
    if any(kind in data for kind in DROPPED_TYPES):
        return ""
    for kind in IMAGE_TYPES:
        if kind in data:
            return _figure(data[kind], kind=kind, metadata=output.metadata, where=cell.id)
    if "text/html" in data:
        html = clean_html(data["text/html"])
        _check_images(html, where=cell.id)
        return html
    if "text/markdown" in data:
        return render_markdown(data["text/markdown"])
    if "text/latex" in data:
        return render_latex_output(data["text/latex"])
    return _text_region(data.get("text/plain", ""), kind="result", where=cell.id)


def _stream(output: NotebookNode, *, where: str) -> str:
    if not output.text.strip():
        return ""
    if output.name == "stdout":
        return _text_region(output.text, kind="stream", where=where)
    return (
        '<div class="stream-warning" role="note"><p class="block-title"><strong>Message from the '
        f"code</strong></p><pre>{escape_text(output.text.strip())}</pre></div>"
    )


def _text_region(text: str, *, kind: str, where: str) -> str:
    if not text.strip():
        return ""
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="Output of {where}">'
        f"<pre>{escape_text(text.rstrip())}</pre></div>"
    )


def _figure(data: str, *, kind: str, metadata: Mapping[str, Any], where: str) -> str:
    words = {**metadata, **metadata.get(kind, {})}
    alt, caption = str(words.get("alt", "")).strip(), str(words.get("caption", "")).strip()
    if not alt:
        raise NotebookError(
            f"{where} shows a figure without a description",
            [
                "every figure needs alt text for readers who cannot see it; "
                "show it with loyaltylab.reports.display.show_figure"
            ],
        )
    encoded = _base64(data, kind=kind)
    width, height = _svg_size(data) if kind == "image/svg+xml" else (0, 0)
    size = f' width="{width}" height="{height}"' if width and height else ""
    image = f'<img alt="{escape_text(alt)}" src="data:{kind};base64,{encoded}"{size}>'
    label = f"<figcaption>{escape_text(caption)}</figcaption>" if caption else ""
    if width <= WIDE_FIGURE_PX:
        return f'<figure class="figure">{image}{label}</figure>'
    name = escape_text(f"Figure: {caption}" if caption else f"Figure of {where}")
    return (
        '<figure class="figure wide"><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{name}">{image}</div>{label}</figure>'
    )


def _base64(data: str, *, kind: str) -> str:
    if kind == "image/svg+xml":
        return base64.b64encode(data.encode()).decode("ascii")
    return "".join(data.split())


def _svg_size(svg: str) -> tuple[int, int]:
    """Return the width and height of a drawing in CSS pixels; zeros when it does not say."""
    root = re.search(r"<svg\b[^>]*>", svg)
    sizes = []
    for side in ("width", "height"):
        found = root and re.search(rf'\b{side}="([\d.]+)(px|pt|in|cm|mm|)"', root[0])
        sizes.append(round(float(found[1]) * PX_PER_UNIT[found[2]]) if found else 0)
    return sizes[0], sizes[1]


def _check_images(html: str, *, where: str) -> None:
    for image in re.findall(r"<img\b[^>]*>", html):
        if " src=" not in image:
            problem = "shows an image whose bytes are not in the notebook; a page loads nothing"
        elif not re.search(r'\balt="[^"]*\S[^"]*"', image):
            problem = "shows an image without a description (alt text)"
        else:
            continue
        raise NotebookError(f"{where} {problem}", ["draw it with show_figure instead"])
