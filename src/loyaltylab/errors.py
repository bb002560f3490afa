"""Errors a researcher can act on: what is wrong, where, the rule, and the fix."""

from __future__ import annotations

from collections.abc import Iterable


class LoyaltyLabError(Exception):
    """Every error loyaltylab raises on purpose.

    Parameters
    ----------
    summary : str
        What is wrong, in one sentence.
    problems : iterable of str, optional
        Every failure found, each naming its place, its rule and its fix. No personal data.
    """

    def __init__(self, summary: str, problems: Iterable[str] = ()) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        super().__init__("\n".join([summary, *(f"  - {problem}" for problem in self.problems)]))


class ParameterError(LoyaltyLabError):
    """params.yaml, or the parameters cell of a notebook, is not what the study needs."""


class TableError(LoyaltyLabError):
    """A source or one of its tables breaks a rule of its schema."""


class NotEstimableError(LoyaltyLabError):
    """The source lacks a table that the question needs."""


class EstimationError(LoyaltyLabError):
    """An estimator was given data from which its number does not follow."""


class StorageError(LoyaltyLabError):
    """The system refused to write or read: a full disk, a folder that can only be read."""


class OutOfMemoryError(LoyaltyLabError):
    """The data, or as many processes, need more memory than there is."""


class BusyError(LoyaltyLabError):
    """Another run works in the same folder, and waiting for it would take too long."""


class NotebookError(LoyaltyLabError):
    """A notebook is malformed, or one of its cells failed."""


class DisclosureError(LoyaltyLabError):
    """Something about single customers was about to leave; it names the place, never the value."""
