"""What every plotting function returns: the picture, its words and its numbers."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass

import pandas as pd

from loyaltylab.errors import LoyaltyLabError


class FigureError(LoyaltyLabError):
    """A figure was asked to draw what its frame does not hold."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture that can be read without seeing it and checked without redrawing it.

    Parameters
    ----------
    svg : str
        The picture, one `<svg>` element; the same inputs give the same bytes.
    alt : str
        The picture in words, made from its numbers.
    caption : str
        What the reader should take from it.
    data : pandas.DataFrame
        The numbers drawn and nothing else, one tidy row each. What had to be suppressed is
        missing here too.
    """

    svg: str
    alt: str
    caption: str
    data: pd.DataFrame

    def _repr_html_(self) -> str:
        """Show the figure in a notebook with its alternative text and caption."""
        picture = base64.b64encode(self.svg.encode("utf-8")).decode("ascii")
        return (
            f'<figure><img src="data:image/svg+xml;base64,{picture}" '
            f'alt="{html.escape(self.alt)}">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )
