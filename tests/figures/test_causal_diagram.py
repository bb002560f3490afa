"""Causal diagrams: every arrow drawn and told, none through a box, the same bytes each time."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from loyaltylab.figures import FigureError, causal_diagram
from loyaltylab.figures.arrow_routes import TRACK, Grid, find_routes, place_boxes, spread_out
from loyaltylab.figures.diagram_strokes import BORDERS, STROKES
from loyaltylab.figures.sheet import SHEET_WIDTH, Sheet, text_width
from loyaltylab.figures.style import SMALL_SIZE, house_style
from loyaltylab.sources.synthetic.mechanism_views import VIEWS

STAMP = "SYNTHETIC DATA – no real customers"
ROUNDING = 1e-6  # points
NODES = pd.DataFrame(
    {
        "name": ["Fit", "Handoffs", "Waits $5 & more", "Satisfaction", "Intent", "Exit", "Rating"],
        "kind": ["trait", "event", "policy", "feeling", "intent", "outcome", "record"],
    }
)
ARROWS = pd.DataFrame(
    [
        ("Fit", "Satisfaction", "+", False),
        ("Handoffs", "Satisfaction", "-", False),
        ("Handoffs", "Exit", "+/-", False),
        ("Waits $5 & more", "Handoffs", "+", False),
        ("Waits $5 & more", "Fit", "+", False),
        ("Satisfaction", "Intent", "-", False),
        ("Intent", "Exit", "+", True),
        ("Exit", "Fit", "-", True),
        ("Satisfaction", "Rating", "+", False),
    ],
    columns=["cause", "effect", "sign", "is_lagged"],
)
LAYERS = [["Fit", "Handoffs", "Waits $5 & more"], ["Satisfaction", ""], ["Intent", "Rating"],
          ["Exit"]]  # fmt: skip


def draw(nodes=NODES, arrows=ARROWS, **options):
    return causal_diagram(
        nodes, arrows, **{"layers": LAYERS, "stamp": STAMP, "caption": "c", **options}
    )


def view_grid(name: str) -> tuple[Grid, list[tuple[str, str]]]:
    view = VIEWS[name]
    frame = view.arrow_frame()
    links = list(zip(frame["cause"], frame["effect"], strict=True))
    return place_boxes(view.layers, links, top=50.0), links


def test_the_arrows_drawn_are_the_arrows_given():
    pd.testing.assert_frame_equal(draw().data, ARROWS)
    plain = draw(arrows=ARROWS.drop(columns="is_lagged").assign(parameters="x")).data
    assert plain.columns.tolist() == ["cause", "effect", "sign", "is_lagged"]
    assert not plain["is_lagged"].any()


def test_the_text_names_every_box_and_every_arrow():
    alt = draw().alt
    assert alt.startswith("Causal diagram with 7 boxes and 9 arrows. Trait: Fit. Policy: Waits")
    for words in (
        "Fit raises Satisfaction.",
        "Handoffs lowers Satisfaction; moves either way Exit.",
        "Intent raises Exit from the next day on.",
        "Exit lowers Fit from the next day on.",
    ):
        assert words in alt
    assert all(name in alt for name in NODES["name"])
    assert alt.endswith(f"{STAMP}.")


def test_sign_and_delay_change_the_picture_but_the_row_order_of_nodes_does_not():
    turned = ARROWS.assign(sign=["-", *ARROWS["sign"][1:]])
    at_once = ARROWS.assign(is_lagged=False)
    svgs = {draw().svg, draw(arrows=turned).svg, draw(arrows=at_once).svg}
    assert len(svgs) == 3
    assert draw(nodes=NODES[::-1]).svg == draw().svg


def test_signs_and_kinds_differ_without_colour():
    assert len({str(stroke.dashes) for stroke in STROKES.values()}) == len(STROKES)
    assert len({stroke.head for stroke in STROKES.values()}) == len(STROKES)
    looks = {(b.is_round, str(b.dashes), b.width > 2, b.is_double) for b in BORDERS.values()}
    assert len(looks) == len(BORDERS)


def test_inputs_are_left_as_they_were():
    nodes, arrows = NODES.copy(deep=True), ARROWS.copy(deep=True)
    draw()
    pd.testing.assert_frame_equal(NODES, nodes)
    pd.testing.assert_frame_equal(ARROWS, arrows)


def test_svg_is_stamped_small_and_self_contained():
    for view in VIEWS.values():
        figure = causal_diagram(
            view.node_frame(), view.arrow_frame(), layers=view.layers, stamp=STAMP, caption="c",
            title=view.title,
        )  # fmt: skip
        assert figure.svg.startswith("<svg")
        assert len(figure.svg) < 150_000
        for trace in ("<!DOCTYPE", "Matplotlib", "<text", "dc:date", "nan"):
            assert trace not in figure.svg, trace
        assert figure.alt.endswith(f"{STAMP}.")


_SCRIPT = """
import hashlib, warnings
warnings.simplefilter("error")
from loyaltylab.figures import causal_diagram
from loyaltylab.sources.synthetic.mechanism_views import VIEWS
view = VIEWS["overview"]
one, two = (causal_diagram(view.node_frame(), view.arrow_frame(), layers=view.layers, stamp="s",
                           caption="c", title=view.title) for _ in range(2))
