"""The mechanism in pictures: which boxes are seen together, and where each stands.

One picture of all its arrows could not be read. Each view shows some nodes and every arrow
between them; together the views show every arrow. The overview puts nodes together and leaves
out feedback. Layers run from cause to effect, top down.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from loyaltylab.sources.synthetic.mechanism import NODES, Arrow, arrows_of


@dataclass(frozen=True)
class View:
    """A part of the mechanism laid out.

    Attributes
    ----------
    name, title : str
        A short name, and the heading of the picture.
    layers : tuple of tuple of str
        Names of boxes, top down and left to right; an empty name leaves a place free.
    groups : dict of str to tuple of str
        Boxes that stand for several nodes. Their arrows are those of the nodes; where these
        disagree in sign, it is "+/-".
    are_knobs : bool
        False: the arrows that are always there. True: those that knobs switch on.
    is_forward : bool
        Whether arrows that point up the layers are left out: feedback, from the next day on.
    """

    name: str
    title: str
    layers: tuple[tuple[str, ...], ...]
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    are_knobs: bool = False
    is_forward: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The boxes shown, in the order of the layers."""
        return tuple(name for layer in self.layers for name in layer if name)

    @property
    def _boxes(self) -> dict[str, str]:
        """For each node shown, its box."""
        return {node: box for box in self.names for node in self.groups.get(box, (box,))}

    def arrows(self) -> tuple[Arrow, ...]:
        """The mechanism's arrows that the picture shows, before any are put together."""
        shown = arrows_of(self._boxes, are_knobs=self.are_knobs)
        if not self.is_forward:
            return shown
        layer = {node: number for number, names in enumerate(self.layers)
                 for node, box in self._boxes.items() if box in names}  # fmt: skip
        return tuple(arrow for arrow in shown if layer[arrow.cause] <= layer[arrow.effect])

    def node_frame(self) -> pd.DataFrame:
        """Columns name and kind, one row per box; a group has the kind of its first node."""
        kinds = {node.name: node.kind for node in NODES}
        rows = [(name, kinds[self.groups.get(name, (name,))[0]]) for name in self.names]
        return pd.DataFrame(rows, columns=["name", "kind"])

    def arrow_frame(self) -> pd.DataFrame:
        """Columns cause, effect, sign, is_lagged and parameters, one row per pair of boxes.

        Examples
        --------
        >>> VIEWS["knobs"].arrow_frame().loc[0, "parameters"]
        'k_save_route'
        """
        of, together = self._boxes, dict[tuple[str, str], list[Arrow]]()
        for arrow in self.arrows():
            if of[arrow.cause] != of[arrow.effect]:
                together.setdefault((of[arrow.cause], of[arrow.effect]), []).append(arrow)
        rows = []
        for (cause, effect), arrows in together.items():
            signs = {arrow.sign for arrow in arrows}
            names = dict.fromkeys(name for arrow in arrows for name in arrow.parameters)
            rows.append((cause, effect, signs.pop() if len(signs) == 1 else "+/-",
                         all(arrow.is_lagged for arrow in arrows), ", ".join(names)))  # fmt: skip
        return pd.DataFrame(rows, columns=["cause", "effect", "sign", "is_lagged", "parameters"])


_VIEWS = (
    View(
        "overview",
        "What leads to an exit, feedback left out",
        (
            ("Requests", "Failures, shock", "Team, outreach"),
            ("", "Contacts", "Compensation, voucher", ""),
            ("Fit", "Wait, handoff, denial, not solved", "Term and notice"),
            ("Grievance", "Satisfaction", "Affective commitment", "Calculative commitment"),
            ("", "Intent to leave", "Frailty", "Friction"),
            ("", "Attempt to leave", ""),
            ("Retention desk", "Request to leave", ""),
            ("Saved by desk", "", "Life event, failed payment"),
            ("", "Exit", ""),
        ),
        groups={
            "Failures, shock": ("Failures", "Shock"),
            "Team, outreach": ("Integrated team", "Outreach"),
            "Compensation, voucher": ("Compensation", "Voucher held"),
            "Wait, handoff, denial, not solved": ("Wait", "Handoffs", "Denials", "Not solved"),
            "Intent to leave": ("Intent, service", "Intent, price"),
        },
        is_forward=True,
    ),
    View(
        "service",
        "How a failure or a request turns into feelings",
        (
            ("Failures", "Requests", "Integrated team", "Site skill"),
            ("", "Contacts", ""),
            ("Wait", "Handoffs", "Denials"),
            ("", "Not solved", ""),
            ("Fit", "Satisfaction", "Grievance"),
            ("", "Affective commitment", ""),
        ),
    ),
    View(
        "shock",
        "What a shock does, and the compensation for it",
        (
            ("Shock", "", "Prefers money"),
            ("Contacts", "Compensation", ""),
            ("Satisfaction", "Voucher held", "Grievance"),
            ("Intent, service", "", "Intent, price"),
        ),
    ),
    View(
        "outreach",
        "What is sent unasked, and to whom",
        (
            ("Failures", "Integrated team", "Retention desk"),
            ("", "Denials", "Request to leave"),
            ("Contacts", "Outreach", "Attempt to leave"),
            ("Satisfaction", "", "Grievance"),
            ("Affective commitment", "", ""),
            ("", "Win-back", ""),
        ),
    ),
    View(
        "leaving",
        "From feelings to an exit",
        (
            ("Frailty", "Satisfaction", "Grievance", "Reform"),
            ("Affective commitment", "", "Calculative commitment", "Term and notice"),
            ("Intent, service", "", "Intent, price", "Friction"),
            ("", "Attempt to leave", ""),
            ("", "Request to leave", "Retention desk"),
            ("Life event, failed payment", "", "Saved by desk"),
            ("Exit",),
        ),
    ),
    View(
        "afterwards",
        "What follows an exit, and what is said in public",
        (
            ("Fit", "", "Public complaint"),
            ("Satisfaction", "", "Grievance"),
            ("Affective commitment", "Frailty", "Calculative commitment"),
            ("Intent, service", "Word of mouth", "Intent, price"),
            ("Exit",),
            ("Stated reason", "Win-back", ""),
        ),
    ),
    View(
        "records",
        "What ratings and surveys pick up",
        (
            ("Shock", "Handoffs", "Wait", "Denials"),
            ("", "Not solved", ""),
            ("Satisfaction", "", "Calculative commitment"),
            ("Affective commitment", "", ""),
            ("Ratings, surveys",),
        ),
    ),
    View(
        "knobs",
        "Confounding and defects that knobs switch on",
        (
            ("Worse terms", "Frailty", "Fit", "Site skill"),
            ("Requests", "", "Outreach", "Integrated team"),
            ("Intent, service", "Intent, price", "Hard cases", ""),
            ("Contacts", "Denials", "Handoffs", "Not solved"),
            ("Retention desk", "Grievance", "Satisfaction", "Calculative commitment"),
            ("Exit", "Compensation", "Lost record"),
        ),
        are_knobs=True,
    ),
)
VIEWS = {view.name: view for view in _VIEWS}
