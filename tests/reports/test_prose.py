from __future__ import annotations

import pytest

from loyaltylab.errors import NotebookError
from loyaltylab.reports.prose import render_formula, render_latex_output, render_markdown


@pytest.mark.parametrize(
    "text",
    [
        "from $5 to $10",
        "between €5 and $5, or 5$ and 6$",
        "$5-$10 a month",
        "US$5 and US$6",
        r"\$x\$ is escaped",
        "a $ b $ c",
        "`$x$` in code",
    ],
)
def test_amounts_of_money_are_no_formulas(text: str) -> None:
    html = render_markdown(text)
    assert "<math" not in html
    assert "$" in html


def test_tight_dollars_are_a_formula() -> None:
    html = render_markdown("With $S(t) = e^{-t}$, costs fall from $5 to $4.")
    assert html.count("<math") == 1
    assert 'display="inline"' in html
    assert "from $5 to $4." in html


@pytest.mark.parametrize(
    "text", ["$$x^2$$", "$$\nx^2\n$$", "Text:\n$$x^2$$\nmore", "see $$x^2$$ here"]
)
def test_double_dollars_are_a_displayed_formula(text: str) -> None:
    html = render_markdown(text)
    assert html.count("<math") == html.count('display="block"') == 1
    assert "$" not in html


def test_underscores_in_formulas_are_not_emphasis() -> None:
    html = render_markdown("$a_1$ and $b_1$")
    assert html.count("<msub>") == 2
    assert "<em>" not in html


def test_a_formula_cannot_carry_markup() -> None:
    html = render_markdown(r"$\text{<script>alert(1)</script>}$ $\href{javascript:x}{y}$")
    assert "script" not in html


@pytest.mark.parametrize(
    ("latex", "reason"),
    [
        (r"\frac{1", "its braces do not match"),
        (r"\nosuch x", r"\\nosuch is unknown"),
        ("x_", "MissingSuperScriptOrSubscriptError"),
    ],
)
def test_a_broken_formula_is_named(latex: str, reason: str) -> None:
    with pytest.raises(NotebookError, match=f"cannot be shown: {reason}"):
        render_formula(latex, is_block=False)


def test_a_latex_output_is_a_formula() -> None:
    assert 'display="block"' in render_latex_output(r"$\displaystyle x^2$")
    assert 'display="inline"' in render_latex_output("$x^2$")


def test_a_latex_output_cannot_carry_markup() -> None:
    assert "script" not in render_latex_output(r"$\text{<script>alert(1)</script>}$")


def test_markdown_keeps_its_structure() -> None:
    html = render_markdown("## A\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n~~old~~ [x](index.html)")
    for part in ("<h2>A</h2>", "<table>", "<del>old</del>", 'href="index.html"'):
        assert part in html
