"""Columns about customers that know the future, or say again who left and when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from loyaltylab.tables.columns import ATTRIBUTE_PREFIX, TIMESTAMP
from loyaltylab.tables.memberships import DAY
from loyaltylab.tables.traps import Trap

FEWEST_ON_A_SIDE = 20  # customers who left, and who stayed
FEWEST_OF_A_VALUE = 30
CHANCE = 1e-6
TELLS_ALL = 0.99  # area under the ROC curve, or rank correlation
MOST_VALUES = 0.1  # of the customers: a text with more is a name or number of its own
EXTRACT_DAYS = 31.0
AT_EXTRACT = 0.9
ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
MOSTLY = 0.95
UNDECLARED = "known at an undeclared time"
AT_THE_END = re.compile(r"\bknown\b.*\b(snapshot|extract|export|end of)\b", re.IGNORECASE)
PLAIN_COLUMNS = ("segment", "site", "direct_debits")
OF_FIRST_CONTRACT = ("price_eur", "notice_days", "signup_channel")
LEAVE_OUT = "leave it out, or mark it 'in_models: no' in the mapping"


def describe_customers(
    tables: Mapping[str, pd.DataFrame], members: pd.DataFrame, *, leave_out: tuple[str, ...] = ()
) -> pd.DataFrame:
    """What is said of each customer: own columns, attributes, and terms of the first contract.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables.
    members : pandas.DataFrame
        As from :func:`loyaltylab.tables.memberships.find_memberships`.
    leave_out : tuple of str
        Attributes that no model uses.

    Returns
    -------
    pandas.DataFrame
        Index as ``members``; columns named ``table.column``; those all missing are left out.
    """
    customers = tables["customers"].set_index("customer_id").reindex(members.index)
    wanted = [
        name
        for name in customers
        if name in PLAIN_COLUMNS
        or (str(name).startswith(ATTRIBUTE_PREFIX) and name not in leave_out)
    ]
    ordered = tables["contracts"].sort_values("started_at", kind="stable")
    terms = ordered.drop_duplicates("customer_id").set_index("customer_id").reindex(members.index)
    columns = {f"customers.{name}": customers[name] for name in wanted}
    columns |= {f"contracts.{name}": terms[name] for name in OF_FIRST_CONTRACT if name in terms}
    return pd.DataFrame(columns, index=members.index).dropna(axis="columns", how="all")


def find_attribute_traps(about: pd.DataFrame, members: pd.DataFrame) -> Iterator[Trap]:
    """Traps in columns about customers.

    Parameters
    ----------
    about : pandas.DataFrame
        As from :func:`describe_customers`.
    members : pandas.DataFrame
        As from :func:`loyaltylab.tables.memberships.find_memberships`.

    Yields
    ------
    Trap
        At most one per column of those that compare who left with who stayed.
    """
    has_left = members["has_left"].to_numpy(dtype=bool)
    is_comparable = min(has_left.sum(), (~has_left).sum()) >= FEWEST_ON_A_SIDE
    for name in about:
        column = about[name]
        dates = _as_dates(column)
        if dates is not None:
            yield from _dated_traps(str(name), dates, members)
        if is_comparable:
            found = _missing_trap(str(name), column, has_left)
            if found is None and dates is None:
                found = _outcome_trap(str(name), column, has_left)
            yield from [found] if found else []
    yield from _follow_up_traps(about, members)


def find_declared_traps(declared: Mapping[str, str]) -> Iterator[Trap]:
    """Traps in what a mapping says of its attributes: when they were known.

    Parameters
    ----------
    declared : mapping of str to str
        Attribute -> its meaning and when it was known; see ``SourceDescription.attributes``.
    """
    rule = "what a model adjusts for was known before the customer could leave"
    undated = [name for name, text in declared.items() if text.endswith(UNDECLARED)]
    if undated:
        yield Trap(
            "undated_attribute",
            "customers",
            ", ".join(undated),
            len(undated),
            "Nobody says when these attributes were known. If they were kept up to date until the "
            "extract, they may be a consequence of leaving.",
            rule,
            "say under 'known' in the mapping when each was known",
        )
    late = [name for name, text in declared.items() if AT_THE_END.search(text)]
    if late:
        yield Trap(
            "known_at_the_end",
            "customers",
            ", ".join(late),
            len(late),
            "These attributes are known as of the end only. Whether they held before a customer "
            "left is not known, so their associations with leaving say nothing about cause.",
            rule,
            "ask for the values at sign-up, or read their hazard ratios as description",
        )


def _trap(trap: str, place: str, count: int, what: str, rule: str, fix: str) -> Trap:
    table, column = place.split(".", 1)
    return Trap(trap, table, column, int(count), what, rule, fix)


def _as_dates(column: pd.Series) -> pd.Series | None:
    """The column as times, if it holds times or ISO dates; None otherwise."""
    if is_datetime64_any_dtype(column.dtype):
        return column
    known = column.dropna()
    if is_numeric_dtype(column.dtype) or len(known) < FEWEST_ON_A_SIDE:
        return None
    if known.astype("string").str.fullmatch(ISO_DATE).mean() < MOSTLY:
        return None
    text = column.astype("string")
    return pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").astype(TIMESTAMP)


def _dated_traps(place: str, dates: pd.Series, members: pd.DataFrame) -> Iterator[Trap]:
    is_late = members["has_left"] & (dates > members["stop_at"]).fillna(False)
    if is_late.any():
        yield _trap(
            "dated_after_exit",
            place,
            is_late.sum(),
            "The date lies after the exit of these customers, so the column was filled in when it "
            "was known who left.",
            "what is known of a customer is dated before the exit",
            LEAVE_OUT,
        )
    stayed = dates[~members["has_left"]].dropna()
    end = members["stop_at"].max()
    is_recent = (end - stayed) / DAY <= EXTRACT_DAYS
    if len(stayed) >= FEWEST_ON_A_SIDE and is_recent.mean() >= AT_EXTRACT:
        yield _trap(
            "as_of_extract",
            place,
            is_recent.sum(),
            "For customers who stayed the date lies within a month of the extract, so it moves "
            "with the extract and tells who stayed.",
            "what is known of a customer does not depend on when the data were drawn",
            LEAVE_OUT,
        )


def _missing_trap(place: str, column: pd.Series, has_left: np.ndarray) -> Trap | None:
    is_known = column.notna().to_numpy(dtype=bool)
    if is_known.all():
        return None
    if _only(has_left[is_known], has_left):
        return _trap(
            "known_only_of_leavers",
            place,
            is_known.sum(),
            "The column holds something only for customers who left, so it was filled in on "
            "leaving. A model that adjusts for it compares leavers with leavers.",
            "what a model adjusts for was known before the customer could leave",
            f"{LEAVE_OUT}; a reason for leaving belongs into exits.cause_stated",
        )
    if _only(~has_left[is_known], ~has_left) or _one_sided(has_left[~is_known], has_left):
        return _trap(
            "missing_by_outcome",
            place,
            (~is_known).sum(),
            "Where the column is empty tells who left, as when records are erased on leaving or "
            "filled in late. Leaving out incomplete customers would pick them by outcome.",
            "whether a value is missing does not depend on leaving",
            LEAVE_OUT,
        )
    return None


def _only(marked: np.ndarray, everybody: np.ndarray) -> bool:
    """Whether all are marked, and more than chance would have it."""
    n = len(marked)
    return n >= FEWEST_ON_A_SIDE and bool(marked.all()) and everybody.mean() ** n < CHANCE


def _one_sided(marked: np.ndarray, everybody: np.ndarray) -> bool:
    return _only(marked, everybody) or _only(~marked, ~everybody)


def _outcome_trap(place: str, column: pd.Series, has_left: np.ndarray) -> Trap | None:
    is_known = column.notna().to_numpy(dtype=bool)
    left = has_left[is_known]
    if min(left.sum(), (~left).sum()) < FEWEST_ON_A_SIDE:
        return None
    known = column[is_known]
    is_number = is_numeric_dtype(known.dtype) and not is_bool_dtype(known.dtype)
    values = known.astype("float64" if is_number else "string").to_numpy()
    score = values.astype(np.float64) if is_number else _cross_scores(values, left)
    area = _area_under_curve(score, left)
    if max(area, 1 - area) > TELLS_ALL:
        return _trap(
            "restates_exit",
            place,
            len(left),
            "The column tells almost perfectly who left, so it says the outcome again. A model "
            "with it has nothing left to explain, and its ratios run off to infinity.",
            "no column about a customer is made from whether they left",
            LEAVE_OUT,
        )
    return None if is_number else _separating(place, values, left)


def _cross_scores(values: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Share who left by value, each half of the customers scored by the other half."""
    half = np.arange(len(values)) % 2 == 0
    scores = np.empty(len(values))
    for mine in (half, ~half):
        shares = pd.Series(left[~mine]).groupby(values[~mine]).mean()
        scores[mine] = pd.Series(values[mine]).map(shares).fillna(left[~mine].mean())
    return scores


