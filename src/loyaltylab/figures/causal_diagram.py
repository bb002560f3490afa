"""What acts on what: boxes in layers, and an arrow for every direct effect."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from loyaltylab.figures import wording
from loyaltylab.figures.arrow_routes import find_routes, place_boxes
from loyaltylab.figures.checks import check_frame, check_unique
from loyaltylab.figures.diagram_strokes import (
    BORDERS,
    STROKES,
    add_key,
    draw_box,
    draw_ends,
    draw_line,
)
from loyaltylab.figures.figure import Figure, FigureError
from loyaltylab.figures.sheet import Sheet
from loyaltylab.figures.style import TITLE_SIZE, house_style

WHAT = "The causal diagram"
MOST_IN_A_LAYER = 6
_LATER = " from the next day on"
_VERBS = {"+": "raises", "-": "lowers", "+/-": "moves either way"}


def causal_diagram(
    nodes: pd.DataFrame,
    arrows: pd.DataFrame,
    *,
    layers: Sequence[Sequence[str]],
    stamp: str | None,
    caption: str,
    title: str | None = None,
) -> Figure:
    """Draw which causes act on which effects, and which way.

    Parameters
    ----------
    nodes : pandas.DataFrame
        Columns name and kind: one of trait, policy, event, feeling, intent, outcome, record.
    arrows : pandas.DataFrame
        Columns cause, effect and sign ("+", "-" or "+/-"), one row per pair; optionally
        is_lagged: whether it acts from the next day on.
    layers : sequence of sequences of str
        Names of the boxes from the top down and from left to right, each node once, at most 6 in
        a layer. An empty name leaves a place free.
    stamp, caption, title : str or None
        Source of the data, message and heading.

    Returns
    -------
    Figure
        Its data are the arrows, with columns cause, effect, sign and is_lagged.

    Raises
    ------
    FigureError
        If a frame is empty or lacks a column, a name, kind or sign is unknown, a node has not
        exactly one place, or an arrow occurs twice or returns to its own box.

    Examples
    --------
    >>> nodes = pd.DataFrame({"name": ["Failure", "Grievance"], "kind": ["event", "feeling"]})
    >>> arrows = pd.DataFrame({"cause": ["Failure"], "effect": ["Grievance"], "sign": ["+"]})
    >>> causal_diagram(nodes, arrows, layers=[["Failure"], ["Grievance"]], stamp=None,
    ...                caption="Failures leave a grievance.").alt
    'Causal diagram with 2 boxes and 1 arrow. Event: Failure. Feeling: Grievance. Failure \
raises Grievance.'
    """
    check_frame(nodes, ["name", "kind"], what=WHAT)
    check_frame(arrows, ["cause", "effect", "sign"], what=WHAT)
    check_unique(nodes, ["name"], what=WHAT)
    check_unique(arrows, ["cause", "effect"], what=WHAT)
    _check_names(nodes, arrows, layers)
    lagged = arrows["is_lagged"].astype(bool) if "is_lagged" in arrows.columns else False
    data = arrows[["cause", "effect", "sign"]].assign(is_lagged=lagged).reset_index(drop=True)
    kinds = {str(name): str(kind) for name, kind in zip(nodes["name"], nodes["kind"], strict=True)}
    alt = wording.sentences(*_describe(kinds, data), stamp)
    return Figure(_draw(kinds, data, layers, title=title, stamp=stamp), alt, caption, data)


def _check_names(
    nodes: pd.DataFrame, arrows: pd.DataFrame, layers: Sequence[Sequence[str]]
) -> None:
    """Refuse what has no place, no box, no kind or no sign; every failure at once."""
    known = set(nodes["name"])
    placed = [name for names in layers for name in names if name]
    problems = [
        f"{role} {name!r} of an arrow is not the name of a node"
        for role in ("cause", "effect")
        for name in sorted(set(arrows[role]) - known)
    ]
    problems += [f"arrow from {name!r} to itself; a box cannot act on itself"
                 for name in arrows.loc[arrows["cause"] == arrows["effect"], "cause"]]  # fmt: skip
    problems += [f"{name!r} in layers is not the name of a node"
                 for name in sorted(set(placed) - known)]  # fmt: skip
    problems += [f"{name!r} has {placed.count(name)} places in layers; give it one"
                 for name in nodes["name"] if placed.count(name) != 1]  # fmt: skip
    problems += [f"layer {number} has {len(names)} places; at most {MOST_IN_A_LAYER} fit"
                 for number, names in enumerate(layers, 1)
                 if len(names) > MOST_IN_A_LAYER]  # fmt: skip
    problems += [f"layer {number} names no node; leave it out"
                 for number, names in enumerate(layers, 1) if not any(names)]  # fmt: skip
    for column, values, allowed in (
        ("kind", nodes["kind"], BORDERS),
        ("sign", arrows["sign"], STROKES),
    ):
        problems += [f"{column} {value!r} is not one of {', '.join(allowed)}"
                     for value in sorted(set(values) - set(allowed))]  # fmt: skip
    if problems:
        raise FigureError(f"{WHAT} cannot be drawn.", problems)


def _describe(kinds: dict[str, str], data: pd.DataFrame) -> list[str]:
    """Every box by its kind, then every arrow by its cause."""
    n_arrows = len(data)
    parts = [f"Causal diagram with {len(kinds)} box{'' if len(kinds) == 1 else 'es'} and "
             f"{n_arrows} arrow{'' if n_arrows == 1 else 's'}"]  # fmt: skip
    for kind in BORDERS:
        names = [name for name, own in kinds.items() if own == kind]
        parts += [f"{kind.capitalize()}: {'; '.join(names)}"] if names else []
    for cause, block in data.groupby("cause", sort=False):
        effects = [
            f"{_VERBS[sign]} {effect}{_LATER if is_lagged else ''}"
            for effect, sign, is_lagged in zip(
                block["effect"], block["sign"], block["is_lagged"], strict=True
            )
        ]
        parts.append(f"{cause} {'; '.join(effects)}")
    return parts


def _draw(
    kinds: dict[str, str],
    data: pd.DataFrame,
    layers: Sequence[Sequence[str]],
    *,
    title: str | None,
    stamp: str | None,
) -> str:
    links = list(zip(data["cause"], data["effect"], strict=True))
    signs = [sign for sign in STROKES if (data["sign"] == sign).any()]
    with house_style():
        sheet = Sheet()
        if title:
            sheet.add_paragraph(title, size=TITLE_SIZE, weight="bold")
        add_key(sheet, signs=signs, kinds=[kind for kind in BORDERS if kind in kinds.values()],
                has_lagged=bool(data["is_lagged"].any()))  # fmt: skip
        grid = place_boxes(layers, links, top=sheet.y + 4)
        routes = find_routes(grid, links)
        for link, sign in zip(links, data["sign"], strict=True):
            draw_line(sheet, routes[link], sign)
        for link, sign, is_lagged in zip(links, data["sign"], data["is_lagged"], strict=True):
            draw_ends(sheet, routes[link], sign, is_lagged=is_lagged)
        for name, box in grid.boxes.items():
            draw_box(sheet, box, kinds[name])
        sheet.y = grid.bottom + 6
        return sheet.to_svg(stamp)
