"""Markdown to HTML, with formulas as MathML that needs no script."""

from __future__ import annotations

import html
import re
from typing import Any

import mistune
from latex2mathml.converter import convert

from loyaltylab.errors import NotebookError
from loyaltylab.reports.sanitise import clean_html

# A formula's dollar signs are tight: no space inside either of them, no letter or digit close
# outside; one that starts with a digit holds no plain word. So "from $5 to $10" and "$5, or 6$"
# stay amounts of money.
NOT_MONEY = r"(?!\d[^$\\{}]*\b[A-Za-z]{2,}\b[^$\\{}]*\$)"
INLINE_FORMULA = (
    r"(?<![\w\\$])\$(?![\s$])"
    + NOT_MONEY
    + r"(?P<inline_text>(?:[^$\\\n]|\\.)*?(?<!\s))\$(?![\w$])"
)
DISPLAY_FORMULA = r"\$\$(?P<display_text>(?:[^$\\]|\\.)+?)\$\$"
FORMULA_BLOCK = r"^ {0,3}\$\$(?P<block_text>(?:[^$\\]|\\.)+?)\$\$[ \t]*(?:\n|$)"


def render_markdown(text: str) -> str:
    """Return Markdown as harmless HTML.

    Tables, strikethrough and definition lists work as in Jupyter; ``$…$`` and ``$$…$$`` become
    MathML.

    Raises
    ------
    NotebookError
        A formula cannot be read.
    """
    rendered = _MARKDOWN(text)
    return clean_html(str(rendered))


def render_formula(latex: str, *, is_block: bool) -> str:
    """Return a LaTeX formula as MathML; the source is its accessible name.

    Raises
    ------
    NotebookError
        The formula cannot be read.
    """
    source = latex.strip()
    if len(re.findall(r"(?<!\\)\{", source)) != len(re.findall(r"(?<!\\)\}", source)):
        raise NotebookError(f"the formula ${source}$ cannot be shown: its braces do not match")
    try:
        mathml = convert(source, display="block" if is_block else "inline")
    except Exception as error:  # the converter raises its own and bare exceptions alike
        raise NotebookError(f"the formula ${source}$ cannot be shown: {error!r}") from error
    unknown = re.search(r"<mi>(\\\w+)</mi>", mathml)
    if unknown is not None:
        raise NotebookError(f"the formula ${source}$ cannot be shown: {unknown[1]} is unknown")
    # The converter does not escape \text{…}: it passes the allow-list like everything else.
    return clean_html(mathml)


def render_latex_output(latex: str) -> str:
    """Return a ``text/latex`` output, with or without its dollar signs, as MathML."""
    bare = latex.strip()
    is_block = not re.fullmatch(r"\$(?!\$)[^$]*\$", bare) or r"\displaystyle" in bare
    return render_formula(bare.strip("$").replace(r"\displaystyle", ""), is_block=is_block)


def _formulas(markdown: mistune.Markdown) -> None:
    inline, block = markdown.inline, markdown.block
    inline.register("inline_formula", INLINE_FORMULA, _parse_inline, before="link")
    inline.register("display_formula", DISPLAY_FORMULA, _parse_display, before="inline_formula")
    block.register("formula_block", FORMULA_BLOCK, _parse_block, before="list")
    if markdown.renderer is not None and markdown.renderer.NAME == "html":
        renderer: Any = markdown.renderer
        renderer.register("inline_formula", lambda _, text: render_formula(text, is_block=False))
        renderer.register("formula_block", lambda _, text: render_formula(text, is_block=True))


def _parse_inline(_: Any, match: re.Match[str], state: Any) -> int:
    state.append_token({"type": "inline_formula", "raw": match["inline_text"]})
    return match.end()


def _parse_display(_: Any, match: re.Match[str], state: Any) -> int:
    state.append_token({"type": "formula_block", "raw": match["display_text"]})
    return match.end()


def _parse_block(_: Any, match: re.Match[str], state: Any) -> int:
    state.append_token({"type": "formula_block", "raw": match["block_text"]})
    return match.end()


_MARKDOWN = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "def_list"])


_formulas(_MARKDOWN)


def escape_text(text: object) -> str:
    """Return text with every character that means something in HTML escaped."""
    return html.escape(str(text), quote=True)