def _area_under_curve(score: np.ndarray, left: np.ndarray) -> float:
    """Chance that who left has the higher score, ties counted half (Mann-Whitney)."""
    ranks = pd.Series(score).rank().to_numpy()
    n_left, n_stayed = int(left.sum()), int((~left).sum())
    return float((ranks[left].sum() - n_left * (n_left + 1) / 2) / (n_left * n_stayed))


def _separating(place: str, values: np.ndarray, left: np.ndarray) -> Trap | None:
    by_value = pd.Series(left).groupby(values).agg(["size", "sum"])
    if len(by_value) > MOST_VALUES * len(values):
        return None
    share = left.mean()
    big = by_value[by_value["size"] >= FEWEST_OF_A_VALUE]
    all_left = (big["sum"] == big["size"]) & (share ** big["size"] < CHANCE)
    none_left = (big["sum"] == 0) & ((1 - share) ** big["size"] < CHANCE)
    alone = big[all_left | none_left]
    if alone.empty:
        return None
    return _trap(
        "separating_value",
        place,
        alone["size"].sum(),
        "Of the customers with one of its values all left, or none did. That is what a status, "
        "or a group that cannot leave, looks like; its hazard ratio is infinite or zero.",
        "customers with every value could leave and could stay",
        f"see what the value stands for; if it is set on leaving, {LEAVE_OUT}",
    )


