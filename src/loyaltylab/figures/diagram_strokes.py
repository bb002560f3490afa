"""How boxes and arrows of a diagram are drawn: each kind and sign is known without its colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from loyaltylab.figures.arrow_routes import LINE, Box, Point, Route
from loyaltylab.figures.sheet import LEADING, MARGIN, SHEET_WIDTH, Sheet, text_width
from loyaltylab.figures.style import INK, SERIES, SMALL_SIZE

HEAD = 6.0
RIM_WIDTH, ARROW_WIDTH = 3.6, 1.25
SAMPLE_LENGTH, SAMPLE_BOX = 26.0, 20.0


@dataclass(frozen=True)
class Border:
    """Outline of a kind of box: how round, which dashes, how thick, and whether it is double."""

    meaning: str
    is_round: bool = False
    dashes: Any = "-"
    width: float = 1.0
    is_double: bool = False


BORDERS = {
    "trait": Border("trait", dashes=(0, (4, 2.4)), width=1.2),
    "policy": Border("policy", is_double=True, width=0.9),
    "event": Border("event", width=0.9),
    "feeling": Border("feeling", is_round=True, width=0.9),
    "intent": Border("intent", is_round=True, width=2.4),
    "outcome": Border("outcome", width=2.4),
    "record": Border("record", dashes=(0, (1, 1.4)), width=1.5),
}


@dataclass(frozen=True)
class Stroke:
    """Line and head of a sign: a triangle raises, a bar lowers, a diamond does either."""

    meaning: str
    color: str
    dashes: Any
    head: str


STROKES = {
    "+": Stroke("raises", SERIES[0].color, "-", "triangle"),
    "-": Stroke("lowers", SERIES[1].color, (0, (5, 1.6)), "bar"),
    "+/-": Stroke("either way", SERIES[3].color, SERIES[3].dashes, "diamond"),
}
LAGGED = "ring: from the next day on"


def draw_box(sheet: Sheet, box: Box, kind: str) -> None:
    """Draw a box with its name inside."""
    border = BORDERS[kind]
    draw_outline(sheet, box.left, box.top, box.width, box.height, border)
    x, y = box.middle
    first = y - (len(box.lines) - 1) * LINE / 2
    for number, line in enumerate(box.lines):
        sheet.write(x, first + number * LINE, line, ha="center")


def draw_outline(
    sheet: Sheet, left: float, top: float, width: float, height: float, border: Border
) -> None:
    """Draw the border of a box; a double one keeps its second line inside."""
    for inset in (0.0, 2.4) if border.is_double else (0.0,):
        xs, ys = _outline(left + inset, top + inset, width - 2 * inset, height - 2 * inset,
                          radius=height / 2 if border.is_round else 0.0)  # fmt: skip
        sheet.rule(xs, ys, color=INK, linestyle=border.dashes, linewidth=border.width,
                   solid_joinstyle="miter")  # fmt: skip


def _outline(
    left: float, top: float, width: float, height: float, *, radius: float
) -> tuple[list[float], list[float]]:
    radius = min(radius, width / 2, height / 2, 13.0)
    right, bottom = left + width, top + height
    turns = np.linspace(0, np.pi / 2, 7) if radius else np.zeros(1)
    xs: list[float] = []
    ys: list[float] = []
    for number, (x, y) in enumerate(((right, top), (right, bottom), (left, bottom), (left, top))):
        inner = x + radius * (1 if x == left else -1), y + radius * (1 if y == top else -1)
        angles = turns + (number - 1) * np.pi / 2
        xs += [float(a) for a in inner[0] + radius * np.cos(angles)] if radius else [x]
        ys += [float(a) for a in inner[1] + radius * np.sin(angles)] if radius else [y]
    return [*xs, xs[0]], [*ys, ys[0]]


def draw_line(sheet: Sheet, route: Route, sign: str) -> None:
    """Draw the line of an arrow over those drawn before it, with a white rim where they cross."""
    stroke, points = STROKES[sign], route.points.copy()
    points[-1] -= np.array(route.heading) * (HEAD - 1 if stroke.head != "bar" else 2.0)
    xs, ys = points[:, 0].tolist(), points[:, 1].tolist()
    if len(xs) > 4:
        sheet.rule(xs[1:-1], ys[1:-1], color="white", linewidth=RIM_WIDTH,
                   solid_capstyle="butt")  # fmt: skip
    sheet.rule(xs, ys, color=stroke.color, linestyle=stroke.dashes, linewidth=ARROW_WIDTH)


def draw_ends(sheet: Sheet, route: Route, sign: str, *, is_lagged: bool) -> None:
    """Draw the head of an arrow, and the ring at its tail if it acts from the next day on."""
    stroke, points = STROKES[sign], route.points
    tip = float(points[-1, 0]), float(points[-1, 1])
    _draw_head(sheet, stroke, tip, route.heading)
    if is_lagged:
        along = points[1] - points[0]
        centre = points[0] + 3.2 * along / max(float(np.hypot(*along)), 1e-9)
        draw_ring(sheet, (float(centre[0]), float(centre[1])), stroke.color)


def draw_ring(sheet: Sheet, centre: Point, color: str) -> None:
    """Draw the ring that means from the next day on."""
    sheet.rule([centre[0]], [centre[1]], marker="o", markersize=4.6, color=color,
               markerfacecolor="white", markeredgewidth=1.1)  # fmt: skip


def _draw_head(sheet: Sheet, stroke: Stroke, tip: Point, heading: Point) -> None:
    (x, y), (dx, dy) = tip, heading
    if stroke.head == "bar":
        x, y = x - 1.8 * dx, y - 1.8 * dy
        sheet.rule([x - 3.6 * dy, x + 3.6 * dy], [y - 3.6 * dx, y + 3.6 * dx],
                   color=stroke.color, linewidth=2.2, solid_capstyle="butt")  # fmt: skip
        return
    centre = x - HEAD / 2 * dx - 0.4 * dx, y - HEAD / 2 * dy - 0.4 * dy
    if stroke.head == "diamond":
        sheet.rule([centre[0]], [centre[1]], marker="D", markersize=HEAD - 1.4,
                   color=stroke.color, markerfacecolor="white", markeredgewidth=1.1)  # fmt: skip
        return
    marker = {(0, 1): "v", (0, -1): "^", (1, 0): ">", (-1, 0): "<"}[int(dx), int(dy)]
    sheet.rule([centre[0]], [centre[1]], marker=marker, markersize=HEAD, color=stroke.color,
               markeredgewidth=0)  # fmt: skip


def add_key(sheet: Sheet, *, signs: list[str], kinds: list[str], has_lagged: bool) -> None:
    """Explain the arrows and borders that occur, arrows in one row and borders below."""
    height = SMALL_SIZE * LEADING + 3
    flow = _Flow(sheet, height)
    for sign in signs:
        x, y = flow.place(SAMPLE_LENGTH, STROKES[sign].meaning)
        route = Route(np.array([(x, y), (x + SAMPLE_LENGTH, y)]), (1.0, 0.0))
        draw_line(sheet, route, sign)
        draw_ends(sheet, route, sign, is_lagged=False)
    if has_lagged:
        x, y = flow.place(8.0, LAGGED)
        draw_ring(sheet, (x + 4, y), INK)
    flow.break_line()
    for kind in kinds:
        x, y = flow.place(SAMPLE_BOX, BORDERS[kind].meaning)
        draw_outline(sheet, x, y - 5, SAMPLE_BOX, 10, BORDERS[kind])
    flow.break_line()
    sheet.y += 4


class _Flow:
    """Samples with their words, one after the other like words in a line."""

    def __init__(self, sheet: Sheet, height: float) -> None:
        self._sheet, self._height, self._x = sheet, height, MARGIN

    def place(self, width: float, words: str) -> Point:
        """Write the words and return where their sample begins."""
        whole = width + 4 + text_width(words, SMALL_SIZE)
        if self._x > MARGIN and self._x + whole > SHEET_WIDTH - MARGIN:
            self.break_line()
        x, y = self._x, self._sheet.y + self._height / 2
        self._sheet.write(x + width + 4, y, words)
        self._x += whole + 10
        return x, y

    def break_line(self) -> None:
        """Go on below, if anything stands in this line."""
        if self._x > MARGIN:
            self._sheet.y += self._height
        self._x = MARGIN
