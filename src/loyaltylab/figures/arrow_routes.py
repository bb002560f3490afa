"""Where the boxes and arrows of a diagram go: arrows pass between boxes, never through them.

Boxes stand in layers from the top down. An arrow leaves a box at its edge, crosses each layer on
its way through a gap between boxes, and moves sideways only in the empty band between layers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.figures.sheet import MARGIN, SHEET_WIDTH, text_width, wrap_text
from loyaltylab.figures.style import SMALL_SIZE

LINE = SMALL_SIZE * 1.16
PADDING = 6.0
LEFT_EDGE, RIGHT_EDGE = 2.0, SHEET_WIDTH - 2.0
TRACK, PORT = 7.0, 9.5  # least distance of two arrows in a gap, and of two ends at a box
NARROWEST_GAP = 13.0
NARROWEST_BAND, BAND_PER_ARROW, WIDEST_BAND = 30.0, 2.6, 66.0
CROWDED = 120.0  # what an arrow would rather walk, in points, than squeeze into a full gap
KEEP_OFF = 10.0  # from a box whose side an arrow in the gap ends at
STUB_OUT, STUB_IN = 5.0, 9.0  # straight pieces at the boxes, the latter under the head

Point = tuple[float, float]
Link = tuple[str, str]


@dataclass(frozen=True)
class Box:
    """A box on the sheet, in points from the top left; `place` is its number in its layer."""

    name: str
    lines: tuple[str, ...]
    layer: int
    place: int
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    @property
    def middle(self) -> Point:
        """Its centre."""
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass(frozen=True)
class Band:
    """The room a layer takes up: nothing moves sideways between `top` and `bottom`."""

    top: float
    bottom: float


@dataclass(frozen=True)
class Grid:
    """Boxes by name, the bands of their layers, and how far down all of it reaches."""

    boxes: dict[str, Box]
    bands: tuple[Band, ...]
    bottom: float


@dataclass(frozen=True)
class Route:
    """An arrow's way as points from box edge to box edge; it ends in direction `heading`."""

    points: np.ndarray
    heading: Point


def place_boxes(layers: Sequence[Sequence[str]], links: Sequence[Link], *, top: float) -> Grid:
    """Place the boxes of each layer in a row; an empty name leaves its place free."""
    ends = _count_ends(layers, links)
    boxes: dict[str, Box] = {}
    bands: list[Band] = []
    for number, names in enumerate(layers):
        cell = (SHEET_WIDTH - 2 * MARGIN) / len(names)
        room = cell - NARROWEST_GAP
        wrapped = {name: wrap_text(name, room - 2 * PADDING, SMALL_SIZE) for name in names if name}
        tallest = max(len(lines) for lines in wrapped.values())
        height = tallest * LINE + 2 * PADDING - 2
        for place, name in enumerate(names):
            if name:
                written = max(text_width(line, SMALL_SIZE) for line in wrapped[name])
                width = min(max(written + 2 * PADDING, ends[name] * PORT + 8, 44.0), room)
                left = MARGIN + (place + 0.5) * cell - width / 2
                boxes[name] = Box(name, tuple(wrapped[name]), number, place, left, top, width,
                                  height)  # fmt: skip
        bands.append(Band(top, top + height))
        top += height + _band_height(layers, links, below=number)
    return Grid(boxes, tuple(bands), top)


def _count_ends(layers: Sequence[Sequence[str]], links: Sequence[Link]) -> dict[str, int]:
    """Arrow ends at the busier of a box's two long edges."""
    layer_of = {name: number for number, names in enumerate(layers) for name in names}
    ends: dict[tuple[str, int], int] = defaultdict(int)
    for cause, effect in links:
        for one, other in ((cause, effect), (effect, cause)):
            ends[one, int(np.sign(layer_of[other] - layer_of[one]))] += 1
    return {name: max(ends[name, side] for side in (-1, 1)) for name in layer_of}


def _band_height(layers: Sequence[Sequence[str]], links: Sequence[Link], *, below: int) -> float:
    """Room under a layer: the more arrows pass there, the more."""
    layer_of = {name: number for number, names in enumerate(layers) for name in names}
    spans = [sorted((layer_of[cause], layer_of[effect])) for cause, effect in links]
    passing = sum(low <= below < high or low == high == below for low, high in spans)
    if not passing:
        return 0.0
    return min(NARROWEST_BAND + BAND_PER_ARROW * passing, WIDEST_BAND)


def find_routes(grid: Grid, links: Sequence[Link]) -> dict[Link, Route]:
    """Find the way of every arrow; the same boxes and arrows give the same ways."""
    through = _choose_gaps(grid, links)
    tracks = _set_tracks(grid, through)
    ports = _set_ports(grid, links, tracks)
    return {link: _draw_way(grid, link, tracks[link], ports[link]) for link in links}


