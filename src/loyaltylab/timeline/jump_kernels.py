"""Splitting spells at jumps, as loops: one ordering of the jumps, then one sweep over the spells.

Times are whole microseconds. The jumps of customer c are ``order[opening[c]:opening[c + 1]]``.
A jump belongs to a spell if its event fell in it, or if its covariate is carried.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loyaltylab.compiled import compiled

# What is known of a jump lies together: jumps of a customer lie far apart in memory, and every
# visit costs more than all that is done with it.
JUMP = np.dtype(
    [
        ("customer", np.int32),
        ("covariate", np.int16),
        ("fate", np.int16),
        ("at", np.int64),
        ("since", np.int64),  # time of the event it stems from
        ("change", np.float64),
    ]
)
Jumps = npt.NDArray[np.void]
Whole = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Real = npt.NDArray[np.float64]

# Fates of a jump, in the order of ``rows.FATES``; NONE until one is found.
WITHIN, BEFORE_ENTRY, AFTER_EXIT, BETWEEN, BEFORE_FIRST, NEVER_AT_RISK, NONE = 0, 1, 2, 3, 4, 5, 6
# Places of a jump's time, in the order of ``rows.PLACES``, and two more columns beside them.
EARLY, LATE, GAP, INSIDE, BOUNDARY, LEADING, TRAILING, TIED, MISSID = 0, 1, 2, 3, 4, 5, 6, 7, 8
# Fewer jumps than this are put in order one by one.
FEW = 64
MICROSECONDS_PER_DAY = 86_400_000_000
# Sums of a few decimals are exact to this many parts of one.
PARTS = 1e9


@compiled
def order_jumps(jumps: Jumps, opening: Whole, order: Small) -> None:
    """Positions of the jumps by customer, then time, then position.

    ``opening`` is 0 at first.
    """
    for i in range(len(jumps)):
        opening[jumps[i]["customer"] + 1] += 1
    for c in range(1, len(opening)):
        opening[c] += opening[c - 1]
    place = opening[:-1].copy()
    for i in range(len(jumps)):
        order[place[jumps[i]["customer"]]] = i
        place[jumps[i]["customer"]] += 1
    times = np.empty(FEW, dtype=np.int64)
    for c in range(len(opening) - 1):
        mine = order[opening[c] : opening[c + 1]]
        if len(mine) > FEW:
            many = np.array([jumps[jump]["at"] for jump in mine])
            mine[:] = mine[np.argsort(many, kind="mergesort")]
            continue
        for i in range(len(mine)):
            time, jump, j = jumps[mine[i]]["at"], mine[i], i
            while j > 0 and times[j - 1] > time:
                times[j], mine[j] = times[j - 1], mine[j - 1]
                j -= 1
            times[j], mine[j] = time, jump


@compiled
def sweep(
    spells: tuple[Small, Whole, Whole, Whole],
    jumps: Jumps,
    is_carried: Flags,
    ordered: tuple[Whole, Small],
    tied: Whole,
    rows: tuple[Small, Real, Real, Flags],
    values: Real,
) -> int:
    """Write the rows of every spell in order of time, and return their number.

    ``spells`` are customer, origin, entry and stop; ``is_carried`` is of each covariate;
    ``ordered`` are opening and order. The fate of each jump is NONE and the number ``tied`` of
    each covariate 0 at first. ``rows`` are spell, start, stop (days) and whether it is the last
    of its spell; ``values`` (covariates, rows) is each covariate throughout the row: the
    compensated sum of its jumps so far, missing before the first one where it is carried.
    """
    customer, origin, entry, stop = spells
    opening, order = ordered
    row_spell, row_start, row_stop, is_last = rows
    k = len(is_carried)
    total, lost, is_stated = np.zeros(k), np.zeros(k), np.zeros(k, dtype=np.bool_)
    n_together = np.zeros(k, dtype=np.int64)
    most = 0
    for c in range(len(opening) - 1):
        most = max(most, opening[c + 1] - opening[c])
    times, names = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int16)
    is_own, steps = np.empty(most, dtype=np.bool_), np.empty(most)
    row = 0
    for s in range(len(customer)):
        mine = order[opening[customer[s]] : opening[customer[s] + 1]]
        for i in range(len(mine)):  # fetched in one go
            jump = jumps[mine[i]]
            times[i], names[i], steps[i] = jump["at"], jump["covariate"], jump["change"]
            is_own[i] = (origin[s] <= jump["since"]) & (jump["since"] < stop[s])
        total[:], lost[:], is_stated[:], n_together[:] = 0.0, 0.0, ~is_carried, 0
        latest = entry[s]
        row_start[row] = (latest - origin[s]) / MICROSECONDS_PER_DAY
        for i in range(len(mine) + 1):
            is_over = i == len(mine)
            if not is_over:
                if not (is_own[i] or is_carried[names[i]]):
                    continue
                place = WITHIN if times[i] > entry[s] else BEFORE_ENTRY
                place = AFTER_EXIT if times[i] >= stop[s] else place
                jump = jumps[mine[i]]
                jump["fate"] = min(jump["fate"], place)
                if place == AFTER_EXIT:
                    continue
            if is_over or times[i] > latest:  # this row is complete
                for j in range(k):
                    value = np.rint(total[j] * PARTS) / PARTS + 0.0  # no negative zero
                    values[j, row] = value if is_stated[j] else np.nan
                latest = stop[s] if is_over else times[i]
                row_stop[row] = (latest - origin[s]) / MICROSECONDS_PER_DAY
                row_spell[row], is_last[row] = s, is_over
                row += 1
                n_together[:] = 0
                if is_over:
                    break
                row_start[row] = row_stop[row - 1]
            j = names[i]
            step = steps[i] - lost[j]
            larger = total[j] + step
            lost[j] = (larger - total[j]) - step
            total[j], is_stated[j] = larger, True
            if times[i] > entry[s]:
                n_together[j] += 1
                if n_together[j] > 1:  # the second of a tie makes the first one tied as well
                    tied[j] += 2 if n_together[j] == 2 else 1
    return row


@compiled
def count_fates(
    jumps: Jumps,
    spans: tuple[Whole, Whole],
    counts: Whole,
) -> None:
    """Count the jumps of every covariate by fate, those without any by where their event fell.

    ``spans`` are the first origin and the last stop of each customer, crossed for those without
    a spell.
    """
    origin, stop = spans
    for i in range(len(jumps)):
        place, customer, since = int(jumps[i]["fate"]), jumps[i]["customer"], jumps[i]["since"]
        if place == NONE and stop[customer] < origin[customer]:
            place = NEVER_AT_RISK
        elif place == NONE and since < origin[customer]:
            place = BEFORE_FIRST
        elif place == NONE:
            place = AFTER_EXIT if since >= stop[customer] else BETWEEN
        counts[jumps[i]["covariate"], place] += 1


@compiled
def count_places(
    jumps: Jumps,
    ordered: tuple[Whole, Small],
    spells: tuple[Whole, Whole, Whole],
    counts: Whole,
) -> None:
    """Count the jumps of every covariate by where their time falls among the spells.

    ``spells`` are the opening of each customer's spells in order of time, their entry and stop.
    ``counts`` (covariates, places) is 0 at first.
    """
    opening, order = ordered
    first, entry, stop = spells
    k = len(counts)
    previous, last_seen = np.empty(k, dtype=np.int64), np.full(k, -1)
    for c in range(len(opening) - 1):
        s, end = first[c], first[c + 1]
        for i in range(opening[c], opening[c + 1]):
            j, t = jumps[order[i]]["covariate"], jumps[order[i]]["at"]
            while s < end and stop[s] < t:
                s += 1
            if first[c] == end:
                place = MISSID
            elif s == end:
                place = LATE
            elif t < entry[s]:
                place = EARLY if s == first[c] else GAP
            elif t == entry[s]:
                place = LEADING
            elif t < stop[s]:
                place = INSIDE
            else:
                is_next = s + 1 < end and entry[min(s + 1, end - 1)] == t
                place = BOUNDARY if is_next else TRAILING
            counts[j, place] += 1
            if place != MISSID and last_seen[j] == c and previous[j] == t:
                counts[j, TIED] += 1
            previous[j], last_seen[j] = t, c
