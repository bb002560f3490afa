"""Every figure: same bytes anywhere, no overlapping text, no trace left in the session."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import findfont
from matplotlib.text import Text

from loyaltylab.figures import (
    Figure,
    cumulative_incidence_curves,
    estimates_forest,
    hazard_by_period,
    rates_over_time,
    retention_curves,
)
from loyaltylab.figures.sheet import Sheet
from loyaltylab.figures.style import SERIES, house_style

STAMP = "SYNTHETIC DATA – no real customers"
TWO_YEARS = 24 * 30.4375
LEGIBLE_OVERLAP = 0.5  # points; text boxes include the room for descenders
SMALLEST_CONTRAST = 3.0  # WCAG 2.2, 1.4.11, graphical objects
SMALLEST_DISTANCE = 16.0  # CIE 1976 lightness and colour; 2.3 is just noticeable


@pytest.fixture
def inputs(curve, at_risk, incidence, effects, periods, monthly) -> dict[str, pd.DataFrame]:
    counted = pd.concat([at_risk.assign(group="Voucher"), at_risk.assign(group="Cash refund")])
    return {"curve": curve, "at_risk": at_risk, "incidence": incidence, "counted": counted,
            "effects": effects, "periods": periods, "monthly": monthly}  # fmt: skip


@pytest.fixture
def draw_all(inputs) -> Callable[[], dict[str, Figure]]:
    options = {
        "stamp": STAMP,
        "caption": "c",
        "min_cell": 5,
        "title": "A long title that says what is to be seen in this figure, in two lines",
    }
    marks = {"voucher expires": 365.25, "reminder sent": 330.0, "end of the study": 725.0}

    def draw() -> dict[str, Figure]:
        long = {"Refunded within five working days of the request": inputs["curve"],
                "Voucher $5 & more": inputs["curve"], "Denied": inputs["curve"]}  # fmt: skip
        counts = dict.fromkeys(long, inputs["at_risk"])
        return {
            "retention": retention_curves(
                long, horizon=TWO_YEARS, at_risk=counts, mark_times=marks, **options
            ),
            "incidence": cumulative_incidence_curves(
                inputs["incidence"], horizon=TWO_YEARS, at_risk=inputs["counted"],
                mark_times={"voucher expires": 365.25}, **options
            ),
            "forest": estimates_forest(
                inputs["effects"], directions=("fewer customers leave", "more leave"), **options
            ),
            "periods": hazard_by_period(inputs["periods"], **options),
            "rates": rates_over_time(
                inputs["monthly"], **options,
                mark_dates={"voucher rule in force": pd.Timestamp("2020-05-20"),
                            "first closure": pd.Timestamp("2020-03-16")},
            ),
        }  # fmt: skip

    return draw


def test_inputs_are_not_changed(inputs, draw_all):
    before = {name: frame.copy(deep=True) for name, frame in inputs.items()}
    draw_all()
    for name, frame in inputs.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_the_session_neither_shows_nor_feels(draw_all):
    plain = {name: figure.svg for name, figure in draw_all().items()}
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "none"}):
        before = dict(matplotlib.rcParams)
        assert {name: figure.svg for name, figure in draw_all().items()} == plain
        assert dict(matplotlib.rcParams) == before


def test_every_figure_is_stamped_small_and_self_contained(draw_all):
    for figure in draw_all().values():
        assert figure.svg.startswith("<svg")
        assert len(figure.svg) < 150_000
        assert figure.alt.endswith(f"{STAMP}.")
        for trace in ("<!DOCTYPE", "Matplotlib", "<text", "dc:date", "nan"):
            assert trace not in figure.svg, trace
        assert "nan" not in figure.alt.split()


def test_a_notebook_shows_the_alternative_text(draw_all):
    shown = draw_all()["retention"]._repr_html_()
    assert 'alt="Retention curves' in shown
    assert "Voucher $5 &amp; more" in shown


def test_no_text_overlaps_or_leaves_the_sheet(draw_all, monkeypatch):
    canvases = []
    finish = Sheet.to_svg

    def keep(sheet: Sheet, stamp: str | None, **note: str) -> str:
        svg = finish(sheet, stamp, **note)
        canvases.append(sheet.canvas)
        return svg

    monkeypatch.setattr(Sheet, "to_svg", keep)
    names = list(draw_all())
    for name, canvas in zip(names, canvases, strict=True):
        with house_style():
            renderer = FigureCanvasAgg(canvas).get_renderer()
            canvas.draw(renderer)
            words = [text for text in canvas.findobj(Text) if text.get_text().strip()]
            boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in words]
        for text, box in boxes:
            assert canvas.bbox.x0 <= box.x0 and box.x1 <= canvas.bbox.x1, (name, text)
            assert canvas.bbox.y0 <= box.y0 and box.y1 <= canvas.bbox.y1, (name, text)
        for (one, a), (other, b) in itertools.combinations(boxes, 2):
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            tall = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert wide <= LEGIBLE_OVERLAP or tall <= LEGIBLE_OVERLAP + 2, (name, one, other)


_SCRIPT = """
import hashlib, sys, warnings
warnings.simplefilter("error")
import pandas as pd
from loyaltylab.figures import rates_over_time, retention_curves
curve = pd.DataFrame({"time": [10.0, 300.0], "retention": [2 / 3, 1 / 3], "ci_lower": [0.5, 0.2],
                      "ci_upper": [0.9, 0.7], "n_at_risk": [30, 20]})
months = pd.DataFrame({"period_start": pd.date_range("2024-01-01", periods=4, freq="MS"),
                       "rate": 1 / 30, "ci_lower": 0.02, "ci_upper": 0.05})
one = retention_curves({"a": curve, "b": curve}, horizon=300, stamp="s", caption="c")
two = rates_over_time(months, stamp="s", caption="c")
assert "matplotlib.pyplot" not in sys.modules
print(hashlib.sha256((one.svg + one.alt + two.svg + two.alt).encode()).hexdigest())
"""


def test_two_processes_draw_the_same_bytes():
    source = str(Path(__file__).parents[2] / "src")
    hashes = set()
    for seed, zone in (("0", "UTC"), ("4242", "Asia/Tokyo")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": source}
        done = subprocess.run([sys.executable, "-c", _SCRIPT], env=env, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout)
    assert len(hashes) == 1


def test_the_font_is_the_one_that_comes_with_matplotlib():
    for weight in ("normal", "bold"):
        found = findfont(f"DejaVu Sans:{weight}")
        assert Path(found).is_relative_to(matplotlib.get_data_path())


def _linear(color: str) -> np.ndarray:
    shares = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


# Machado, Oliveira and Fernandes (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_stay_apart_for_colour_blind_readers(kind):
    seen = [_lab(np.array(BLINDNESS[kind]) @ _linear(style.color)) for style in SERIES]
    closest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert closest >= SMALLEST_DISTANCE


def test_colours_stand_out_from_paper_and_series_differ_without_colour():
    for style in SERIES:
        luminance = float(_linear(style.color) @ [0.2126, 0.7152, 0.0722])
        assert 1.05 / (luminance + 0.05) >= SMALLEST_CONTRAST
    assert len({str(style.dashes) for style in SERIES}) == len(SERIES)
    assert len({style.marker for style in SERIES}) == len(SERIES)
