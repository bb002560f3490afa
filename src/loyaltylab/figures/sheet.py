"""A sheet of fixed width, filled from the top down in points, so that nothing overlaps.

Every text is measured before it is placed. The height follows from what is on the sheet.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from loyaltylab.figures.style import (
    GREY,
    INK,
    RULE,
    SMALL_SIZE,
    STAMP_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    SeriesStyle,
)

SHEET_WIDTH = 432.0
MARGIN = 10.0
LEADING = 1.3
SAMPLE_WIDTH = 26.0

_PATH = re.compile(r' d="([^"]*)"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def text_width(words: str, size: float, *, weight: str = "normal") -> float:
    """Width of one line of text in points."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(words, font, ismath=False)
    return float(width)


def wrap_text(words: str, width: float, size: float, *, weight: str = "normal") -> list[str]:
    """Break `words` into lines of at most `width` points; a longer single word stays whole."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight=weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines or [""]


class Sheet:
    """A picture in the making; `y` is how far down, in points, it is filled."""

    def __init__(self) -> None:
        self.canvas = Canvas(figsize=(SHEET_WIDTH / 72, 1.0), dpi=72)
        self.y = MARGIN
        self._texts: list[tuple[float, float, str, dict[str, Any]]] = []
        self._lines: list[tuple[Sequence[float], Sequence[float], dict[str, Any]]] = []
        self._axes: list[tuple[Axes, float, float, float, float]] = []

    def write(
        self, x: float, y: float, words: str, *, size: float = SMALL_SIZE, **look: Any
    ) -> None:
        """Place one line of text; `y` is its vertical middle unless `va` says otherwise."""
        self._texts.append((x, y, words, {"va": "center", "color": INK, "size": size, **look}))

    def rule(self, xs: Sequence[float], ys: Sequence[float], **look: Any) -> None:
        """Draw a line through the points (`xs`, `ys`) of the sheet."""
        self._lines.append((xs, ys, look))

    def add_axes(self, *, left: float, top: float, width: float, height: float) -> Axes:
        """Add a plotting area; positions are points from the top left of the sheet."""
        axes = self.canvas.add_axes((0, 0, 1, 1))
        axes.tick_params(length=3, width=0.8)
        self._axes.append((axes, left, top, width, height))
        return axes

    def add_paragraph(
        self, words: str, *, size: float = TEXT_SIZE, gap: float = 4.0, **look: Any
    ) -> None:
        """Write text over the full width and move down."""
        weight = str(look.get("weight", "normal"))
        for line in wrap_text(words, SHEET_WIDTH - 2 * MARGIN, size, weight=weight):
            self.write(MARGIN, self.y + size * LEADING / 2, line, size=size, **look)
            self.y += size * LEADING
        self.y += gap

    def add_heading(self, title: str | None, value_label: str) -> None:
        """Write the title, if any, and what the vertical or value axis measures."""
        if title:
            self.add_paragraph(title, size=TITLE_SIZE, weight="bold")
        self.add_paragraph(value_label, color=GREY, size=SMALL_SIZE)

    def add_sample(self, x: float, y: float, style: SeriesStyle, *, marker: bool = False) -> None:
        """Draw the line (and marker) by which a series is known."""
        self.rule([x, x + SAMPLE_WIDTH], [y, y], color=style.color, linestyle=style.dashes)
        if marker:
            middle = x + SAMPLE_WIDTH / 2
            self.rule([middle], [y], color=style.color, marker=style.marker, markersize=5.5)

    def add_legend(
        self, styles: dict[str, SeriesStyle], *, marker: bool = False, gap: float = 4.0
    ) -> None:
        """Name the series above the plot, where no curve can run; the entries flow like words."""
        x, height = MARGIN, SMALL_SIZE * LEADING + 2
        widest = SHEET_WIDTH - 2 * MARGIN - SAMPLE_WIDTH - 6
        for name, style in styles.items():
            lines = wrap_text(name, widest, SMALL_SIZE)
            width = SAMPLE_WIDTH + 6 + max(text_width(line, SMALL_SIZE) for line in lines)
            if x > MARGIN and x + width > SHEET_WIDTH - MARGIN:
                x, self.y = MARGIN, self.y + height
            self.add_sample(x, self.y + height / 2, style, marker=marker)
            for line in lines:
                self.write(x + SAMPLE_WIDTH + 6, self.y + height / 2, line)
                self.y += height
            self.y -= height
            x += width + 16
        self.y += height + gap

    def add_marks(
        self, marks: Iterable[tuple[float, str]], *, left: float, right: float, height: float
    ) -> None:
        """Name vertical marks above the plot and draw each down through the plot below.

        The label starts at its mark; one that would run into a later mark moves up a row.
        """
        row_height = SMALL_SIZE * LEADING
        placed: list[tuple[float, float, float, int, str]] = []
        for x, label in sorted(marks, reverse=True):
            width = text_width(label, SMALL_SIZE)
            begin = max(left, min(x - 2, right - width))
            clash = [
                row
                for mark, first, last, row, _ in placed
                if (begin - 8 < mark < begin + width + 8)
                or (first < begin + width + 8 and begin < last + 8)
            ]
            placed.append((x, begin, begin + width, max(clash, default=-1) + 1, label))
        rows = 1 + max((row for *_, row, _ in placed), default=-1)
        bottom = self.y + rows * row_height
        for x, begin, _, row, label in placed:
            middle = bottom - (row + 0.5) * row_height
            self.rule([x, x], [middle + row_height / 2, bottom + 9 + height], color=GREY,
                      linestyle=(0, (1, 1.5)), linewidth=1.2)  # fmt: skip
            self.write(begin, middle, label, color=GREY)
        self.y = bottom + (9 if placed else 6)

    def to_svg(self, stamp: str | None, *, note: str = "") -> str:
        """Finish the sheet with its note and stamp; the same sheet gives the same bytes."""
        for words in filter(None, (note, stamp)):
            self.y += 3
            self.add_paragraph(words, size=STAMP_SIZE, gap=0, color=GREY)
        height = self.y + MARGIN - 2
        self.canvas.set_size_inches(SHEET_WIDTH / 72, height / 72)
        for axes, left, top, width, tall in self._axes:
            axes.set_position((left / SHEET_WIDTH, 1 - (top + tall) / height,
                               width / SHEET_WIDTH, tall / height))  # fmt: skip
        for x, y, words, look in self._texts:
            self.canvas.text(x / SHEET_WIDTH, 1 - y / height, words, **look)
        for xs, ys, look in self._lines:
            points = [x / SHEET_WIDTH for x in xs], [1 - y / height for y in ys]
            line = Line2D(*points, transform=self.canvas.transFigure, **{"color": RULE, **look})
            self.canvas.add_artist(line)
        return _render(self.canvas)


def _render(canvas: Canvas) -> str:
    """Render without date, creator, prologue or digits below a hundredth of a point."""
    raw = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(canvas)
    canvas.savefig(raw, format="svg", metadata=nothing)
    svg = raw.getvalue()
    svg = svg[svg.index("<svg") :]
    return _PATH.sub(_shorten, svg)


def _shorten(found: re.Match[str]) -> str:
    digits = _LONG_NUMBER.sub(lambda number: f"{float(number.group()):.2f}", found.group(1))
    return f' d="{digits}"'
