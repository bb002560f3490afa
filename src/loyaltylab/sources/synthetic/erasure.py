"""A defect: records of those who left before a migration of the data were never carried over."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.params import SyntheticParameters


def erase_leavers(
    frames: Mapping[str, pd.DataFrame], *, parameters: SyntheticParameters
) -> dict[str, pd.DataFrame]:
    """Drop every customer who was gone for good when ``data_cut`` of the window had passed.

    What is left looks complete: those who stayed keep their whole past.
    """
    if not parameters.data_cut:
        return dict(frames)
    start = pd.Timestamp(parameters.window_start, tz="UTC")
    end = pd.Timestamp(parameters.window_end, tz="UTC")
    cut = start + parameters.data_cut * (end - start)
    contracts = frames["contracts"]
    is_gone = contracts["ended_at"].notna() & (contracts["ended_at"] < cut)
    lasting = set(contracts.loc[~is_gone, "customer_id"])
    return {name: _keep(frame, customers=lasting) for name, frame in frames.items()}


def _keep(frame: pd.DataFrame, *, customers: set[str]) -> pd.DataFrame:
    for column in ("customer_id", "neighbour_id"):
        if column in frame:
            frame = frame[frame[column].isin(customers)]
    kept = frame.copy()
    kept.index = pd.RangeIndex(1, len(kept) + 1)
    return kept
