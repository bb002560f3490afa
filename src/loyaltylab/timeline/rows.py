"""(start, stop] rows: spells split wherever a covariate jumps, and the fate of every jump."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds

# A jump has the first fate that fits.
FATES = (
    "within",  # splits a row
    "before_entry",  # acts from the first row on
    "after_exit",  # too late to act
    "between_spells",
    "before_first_spell",
    "customer_never_at_risk",  # unknown, or without a spell under observation
)
JUMP_COLUMNS = ("customer_id", "at", "since_at", "covariate", "change")
# Sums of a few decimals are exact to this many places.
VALUE_DECIMALS = 9


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
    """

    frame: pd.DataFrame
    audit: pd.DataFrame


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
        ``covariate``, ``change``. A jump belongs to the spell in which its event fell.
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
    _check_jumps(jumps)
    names = sorted(set(jumps["covariate"]))
    bounds, moved = _bounds(spells), _in_microseconds(jumps)
    pairs = moved.merge(bounds, on="customer_id", how="inner", sort=False)
    acting = _find_fates(pairs, carried)
    audit = _count_fates(moved, pairs, acting, names)
    acting = acting[acting["fate"] != FATES.index("after_exit")]
    entry, stop, origin = (bounds[name].to_numpy() for name in ("entry", "stop", "origin"))
    spell = acting["spell"].to_numpy()
    row_of_jump, row_spell, row_start = _cut(
        entry, spell, np.maximum(acting["at"].to_numpy(), entry[spell])
    )
    is_last = np.diff(row_spell, append=-1) != 0
    row_stop = np.where(is_last, stop[row_spell], np.roll(row_start, -1))
    frame = pd.DataFrame(
        {
            "customer_id": spells["customer_id"].to_numpy()[row_spell],
            "spell_number": spells["spell_number"].to_numpy()[row_spell],
            "start": (row_start - origin[row_spell]) / MICROSECONDS_PER_DAY,
            "stop": (row_stop - origin[row_spell]) / MICROSECONDS_PER_DAY,
            "event": spells["event"].to_numpy(dtype=bool)[row_spell] & is_last,
            "exit_cause": np.where(is_last, spells["exit_cause"].to_numpy()[row_spell], ""),
        }
    ).astype({"customer_id": "string", "exit_cause": "string"})
    values = _values(acting, row_of_jump, row_spell, names=names, carried=carried)
    return CountingRows(pd.concat([frame, values], axis="columns"), audit)


def _check_jumps(jumps: pd.DataFrame) -> None:
    missing = jumps[list(JUMP_COLUMNS)].isna().sum()
    problems = [f"{column}: {n} missing values" for column, n in missing.items() if n]
    n_infinite = int(np.isinf(jumps["change"].to_numpy(dtype=np.float64)).sum())
    if n_infinite:
        problems.append(f"change: {n_infinite} infinite values")
    if problems:
        raise TableError("Every jump needs a customer, two times, a covariate, a change:", problems)


def _bounds(spells: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": spells["customer_id"].to_numpy(),
            "spell": np.arange(len(spells)),
            "origin": to_microseconds(spells["origin_at"]),
            "entry": to_microseconds(spells["entry_at"]),
            "stop": to_microseconds(spells["stop_at"]),
        }
    ).astype({"customer_id": "string"})


def _in_microseconds(jumps: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "jump": np.arange(len(jumps)),
            "customer_id": jumps["customer_id"].to_numpy(),
            "at": to_microseconds(jumps["at"]),
            "since": to_microseconds(jumps["since_at"]),
            "covariate": jumps["covariate"].to_numpy(),
            "change": jumps["change"].to_numpy(dtype=np.float64),
        }
    ).astype({"customer_id": "string"})


def _find_fates(pairs: pd.DataFrame, carried: tuple[str, ...]) -> pd.DataFrame:
    """Jumps with a spell they belong to, and the place in FATES of what they do there."""
    inside = (pairs["origin"] <= pairs["since"]) & (pairs["since"] < pairs["stop"])
    own = pairs[inside | pairs["covariate"].isin(carried)]
    fate = np.select([own["at"] >= own["stop"], own["at"] <= own["entry"]], [2, 1], 0)
    return own.assign(fate=fate)


def _count_fates(
    moved: pd.DataFrame, pairs: pd.DataFrame, acting: pd.DataFrame, names: list[str]
) -> pd.DataFrame:
    fate = np.full(len(moved), FATES.index("customer_never_at_risk"))
    spans = pairs.groupby("jump").agg(
        since=("since", "first"), origin=("origin", "min"), stop=("stop", "max")
    )
    fate[spans.index.to_numpy(dtype=np.int64)] = np.select(
        [spans["since"] < spans["origin"], spans["since"] >= spans["stop"]],
        [FATES.index("before_first_spell"), FATES.index("after_exit")],
        FATES.index("between_spells"),
    )
    first = acting.groupby("jump")["fate"].min()
    fate[first.index.to_numpy(dtype=np.int64)] = first.to_numpy()
    covariate = pd.Index(names).get_indexer(pd.Index(moved["covariate"]))
    counts = np.zeros((len(names), len(FATES)), dtype=np.int64)
    np.add.at(counts, (covariate, fate), 1)
    audit = pd.DataFrame(counts, index=pd.Index(names, name="covariate"), columns=list(FATES))
    within = acting[acting["fate"] == FATES.index("within")]
    tied = within[within.duplicated(["spell", "at", "covariate"], keep=False)]
    n_tied = tied.groupby("covariate").size().reindex(names, fill_value=0)
    return audit.assign(
        tied=n_tied.to_numpy(dtype=np.int64),
        total=np.bincount(covariate, minlength=len(names)),
    )


def _cut(
    entry: npt.NDArray[np.int64], spell: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row that each jump begins; spell and start of every row, in order."""
    spells = np.concatenate([np.arange(len(entry)), spell])
    times = np.concatenate([entry, at])
    order = np.lexsort((times, spells))
    is_new = np.diff(spells[order], prepend=-1) != 0
    is_new[1:] |= np.diff(times[order]) != 0
    row = np.empty(len(order), dtype=np.int64)
    row[order] = np.cumsum(is_new) - 1
    begins = order[is_new]
    return row[len(entry) :], spells[begins], times[begins]


def _values(
    acting: pd.DataFrame,
    row: npt.NDArray[np.int64],
    row_spell: npt.NDArray[np.int64],
    *,
    names: list[str],
    carried: tuple[str, ...],
) -> pd.DataFrame:
    """Sum of the jumps so far, per row and covariate."""
    column = pd.Index(names).get_indexer(pd.Index(acting["covariate"]))
    steps = np.zeros((len(row_spell), len(names)))
    np.add.at(steps, (row, column), acting["change"].to_numpy())
    sums = pd.DataFrame(steps, columns=names).groupby(row_spell).cumsum()
    sums = sums.round(VALUE_DECIMALS) + 0.0  # no negative zero
    for name in sorted(set(names) & set(carried)):
        is_stated = np.zeros(len(row_spell), dtype=bool)
        is_stated[row[(acting["covariate"] == name).to_numpy()]] = True
        sums[name] = sums[name].where(pd.Series(is_stated).groupby(row_spell).cummax())
    return sums