assert one.svg == two.svg
print(hashlib.sha256((one.svg + one.alt).encode()).hexdigest())
"""


def test_two_processes_draw_the_same_bytes():
    source = str(Path(__file__).parents[2] / "src")
    hashes = set()
    for seed in ("0", "4242"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": source}
        done = subprocess.run([sys.executable, "-c", _SCRIPT], env=env, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout)
    assert len(hashes) == 1


@pytest.mark.parametrize("name", VIEWS)
def test_boxes_hold_their_words_and_keep_apart(name):
    grid, _ = view_grid(name)
    for box in grid.boxes.values():
        assert box.left >= 0
        assert box.right <= SHEET_WIDTH
        assert " ".join(box.lines) == box.name
        assert max(text_width(line, SMALL_SIZE) for line in box.lines) <= box.width - 6
        assert len(box.lines) * SMALL_SIZE * 1.1 <= box.height
    for one, other in itertools.combinations(grid.boxes.values(), 2):
        assert (one.right < other.left or other.right < one.left
                or one.bottom < other.top or other.bottom < one.top), (one, other)  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_no_arrow_runs_through_a_box_or_off_the_sheet(name):
    grid, links = view_grid(name)
    for link, route in find_routes(grid, links).items():
        points = np.vstack([
            np.linspace(one, other, 6) for one, other in itertools.pairwise(route.points)
        ])  # fmt: skip
        assert ((points[:, 0] >= 0) & (points[:, 0] <= SHEET_WIDTH)).all()
        assert (points[:, 1] <= grid.bottom + ROUNDING).all()
        for box in grid.boxes.values():
            is_inside = (
                (points[:, 0] > box.left + ROUNDING) & (points[:, 0] < box.right - ROUNDING)
                & (points[:, 1] > box.top + ROUNDING) & (points[:, 1] < box.bottom - ROUNDING)
            )  # fmt: skip
            assert not is_inside.any(), (link, box.name)


@pytest.mark.parametrize("name", VIEWS)
def test_arrows_begin_and_end_at_their_own_boxes_and_no_two_at_one_point(name):
    grid, links = view_grid(name)
    ends = []
    for (cause, effect), route in find_routes(grid, links).items():
        for box, (x, y) in ((grid.boxes[cause], route.points[0]),
                            (grid.boxes[effect], route.points[-1])):  # fmt: skip
            on_side = x in (box.left, box.right) and box.top < y < box.bottom
            on_edge = y in (box.top, box.bottom) and box.left < x < box.right
            assert on_side or on_edge
            ends.append((x, y))
    for one, other in itertools.combinations(ends, 2):
        assert np.hypot(one[0] - other[0], one[1] - other[1]) > TRACK - 1, (one, other)


def test_no_text_overlaps_or_leaves_the_sheet(monkeypatch):
    canvases = []
    finish = Sheet.to_svg

    def keep(sheet, stamp, **note):
        svg = finish(sheet, stamp, **note)
        canvases.append(sheet.canvas)
        return svg

    monkeypatch.setattr(Sheet, "to_svg", keep)
    view = VIEWS["overview"]
    causal_diagram(view.node_frame(), view.arrow_frame(), layers=view.layers, stamp=STAMP,
                   caption="c", title="A long title that says what is to be seen, in two lines, "
                   "as far as it goes")  # fmt: skip
    with house_style():
        renderer = FigureCanvasAgg(canvases[0]).get_renderer()
        canvases[0].draw(renderer)
        words = [text for text in canvases[0].findobj(Text) if text.get_text().strip()]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in words]
    for text, box in boxes:
        assert canvases[0].bbox.x0 <= box.x0 and box.x1 <= canvases[0].bbox.x1, text
        assert canvases[0].bbox.y0 <= box.y0 and box.y1 <= canvases[0].bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        tall = min(a.y1, b.y1) - max(a.y0, b.y0)
        # Text boxes include the room for descenders.
        assert wide <= 0.5 or tall <= 2.5, (one, other)


def test_positions_spread_out_by_hand():
    """Two wishes at 5 move 2 each way; at the border all move up; without room they share it."""
    assert spread_out([5.0, 5.0], 0.0, 10.0, apart=4.0) == [3.0, 7.0]
    assert spread_out([0.0, 0.0, 9.0], 0.0, 10.0, apart=4.0) == [0.0, 4.0, 9.0]
    assert spread_out([5.0, 5.0, 5.0], 0.0, 10.0, apart=8.0) == [0.0, 5.0, 10.0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-50, 150), min_size=1, max_size=12), st.floats(0.5, 30))
def test_positions_stay_in_bounds_in_order_and_apart(wishes, apart):
    placed = spread_out(sorted(wishes), 0.0, 100.0, apart=apart)
    least = min(apart, 100.0 / max(len(wishes) - 1, 1))
    assert min(placed) >= -ROUNDING and max(placed) <= 100 + ROUNDING
    assert all(b - a >= least - ROUNDING for a, b in itertools.pairwise(placed))


def test_one_box_beside_another_and_two_arrows_between_them():
    nodes = NODES.iloc[:2]
    arrows = pd.DataFrame({"cause": ["Fit", "Handoffs"], "effect": ["Handoffs", "Fit"],
                           "sign": ["+", "-"]})  # fmt: skip
    figure = draw(nodes, arrows, layers=[["Fit", "Handoffs"]], stamp=None)
    assert figure.alt.endswith("Fit raises Handoffs. Handoffs lowers Fit.")


def test_impossible_diagrams_are_refused():
    with pytest.raises(FigureError, match="missing column 'sign'"):
        draw(arrows=ARROWS.drop(columns="sign"))
    with pytest.raises(FigureError, match="no rows"):
        draw(arrows=ARROWS.iloc[:0])
    with pytest.raises(FigureError, match="no rows"):
        draw(nodes=NODES.iloc[:0])
    with pytest.raises(FigureError, match="'cause' and 'effect' occurs twice"):
        draw(arrows=pd.concat([ARROWS, ARROWS]))
    with pytest.raises(FigureError, match="'name' occurs twice"):
        draw(nodes=pd.concat([NODES, NODES]))


def test_every_fault_is_named_at_once():
    arrows = ARROWS.assign(
        cause=["Luck", "Exit", *ARROWS["cause"][2:]], effect=["Fit", "Exit", *ARROWS["effect"][2:]],
        sign=["++", *ARROWS["sign"][1:]],
    )  # fmt: skip
    layers = [["Fit", "Handoffs", "Waits $5 & more"], ["Satisfaction", "Fit"], [""], ["Chance"],
              ["Intent", "", "", "", "", "", "Rating"]]  # fmt: skip
    with pytest.raises(FigureError) as caught:
        draw(nodes=NODES.assign(kind=["luck", *NODES["kind"][1:]]), arrows=arrows, layers=layers)
    assert set(caught.value.problems) == {
        "cause 'Luck' of an arrow is not the name of a node",
        "arrow from 'Exit' to itself; a box cannot act on itself",
        "'Chance' in layers is not the name of a node",
        "'Fit' has 2 places in layers; give it one",
        "'Exit' has 0 places in layers; give it one",
        "layer 5 has 7 places; at most 6 fit",
        "layer 3 names no node; leave it out",
        "kind 'luck' is not one of trait, policy, event, feeling, intent, outcome, record",
        "sign '++' is not one of +, -, +/-",
    }