def _follow_up_traps(about: pd.DataFrame, members: pd.DataFrame) -> Iterator[Trap]:
    """Numbers that are a function of how long the customer was followed."""
    numbers = {
        str(name): about[name].astype("float64")
        for name in about
        if is_numeric_dtype(about[name].dtype) and not is_bool_dtype(about[name].dtype)
    }
    since_start = (members["started_at"] - members["started_at"].min()) / DAY
    for place, column in numbers.items():
        ways = [pd.Series(1.0, index=column.index)]
        ways += [
            other
            for name, other in numbers.items()
            if name != place and abs(_rank_correlation(column, other)) <= TELLS_ALL
        ]
        if any(_follows(column, way, members["days"], since_start) for way in ways):
            yield _trap(
                "restates_follow_up",
                place,
                int(column.notna().sum()),
                "The column grows with how long the customer was followed, by itself or times "
                "another column, as charges so far do. In a model it would say the outcome again.",
                "no column about a customer is made from the length of the membership",
                LEAVE_OUT,
            )


def _follows(column: pd.Series, factor: pd.Series, days: pd.Series, since_start: pd.Series) -> bool:
    by_length = abs(_rank_correlation(column, factor * days))
    # What follows from the start alone was known at the start, such as the year of joining.
    by_start = abs(_rank_correlation(column, factor * (since_start.max() - since_start)))
    return by_length > TELLS_ALL and by_length >= by_start - 1e-9


def _rank_correlation(first: pd.Series, second: pd.Series) -> float:
    both = (first.notna() & second.notna()).to_numpy(dtype=bool)
    if both.sum() < 2 * FEWEST_ON_A_SIDE:
        return 0.0
    ranks = [part[both].rank().to_numpy() for part in (first, second)]
    if min(rank.std() for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
