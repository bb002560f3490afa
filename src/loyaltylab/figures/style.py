"""One look: colours, lines and type that survive colour blindness, grey print and a phone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib

from loyaltylab.figures.figure import FigureError

INK = "#222222"
GREY = "#5F5F5F"
RULE = "#8A8A8A"
GRID = "#E4E4E4"
BAND_ALPHA = 0.18

# Sizes in points on a sheet 432 points wide: on a phone of 360 px the text is 8 to 9 px high.
TEXT_SIZE = 11.0
SMALL_SIZE = 10.0
STAMP_SIZE = 9.0
TITLE_SIZE = 12.5


@dataclass(frozen=True)
class SeriesStyle:
    """How one group is told from the others: by colour, by dashes and by marker."""

    color: str
    dashes: Any
    marker: str


# Three colours of Okabe and Ito (2008), ink, and a purple and a brown dark enough for thin lines:
# contrast to white of at least 3, and apart under the three kinds of colour blindness.
SERIES = (
    SeriesStyle("#0072B2", "-", "o"),
    SeriesStyle("#D55E00", (0, (5, 1.6)), "s"),
    SeriesStyle("#009E73", (0, (1.4, 1.3)), "^"),
    SeriesStyle("#222222", (0, (7, 1.6, 1.4, 1.6)), "D"),
    SeriesStyle("#C8649F", (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)), "v"),
    SeriesStyle("#7A4A00", (0, (9, 2.5)), "P"),
)

_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL_SIZE,
    "ytick.labelsize": SMALL_SIZE,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.9,
    "lines.dash_capstyle": "butt",
    "lines.scale_dashes": True,
    "path.simplify": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "loyaltylab",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style, whatever the session has set, and leave the session as it was."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def assign_styles(names: Iterable[str]) -> dict[str, SeriesStyle]:
    """Give each name its own style, in the order of first appearance.

    Raises
    ------
    FigureError
        If there are more names than styles that a reader can tell apart.
    """
    unique = list(dict.fromkeys(names))
    if len(unique) > len(SERIES):
        raise FigureError(
            f"{len(unique)} series in one picture cannot be told apart; draw at most "
            f"{len(SERIES)}, or several figures."
        )
    return dict(zip(unique, SERIES, strict=False))