def is_beside(grid: Grid, link: Link) -> bool:
    """Whether the two boxes are next to each other in one layer."""
    cause, effect = (grid.boxes[name] for name in link)
    if cause.layer != effect.layer:
        return False
    low, high = sorted((cause.left, effect.left))
    return not any(low < box.left < high for box in grid.boxes.values() if box.layer == cause.layer)


def _layers_between(grid: Grid, link: Link) -> list[int]:
    cause, effect = (grid.boxes[name].layer for name in link)
    step = 1 if effect > cause else -1
    return list(range(cause + step, effect, step)) if cause != effect else []


def _gaps(grid: Grid, links: Sequence[Link]) -> list[list[Point]]:
    """By layer, left and right ends of what is free for the middle of an arrow passing through."""
    bridged = {frozenset(link) for link in links if is_beside(grid, link)}
    gaps: list[list[Point]] = []
    for layer in range(len(grid.bands)):
        row = sorted((b for b in grid.boxes.values() if b.layer == layer), key=lambda box: box.left)
        edges = [LEFT_EDGE, *(edge for box in row for edge in (box.left, box.right)), RIGHT_EDGE]
        names = ["", *(box.name for box in row), ""]
        gaps.append([])
        for low, high, *beside in zip(edges[::2], edges[1::2], names, names[1:], strict=False):
            off = KEEP_OFF if frozenset(beside) in bridged and high - low > 3 * KEEP_OFF else 5.0
            gaps[layer] += [(low + off, high - off)] if high - low >= 2 * off else []
    return gaps


def _choose_gaps(grid: Grid, links: Sequence[Link]) -> dict[Link, list[tuple[int, Point, float]]]:
    """For each arrow, layer by layer, the gap it takes and where it would like to pass."""
    used: dict[tuple[int, Point], int] = defaultdict(int)
    through: dict[Link, list[tuple[int, Point, float]]] = {link: [] for link in links}
    gaps = _gaps(grid, links)
    for link in sorted(links, key=lambda link: (len(_layers_between(grid, link)), link)):
        begin, end = (grid.boxes[name].middle[0] for name in link)
        best: list[tuple[float, list[tuple[int, Point, float]], float]] = [(0.0, [], begin)]
        layers = _layers_between(grid, link)
        for number, layer in enumerate(layers):
            straight = (number + 1) / (len(layers) + 1)
            best = [
                min(
                    (
                        (cost + abs(x - at) + _crowding(used[layer, gap], gap),
                         [*way, (layer, gap, x)], x)
                        for cost, way, at in best
                        for x in [float(np.clip(at + (end - at) * straight, *gap))]
                    ),
                    key=lambda found: found[0],
                )
                for gap in gaps[layer]
            ]  # fmt: skip
        way = min(best, key=lambda found: found[0] + abs(end - found[2]))[1]
        through[link] = way
        for layer, gap, _ in way:
            used[layer, gap] += 1
    return through


def _crowding(n_arrows: int, gap: Point) -> float:
    room = 1 + (gap[1] - gap[0]) // TRACK
    return CROWDED * max(0.0, n_arrows + 1 - room) + 4.0 * n_arrows


def _set_tracks(
    grid: Grid, through: dict[Link, list[tuple[int, Point, float]]]
) -> dict[Link, list[tuple[int, float]]]:
    """Where exactly each arrow crosses each layer: arrows in one gap keep their distance."""
    by_gap: dict[tuple[int, Point], list[tuple[float, float, Link]]] = defaultdict(list)
    for link, way in through.items():
        ends = sum(grid.boxes[name].middle[0] for name in link)
        for layer, gap, x in way:
            by_gap[layer, gap].append((round(x, 6), ends, link))
    tracks: dict[Link, list[tuple[int, float]]] = {link: [] for link in through}
    for (layer, gap), wishes in by_gap.items():
        wishes.sort()
        spread = spread_out([x for x, _, _ in wishes], *gap, apart=TRACK)
        for (_, _, link), x in zip(wishes, spread, strict=True):
            tracks[link].append((layer, x))
    for link, passed in tracks.items():
        order = _layers_between(grid, link)
        passed.sort(key=lambda crossing: order.index(crossing[0]))
    return tracks


