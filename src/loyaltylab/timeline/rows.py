"""(start, stop] rows: spells split wherever a covariate jumps, and the fate of every jump."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import to_microseconds
from loyaltylab.timeline.jump_kernels import (
    JUMP,
    NONE,
    count_fates,
    count_places,
    order_jumps,
    sweep,
)

# A jump has the first fate that fits.
FATES = (
    "within",  # splits a row
    "before_entry",  # acts from the first row on
    "after_exit",  # too late to act
    "between_spells",
    "before_first_spell",
    "customer_never_at_risk",  # unknown, or without a spell under observation
)
# Where a jump's time falls among the times at risk of its customer, in the words of R's tmerge.
PLACES = (
    "early",  # before the first
    "late",  # after the last
    "gap",  # between two
    "within",
    "boundary",  # the end of one and the start of the next
    "leading",  # the start of one
    "trailing",  # the end of one
    "tied",  # not a place: repeats the time of another jump of the same covariate
    "missid",  # the customer is never at risk
)
# Positions of up to so many jumps fit into the smaller integers.
MANY = np.iinfo(np.int32).max
# Past every time.
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class CountingRows:
    """Spells in counting-process form.

    Attributes
    ----------
    frame : pandas.DataFrame
        ``customer_id``, ``spell_number``, ``start``, ``stop`` (days since the spell's time
        zero, at risk in (start, stop]), ``event``, ``exit_cause``, then one column per
        covariate with its value throughout the row; missing where a carried covariate has not
        yet been stated.
    audit : pandas.DataFrame
        Index covariate; one column per fate of its jumps, ``tied`` (those within at the same
        moment as another of the same spell) and ``total``, the jumps given. The fates add up to
        ``total``: a carried jump that acts in several spells counts once, by its first fate.
    places : pandas.DataFrame
        Index covariate; where the times of its jumps fall, whatever spell they belong to:
        the columns of ``attr(tmerge(...), "tcount")`` in R, for each covariate merged alone onto
        the spells, and ``total``. The places without ``tied`` add up to ``total``. R counts a
        jump as ``tied`` once less than ``audit`` does (two at one moment are one repetition),
        and outside the time at risk too.

    Notes
    -----
    With one spell per customer, watched from entry to stop, and ``since_at`` equal to ``at`` or
    the covariate carried, places and fates of all jumps correspond:

    ==============  =====================================================================
    place (R)       fate
    ==============  =====================================================================
    within          within
    leading         before_entry: acts from the first row on
    early           before_entry; before_first_spell if not carried and before time zero
    late, trailing  after_exit
    missid          customer_never_at_risk
    ==============  =====================================================================

    With several spells a gap is ``between_spells``, unless the covariate is carried and so acts
    in the next one; a ``trailing`` jump of one not carried is ``between_spells`` if another
    spell follows, for it belongs to none; a ``boundary`` one belongs to the spell that begins.
    """

    frame: pd.DataFrame
    audit: pd.DataFrame
    places: pd.DataFrame


def split_at_jumps(
    spells: pd.DataFrame, jumps: pd.DataFrame, *, carried: tuple[str, ...] = ()
) -> CountingRows:
    """Split spells at every jump of a covariate.

    Every covariate is 0 plus its jumps so far: a count jumps by 1 at each contact, a stock
    falls again when the case is solved, a moving window falls when the event grows old, a
    policy jumps to its new value. A jump at time t acts on (t, …]: what is learnt at a moment
    never explains what happens at that same moment. A row's end is the next row's start, so
    time at risk and exits are those of the spells.

    Parameters
    ----------
    spells : pandas.DataFrame
        As from :func:`build_spells`.
    jumps : pandas.DataFrame
        Columns ``customer_id``, ``at`` (when it acts), ``since_at`` (the event it stems from),
        ``covariate``, ``change``. A jump belongs to the spell in which its event fell. Text is
        coded first; with many millions of jumps a categorical ``customer_id`` saves half the time.
    carried : tuple of str
        Covariates that also carry what happened before the spell, such as a policy in force.
        Before their first jump they are missing: a rule that nobody stated is unknown, not 0.

    Returns
    -------
    CountingRows

    Raises
    ------
    TableError
        If a jump lacks a value, or its change is not finite.

    Source
    ------
    R ``survival::tmerge`` (counts of early, late, gap, within and tied events).
    """
    moved = _read_jumps(jumps, carried)
    bounds = _read_spells(spells, moved.customers)
    ordered = _order(moved)
    swept = _sweep(moved, bounds, ordered)
    audit, names = _count_fates(moved, bounds, swept), moved.names
    places = _count_places(moved, bounds, ordered)
    del moved, bounds, ordered  # the rows may need the memory
    return CountingRows(_tabulate(spells, names, swept), audit, places)


@dataclass(frozen=True)
class _Jumps:
    """Jumps with customers and covariates by code and times in microseconds."""

    customers: pd.Index
    names: list[str]
    is_carried: npt.NDArray[np.bool_]
    jumps: npt.NDArray[np.void]


@dataclass(frozen=True)
class _Bounds:
    """Spells as arrays: customers by the code of their jumps, times in microseconds."""

    customer: npt.NDArray[np.int32]
    origin: npt.NDArray[np.int64]
    entry: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Ordered:
    """Jumps of customer c by time: ``order[opening[c]:opening[c + 1]]``."""

    opening: npt.NDArray[np.int64]
    order: npt.NDArray[np.int32]


@dataclass(frozen=True)
class _Swept:
    """Rows, and the ties of each covariate."""

    tied: npt.NDArray[np.int64]
    spell: npt.NDArray[np.int32]
    start: npt.NDArray[np.float64]
    stop: npt.NDArray[np.float64]
    is_last: npt.NDArray[np.bool_]
    values: npt.NDArray[np.float64]


def _read_jumps(jumps: pd.DataFrame, carried: tuple[str, ...]) -> _Jumps:
    ids = jumps["customer_id"]
    if not isinstance(ids.dtype, pd.CategoricalDtype):
        # Plain objects: coding them takes half as long as coding a column of strings.
        ids = np.asarray(ids, dtype=object)
    customer, customers = pd.factorize(ids)
    covariate, found = pd.factorize(np.asarray(jumps["covariate"], dtype=object))
    change = jumps["change"].to_numpy(dtype=np.float64)
    n_missing = {
        "customer_id": np.count_nonzero(customer < 0),
        "at": int(jumps["at"].isna().sum()),
        "since_at": int(jumps["since_at"].isna().sum()),
        "covariate": np.count_nonzero(covariate < 0),
        "change": np.count_nonzero(np.isnan(change)),
    }
    problems = [f"{column}: {n} missing values" for column, n in n_missing.items() if n]
    n_infinite = np.count_nonzero(np.isinf(change))
    if n_infinite:
        problems.append(f"change: {n_infinite} infinite values")
    if problems:
        raise TableError("Every jump needs a customer, two times, a covariate, a change:", problems)
    names = sorted(found)
    rank = pd.Index(names, dtype=object).get_indexer(pd.Index(found, dtype=object))
    read = np.empty(len(jumps), dtype=JUMP)
    read["customer"] = customer
    read["covariate"] = rank.astype(np.int16)[covariate]
    read["fate"] = NONE
    read["at"] = to_microseconds(jumps["at"])
    read["since"] = to_microseconds(jumps["since_at"])
    read["change"] = change
    is_carried = np.array([name in carried for name in names], dtype=bool)
    return _Jumps(pd.Index(np.asarray(customers, dtype=object)), names, is_carried, read)


def _read_spells(spells: pd.DataFrame, customers: pd.Index) -> _Bounds:
    """Spells with the codes of the customers of the jumps; customers without get one more."""
    ids = pd.Index(np.asarray(spells["customer_id"], dtype=object), dtype=object)
    customer = customers.get_indexer(ids)
    return _Bounds(
        customer=np.where(customer < 0, len(customers), customer).astype(np.int32),
        origin=to_microseconds(spells["origin_at"]),
        entry=to_microseconds(spells["entry_at"]),
        stop=to_microseconds(spells["stop_at"]),
    )


def _order(moved: _Jumps) -> _Ordered:
    n = len(moved.jumps)
    opening = np.zeros(len(moved.customers) + 2, dtype=np.int64)
    order: npt.NDArray[Any] = np.empty(n, dtype=np.int32 if n <= MANY else np.int64)
    order_jumps(moved.jumps, opening, order)
    return _Ordered(opening, order)


def _sweep(moved: _Jumps, bounds: _Bounds, ordered: _Ordered) -> _Swept:
    # Every jump of a customer may begin a row of each of the spells. What is not written to takes
    # no memory.
    per_customer = np.diff(ordered.opening)
    most = len(bounds.customer) + int(per_customer[bounds.customer].sum())
    spell, is_last = np.empty(most, dtype=np.int32), np.empty(most, dtype=bool)
    start, stop, values = np.empty(most), np.empty(most), np.empty((len(moved.names), most))
    tied = np.zeros(len(moved.names), dtype=np.int64)
    n = sweep(
        (bounds.customer, bounds.origin, bounds.entry, bounds.stop),
        moved.jumps,
        moved.is_carried,
        (ordered.opening, ordered.order),
        tied,
        (spell, start, stop, is_last),
        values,
    )
    return _Swept(tied, spell[:n], start[:n], stop[:n], is_last[:n], values[:, :n])


def _count_fates(moved: _Jumps, bounds: _Bounds, swept: _Swept) -> pd.DataFrame:
    # The span of a customer without a spell ends before it begins.
    origin = np.full(len(moved.customers) + 1, NEVER, dtype=np.int64)
    stop = np.full(len(moved.customers) + 1, -NEVER, dtype=np.int64)
    np.minimum.at(origin, bounds.customer, bounds.origin)
    np.maximum.at(stop, bounds.customer, bounds.stop)
    counts = np.zeros((len(moved.names), len(FATES)), dtype=np.int64)
    spans = (origin, stop)
    count_fates(moved.jumps, spans, counts)
    audit = pd.DataFrame(counts, index=pd.Index(moved.names, name="covariate"), columns=list(FATES))
    return audit.assign(tied=swept.tied, total=counts.sum(axis=1))


def _count_places(moved: _Jumps, bounds: _Bounds, ordered: _Ordered) -> pd.DataFrame:
    by_time = np.lexsort((bounds.entry, bounds.customer))
    first = np.searchsorted(bounds.customer[by_time], np.arange(len(moved.customers) + 2))
    spells = (first.astype(np.int64), bounds.entry[by_time], bounds.stop[by_time])
    counts = np.zeros((len(moved.names), len(PLACES)), dtype=np.int64)
    count_places(moved.jumps, (ordered.opening, ordered.order), spells, counts)
    index = pd.Index(moved.names, name="covariate")
    places = pd.DataFrame(counts, index=index, columns=list(PLACES))
    return places.assign(total=places.drop(columns="tied").sum(axis=1))


def _tabulate(spells: pd.DataFrame, names: list[str], swept: _Swept) -> pd.DataFrame:
    """Rows in the order of spells and time."""
    # An exit stands in the last row of its spell; one more cause, the empty one, in the others.
    cause = spells["exit_cause"].astype("string")
    causes = pd.concat([cause, pd.Series([""], dtype="string")]).array
    last_spell = np.where(swept.is_last, swept.spell, np.int32(len(spells)))
    columns = {
        "customer_id": spells["customer_id"].astype("string").array.take(swept.spell),
        "spell_number": spells["spell_number"].to_numpy()[swept.spell],
        "start": swept.start,
        "stop": swept.stop,
        "event": spells["event"].to_numpy(dtype=bool)[swept.spell] & swept.is_last,
        "exit_cause": causes.take(last_spell),
    }
    columns |= dict(zip(names, swept.values, strict=True))
    return pd.DataFrame(columns, copy=False)
