"""How openly a provider tells its terms: twelve items, each told not, partly, or plainly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import pandas as pd

from loyaltylab.errors import TableError

ITEMS = MappingProxyType(
    {
        "full_price": "The full price after a promotion.",
        "end_date": "When the term ends.",
        "notice": "How much notice is to be given.",
        "renewal_reminder": "A reminder before renewal.",
        "instructions": "How to leave, within two clicks.",
        "rights": "The customer's rights.",
        "refund_timeline": "When a refund comes.",
        "voucher_terms": "What a voucher is worth, and until when.",
        "live_wait": "How long the wait is now.",
        "status_updates": "How a case stands.",
        "change_notice": "Notice of a change of terms.",
        "complaint_route": "Where to complain.",
    }
)
PLAINLY = 2


def transparency_index(scores: Mapping[str, float]) -> float:
    """Points of all twelve items, of the most there are: 0 to 1.

    Parameters
    ----------
    scores : mapping of str to float
        Every one of ``ITEMS``: 0 not told, 1 partly, 2 plainly; of two auditors, their mean.

    Raises
    ------
    TableError
        Naming items that are missing, unknown, or outside 0 and 2.

    Examples
    --------
    >>> transparency_index(dict.fromkeys(ITEMS, 1))
    0.5
    """
    problems = [f"'{name}' is missing" for name in ITEMS if name not in scores]
    problems += [f"'{name}' is unknown" for name in scores if name not in ITEMS]
    problems += [
        f"'{name}' is {value}, not from 0 to {PLAINLY}"
        for name, value in scores.items()
        if not 0 <= value <= PLAINLY
    ]
    if problems:
        raise TableError(f"No transparency index: {'; '.join(problems)}.")
    return float(sum(scores.values())) / (PLAINLY * len(ITEMS))


def internal_consistency(scores: pd.DataFrame, *, reflective: Collection[str]) -> float:
    """KR-20 of a subscale of yes/no items that are said to reflect one thing.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per audit, one column per item, 0 or 1.
    reflective : collection of str
        The items of the subscale. Asking for consistency among items that form an index instead
        would punish it for covering more.

    Returns
    -------
    float
        At most 1; below 0 if items run against each other.

    Raises
    ------
    TableError
        If fewer than two items or audits are given, one is not 0 or 1, or totals do not vary.

    Source
    ------
    Kuder and Richardson (1937), Psychometrika 2:151-160, formula 20; equals Cronbach's alpha.

    Examples
    --------
    >>> same = pd.DataFrame({"a": [0, 1], "b": [0, 1]})
    >>> internal_consistency(same, reflective=["a", "b"])
    1.0
    """
    names = list(dict.fromkeys(reflective))
    absent = [name for name in names if name not in scores]
    if absent or len(names) < 2 or len(scores) < 2:
        raise TableError(
            f"KR-20 needs two or more items and audits; given {len(names)} and {len(scores)}"
            + (f", of which {', '.join(absent)} are no columns." if absent else ".")
        )
    mine = scores[names].astype(float)
    if not mine.isin([0.0, 1.0]).all(axis=None):
        raise TableError("KR-20 is of items that are 0 or 1; score others otherwise.")
    spread = float(mine.sum(axis=1).var(ddof=0))
    if spread == 0:
        raise TableError("All audits have the same total: consistency has no meaning here.")
    k = len(names)
    return k / (k - 1) * (1 - float(mine.var(ddof=0).sum()) / spread)


def wait_promise_accuracy(contacts: pd.DataFrame) -> tuple[int, int]:
    """Waits no longer than announced, and waits announced.

    Parameters
    ----------
    contacts : pandas.DataFrame
        ``wait_minutes`` and ``announced_wait_minutes``; contacts without either do not count.

    Returns
    -------
    (int, int)
        How many were kept, of how many; a share with its interval is
        :func:`loyaltylab.designs.estimate_share` of them.

    Examples
    --------
    >>> waits = pd.DataFrame({"wait_minutes": [3.0, 9.0], "announced_wait_minutes": [5.0, 5.0]})
    >>> wait_promise_accuracy(waits)
    (1, 2)
    """
    known = contacts[["wait_minutes", "announced_wait_minutes"]].dropna()
    is_kept = known["wait_minutes"] <= known["announced_wait_minutes"]
    return int(is_kept.sum()), len(known)