def spread_out(wishes: Sequence[float], low: float, high: float, *, apart: float) -> list[float]:
    """Ascending positions near the ascending `wishes`, `apart` if there is room, in [low, high].

    Examples
    --------
    >>> spread_out([5.0, 5.0], 0.0, 10.0, apart=4.0)
    [3.0, 7.0]
    """
    n = len(wishes)
    apart = min(apart, (high - low) / max(n - 1, 1))
    steps = apart * np.arange(n)
    # Positions apart from each other are ascending once their steps are taken off.
    level = [float(x) for x in np.asarray(wishes) - steps]
    blocks: list[list[float]] = []
    for x in level:
        blocks.append([x])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    flat = np.array([np.mean(block) for block in blocks for _ in block])
    placed = np.clip(flat, low, high - steps[-1]) + steps
    return [float(x) for x in placed]


def _side(grid: Grid, link: Link, *, at_cause: bool) -> str:
    """The edge of its box an arrow's end is on."""
    own, other = (grid.boxes[name] for name in (link if at_cause else link[::-1]))
    if own.layer != other.layer:
        return "bottom" if other.layer > own.layer else "top"
    if is_beside(grid, link):
        return "right" if other.left > own.left else "left"
    return "bottom"


def _set_ports(
    grid: Grid, links: Sequence[Link], tracks: dict[Link, list[tuple[int, float]]]
) -> dict[Link, tuple[Point, Point]]:
    """Where each arrow leaves and reaches its boxes: in the order in which they fan out."""
    by_edge: dict[tuple[str, str], list[tuple[float, float, Link, bool]]] = defaultdict(list)
    for link in links:
        for at_cause in (True, False):
            name, other = link if at_cause else link[::-1]
            way = tracks[link] if at_cause else tracks[link][::-1]
            side = _side(grid, link, at_cause=at_cause)
            towards = way[0][1] if way else grid.boxes[other].middle[0]
            towards = grid.boxes[other].middle[1] if side in ("left", "right") else towards
            far = abs(grid.boxes[other].middle[0] - grid.boxes[name].middle[0])
            by_edge[name, side].append((round(towards, 6), far, link, at_cause))
    found: dict[tuple[Link, bool], Point] = {}
    for (name, side), ends in by_edge.items():
        places = _along_edge(grid.boxes[name], side, [end[0] for end in sorted(ends)])
        for (_, _, link, at_cause), place in zip(sorted(ends), places, strict=True):
            found[link, at_cause] = place
    return {link: (found[link, True], found[link, False]) for link in links}


def _along_edge(box: Box, side: str, towards: Iterable[float]) -> list[Point]:
    wishes = list(towards)
    if side in ("left", "right"):
        x = box.left if side == "left" else box.right
        middle = box.middle[1]
        ys = spread_out([middle] * len(wishes), box.top + 4, box.bottom - 4, apart=PORT)
        return [(x, y) for y in ys]
    low, high = box.left + 7, box.right - 7
    middle = box.middle[0]
    near = [middle + 0.6 * (float(np.clip(x, low, high)) - middle) for x in wishes]
    y = box.top if side == "top" else box.bottom
    return [(x, y) for x in spread_out(near, low, high, apart=PORT)]


def _draw_way(
    grid: Grid, link: Link, crossings: list[tuple[int, float]], ports: tuple[Point, Point]
) -> Route:
    """The points of an arrow: upright at boxes and in gaps, curved in between."""
    cause, effect = (grid.boxes[name] for name in link)
    (x0, y0), (x1, y1) = ports
    if is_beside(grid, link):
        return Route(np.array([(x0, y0), (x1, y1)]), (float(np.sign(x1 - x0)), 0.0))
    if cause.layer == effect.layer:
        low, deep = y0 + STUB_IN, y0 + STUB_IN + 18.0
        curve = _bezier((x0, low), (x0, deep), (x1, deep), (x1, low))
        return Route(np.vstack([(x0, y0), curve, (x1, y1)]), (0.0, -1.0))
    ahead = 1.0 if effect.layer > cause.layer else -1.0
    stops: list[Point] = [(x0, y0 + ahead * STUB_OUT)]
    for layer, x in crossings:
        band = grid.bands[layer]
        stops += [(x, band.top), (x, band.bottom)][:: int(ahead)]
    stops.append((x1, y1 - ahead * STUB_IN))
    pieces = [np.array([(x0, y0)])]
    for (xa, ya), (xb, yb) in zip(stops[::2], stops[1::2], strict=True):
        lean = 0.55 * (yb - ya)
        pieces.append(_bezier((xa, ya), (xa, ya + lean), (xb, yb - lean), (xb, yb)))
    return Route(np.concatenate([*pieces, np.array([(x1, y1)])]), (0.0, ahead))


def _bezier(start: Point, leave: Point, arrive: Point, end: Point) -> np.ndarray:
    aside = abs(end[0] - start[0])
    t = np.linspace(0.0, 1.0, 2 if aside < 0.3 else 9 + int(min(aside, 120.0) / 10))[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3])
    return np.asarray(weights @ np.array([start, leave, arrive, end]))
