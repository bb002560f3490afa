"""Finding the place of rows among times and in their cluster, as loops over rows."""

from __future__ import annotations

import numpy as np

from loyaltylab.compiled import compiled
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray


@compiled
def find_times_at_risk(
    distinct: FloatArray, start: FloatArray, stop: FloatArray, first: IntArray, last: IntArray
) -> None:
    """First and last of the distinct, increasing times in each (start, stop].

    A guide of equally wide steps says between which two places to look.
    """
    m = len(distinct)
    lowest, highest = distinct[0], distinct[m - 1]
    per_unit = 0.0
    if highest > lowest and np.isfinite(m / (highest - lowest)):
        per_unit = m / (highest - lowest)
    guide = np.zeros(m + 2, dtype=np.int64)
    for t in range(m):
        guide[int((distinct[t] - lowest) * per_unit) + 1] += 1
    for step in range(1, m + 2):
        guide[step] += guide[step - 1]
    for i in range(len(start)):
        for is_stop in range(2):
            time = stop[i] if is_stop else start[i]
            low, high = 0, 0
            if not is_stop and i > 0 and time == stop[i - 1]:  # goes on where the last row ended
                low, high = last[i - 1] + 1, last[i - 1] + 1
            elif time >= highest:
                low, high = m, m
            elif time >= lowest:
                step = int((time - lowest) * per_unit)
                low, high = guide[step], guide[step + 1]
            while low < high:
                middle = (low + high) // 2
                if distinct[middle] <= time:
                    low = middle + 1
                else:
                    high = middle
            if is_stop:
                last[i] = low - 1
            else:
                first[i] = low


@compiled
def find_pieces(
    cluster: IntArray,
    start: FloatArray,
    stop: FloatArray,
    is_censored: BoolArray,
    by_start: IntArray,
    has_earlier: BoolArray,
    has_later: BoolArray,
) -> None:
    """Mark rows that begin where a censored row of their cluster ends, and those that end there.

    ``by_start`` are the positions of the rows by start. The marks are False at first.
    """
    opening = np.zeros(cluster.max() + 2, dtype=np.int64)
    for i in range(len(cluster)):
        opening[cluster[i] + 1] += 1
    for c in range(1, len(opening)):
        opening[c] += opening[c - 1]
    place = opening[:-1].copy()
    order = np.empty(len(cluster), dtype=np.int64)
    for row in by_start:
        order[place[cluster[row]]] = row
        place[cluster[row]] += 1
    for i in range(len(cluster)):
        low, end = opening[cluster[i]], opening[cluster[i] + 1]
        if not is_censored[i] or end - low == 1:
            continue
        high = end
        while low < high:
            middle = (low + high) // 2
            if start[order[middle]] < stop[i]:
                low = middle + 1
            else:
                high = middle
        while low < end and start[order[low]] == stop[i]:
            has_later[i] = True
            if has_earlier[order[low]]:
                break  # so have all that begin here
            has_earlier[order[low]] = True
            low += 1
