"""A part of a page that may not be estimable, while the rest of the page goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from loyaltylab.errors import EstimationError, NotEstimableError

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, eq=False)
class Attempt(Generic[T]):
    """What was found, or why nothing was.

    Attributes
    ----------
    found : object or None
        None where these data do not allow it.
    reason : str
        Why not; empty where it was found.
    """

    found: T | None
    reason: str = ""


def attempt(estimate: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Attempt[T]:
    """Call an analysis; what the data do not allow becomes a reason.

    Examples
    --------
    >>> attempt(max, 1, 2).found
    2
    """
    try:
        return Attempt(estimate(*args, **kwargs))
    except NotEstimableError as problem:
        return Attempt(None, str(problem))
    except EstimationError as problem:
        return Attempt(None, " ".join([problem.summary, *problem.problems[:1]]))
