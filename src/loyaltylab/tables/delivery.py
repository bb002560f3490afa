"""What a source hands over: frames as delivered, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from loyaltylab.tables.rules import Violation

Nature = Literal["synthetic", "sample", "real"]


@dataclass(frozen=True)
class SourceDescription:
    """What every page says about the data.

    Attributes
    ----------
    kind : str
        ``synthetic`` or the kind of file.
    label : str
        Who or what the customers are, in a few words.
    is_synthetic : bool
        True when no customer in it is real.
    window_start_at, window_end_at : pandas.Timestamp
        The study window (UTC): before its start nobody is under observation, at its end
        everyone still a customer is censored.
    data_hash : str
        SHA-256 of what was delivered, so that a page can be tied to its data.
    is_sample : bool
        True for a published example whose customers may be invented.
    attributes : mapping of str to str
        Attribute name -> its meaning and when it was known.
    attributes_not_for_models : tuple of str
        Attributes that restate the outcome or its time, such as all charges so far.
    notes : tuple of str
        What a reader must know before believing a number.
    """

    kind: str
    label: str
    is_synthetic: bool
    window_start_at: pd.Timestamp
    window_end_at: pd.Timestamp
    data_hash: str
    is_sample: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    attributes_not_for_models: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def nature(self) -> Nature:
        """What kind of data they are."""
        if self.is_synthetic:
            return "synthetic"
        return "sample" if self.is_sample else "real"


@dataclass(frozen=True)
class Delivery:
    """Tables as a source delivered them, not yet validated.

    Attributes
    ----------
    description : SourceDescription
        What the data are.
    frames : mapping of str to pandas.DataFrame
        Table name -> frame; the index is the row number in the file it came from.
    files : mapping of str to str
        Table name -> the file its rows came from, as named in messages.
    set_aside : tuple of str
        Rules whose offending rows the researcher agreed to set aside (quarantine).
    violations : tuple of Violation
        What the source itself could not read, such as a date that is none.
    """

    description: SourceDescription
    frames: Mapping[str, pd.DataFrame]
    files: Mapping[str, str]
    set_aside: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
