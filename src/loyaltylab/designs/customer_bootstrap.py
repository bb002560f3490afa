"""The bootstrap by customer through a whole analysis, the same for any number of processes."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from loyaltylab.designs.customer_draws import Analysis, Draw, Outcome, carry_out
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.intervals import normal_quantile

LARGEST_FAILED_SHARE = 0.05
INTERVALS = ("percentile", "normal", "bca")
FEW_REPLICATES = 200
FEWEST_GROUPS = 10
N_FAILURES_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicates of every number of an analysis.

    Attributes
    ----------
    names : tuple of str, length q
    values : ndarray of float, shape (q,)
        With every customer once.
    replicates : ndarray of float, shape (b, q)
        Those that succeeded, in the order of their numbers.
    numbers : ndarray of float, shape (b,)
        Which replicates those are, from 0.
    jackknife : ndarray of float, shape (g, q)
        Values without one group of customers each; g = 0 when none were asked for.
    n_customers, n_failed, seed : int
    scheme : str
    failures : tuple of str
        Distinct reasons of failed replicates.
    caveats : tuple of str
    """

    names: tuple[str, ...]
    values: FloatArray
    replicates: FloatArray
    numbers: FloatArray
    jackknife: FloatArray
    n_customers: int
    n_failed: int
    seed: int
    scheme: str
    failures: tuple[str, ...]
    caveats: tuple[str, ...]

    def estimate(
        self,
        name: str,
        *,
        unit: str,
        interval: str = "percentile",
        confidence_level: float = 0.95,
        n_events: int = 0,
    ) -> Estimate:
        """One number with its bootstrap error and interval.

        Parameters
        ----------
        name : str
        unit : str
            Unit of the number.
        interval : {"percentile", "normal", "bca"}
            The last is bias-corrected and accelerated; it needs ``n_groups`` of the bootstrap.
        confidence_level : float
        n_events : int
            Events behind the number, to be said with it.

        Returns
        -------
        Estimate
            The Monte-Carlo error of error and limits stands among the caveats. No p-value.

        Raises
        ------
        EstimationError
            If there is no such number or interval, the replicates do not vary, or BCa has no
            jackknife.
        """
        column, value, error = self._read(name, interval)
        drawn = self.replicates[:, column]
        shares = self._find_shares(column, interval, confidence_level)
        if interval == "normal":
            reach = normal_quantile(confidence_level) * error
            limits = (value - reach, value + reach)
            simulation = (reach / math.sqrt(2 * (len(drawn) - 1)),) * 2
        else:
            limits = (float(np.quantile(drawn, shares[0])), float(np.quantile(drawn, shares[1])))
            simulation = (_quantile_error(drawn, shares[0]), _quantile_error(drawn, shares[1]))
        return Estimate(
            value=value,
            standard_error=error,
            ci_lower=limits[0],
            ci_upper=limits[1],
            confidence_level=confidence_level,
            n=self.n_customers,
            n_events=n_events,
            unit=unit,
            method=f"bootstrap by customer, {len(drawn)} replicates, {interval} interval",
            caveats=(
                *self.caveats,
                f"Monte-Carlo error: {error / math.sqrt(2 * (len(drawn) - 1)):.2g} of the standard "
                f"error, {simulation[0]:.2g} and {simulation[1]:.2g} of the limits.",
            ),
        )

    def to_frame(
        self, *, interval: str = "percentile", confidence_level: float = 0.95
    ) -> pd.DataFrame:
        """Tabulate every number whose replicates vary, one line per name (the index)."""
        varying = [
            name for column, name in enumerate(self.names) if np.ptp(self.replicates[:, column]) > 0
        ]
        lines = []
        for name in varying:
            found = self.estimate(
                name, unit="", interval=interval, confidence_level=confidence_level
            )
            lines.append([found.value, found.standard_error, found.ci_lower, found.ci_upper])
        columns = ["value", "standard_error", "ci_lower", "ci_upper"]
        return pd.DataFrame(lines, index=pd.Index(varying, name="name"), columns=columns)

    def _read(self, name: str, interval: str) -> tuple[int, float, float]:
        problems = []
        if name not in self.names:
            problems.append(f"no number {name!r}; there are {list(self.names)}")
        if interval not in INTERVALS:
            problems.append(f"interval is {interval!r}; rule: one of {list(INTERVALS)}")
        if interval == "bca" and len(self.jackknife) == 0:
            problems.append("no jackknife; fix: give n_groups, 50 say, to bootstrap_customers")
        if not problems:
            column = self.names.index(name)
            error = float(np.std(self.replicates[:, column], ddof=1))
            if error > 0:
                return column, float(self.values[column]), error
            problems.append(f"{name!r} is the same in all replicates; rule: it has an error")
        raise EstimationError("The bootstrap has no such estimate:", problems)

    def _find_shares(self, column: int, interval: str, level: float) -> tuple[float, float]:
        """Shares of the replicates below either limit."""
        z = normal_quantile(level)
        if interval != "bca":
            return (1 - level) / 2, (1 + level) / 2
        drawn = self.replicates[:, column]
        below = np.mean(drawn < self.values[column]) + np.mean(drawn == self.values[column]) / 2
        floor = 0.5 / len(drawn)
        bias = float(ndtri(np.clip(below, floor, 1 - floor)))
        influence = self.jackknife[:, column].mean() - self.jackknife[:, column]
        size = float(np.sum(influence**2))
        speed = float(np.sum(influence**3)) / (6 * size**1.5) if size > 0 else 0.0
        low, high = (
            float(ndtr(bias + (bias + side) / (1 - speed * (bias + side)))) for side in (-z, z)
        )
        return low, high


def bootstrap_customers(
    analyse: Analysis,
    *,
    n_customers: int,
    n_replicates: int,
    seed: int,
    scheme: str = "multinomial",
    n_groups: int = 0,
    n_processes: int = 1,
    kept: MutableMapping[str, Outcome] | None = None,
    analysis_name: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Bootstrap:
    """Repeat a whole analysis with customers drawn anew.

    Parameters
    ----------
    analyse : callable
        Takes the weight of every customer, shape (n_customers,), and returns named numbers,
        always the same names. Weight 2 must mean what the customer twice would. With several
        processes a module-level function, or a ``functools.partial`` of one.
    n_customers : int
    n_replicates : int
        At least 2; 200 for an error, 1000 and more for percentile and BCa limits.
    seed : int
        Replicate i draws from (seed, i) alone, so that neither the number of processes nor
        their order plays a part, and more replicates add to those there are.
    scheme : {"multinomial", "poisson"}
        Drawn with replacement; or independent Poisson counts of mean 1.
    n_groups : int
        Groups of customers left out one by one, at least 10, for the acceleration of BCa
        intervals; 0 for none.
    n_processes : int
    kept : mutable mapping of str to (dict of str to float, or str), optional
        Where finished replicates are found and put, such as a mapping on a folder: a run that
        was stopped goes on there. Keys name everything a replicate follows from but data and
        code, which ``analysis_name`` has to.
    analysis_name : str
        Name (a hash, say) of the data and the analysis; needed with ``kept``.
    progress : callable, optional
        Called with the number done and the number in all.

    Returns
    -------
    Bootstrap

    Raises
    ------
    EstimationError
        If the analysis fails on the customers as they are; if more than 5 % of the replicates
        fail (raise EstimationError, give other names, or numbers that are not finite).

    Source
    ------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 14;
    ``boot::boot.ci`` of R.

    Examples
    --------
    >>> def mean(weights):
    ...     return {"mean": float(weights @ np.arange(40.0)) / float(weights.sum())}
    >>> found = bootstrap_customers(mean, n_customers=40, n_replicates=50, seed=1)
    >>> bool(found.estimate("mean", unit="days").ci_lower < 19.5)
    True
    """
    _check_request(n_customers, n_replicates, scheme, n_groups, kept, analysis_name)
    whole = dict(analyse(np.ones(n_customers)))
    names = tuple(whole)
    if not names or not np.all(np.isfinite(list(whole.values()))):
        raise EstimationError(f"The analysis gives {whole}; rule: named, finite numbers.")
    draws = [Draw(seed, number, n_customers, scheme, 0) for number in range(n_replicates)]
    draws += [Draw(seed, number, n_customers, "leave out", n_groups) for number in range(n_groups)]
    found = carry_out(analyse, draws, n_processes, kept, analysis_name, progress)
    outcomes = [_check_outcome(found[draw], names) for draw in draws]
    failures = [outcome for outcome in outcomes if isinstance(outcome, str)]
    _refuse_failures(failures, len(draws))
    n_failed = sum(isinstance(outcome, str) for outcome in outcomes[:n_replicates])
    return Bootstrap(
        names=names,
        values=as_read_only(list(whole.values())),
        replicates=as_read_only(_stack(outcomes[:n_replicates], names)),
        numbers=as_read_only(
            [i for i, outcome in enumerate(outcomes[:n_replicates]) if isinstance(outcome, dict)]
        ),
        jackknife=as_read_only(_stack(outcomes[n_replicates:], names)),
        n_customers=n_customers,
        n_failed=n_failed,
        seed=seed,
        scheme=scheme,
        failures=tuple(sorted(set(failures))),
        caveats=_find_caveats(n_failed, n_replicates),
    )


def _check_outcome(outcome: Outcome, names: tuple[str, ...]) -> Outcome:
    if isinstance(outcome, str):
        return outcome
    if set(outcome) != set(names):
        return f"other names: {sorted(set(outcome) ^ set(names))[:N_FAILURES_SHOWN]}"
    bad = [name for name in names if not math.isfinite(outcome[name])]
    return f"not finite: {bad[:N_FAILURES_SHOWN]}" if bad else outcome


def _stack(outcomes: Sequence[Outcome], names: tuple[str, ...]) -> FloatArray:
    lines = [[line[name] for name in names] for line in outcomes if isinstance(line, dict)]
    return np.array(lines, dtype=np.float64).reshape(len(lines), len(names))


def _quantile_error(drawn: FloatArray, share: float) -> float:
    """Monte-Carlo error of a quantile, from the replicates about it."""
    step = math.sqrt(share * (1 - share) / len(drawn))
    around = np.quantile(drawn, np.clip([share - step, share + step], 0.0, 1.0))
    return float(around[1] - around[0]) / 2


def _find_caveats(n_failed: int, n_replicates: int) -> tuple[str, ...]:
    caveats = []
    if n_failed:
        caveats.append(
            f"{n_failed} of {n_replicates} bootstrap replicates failed and are left out."
        )
    if n_replicates < FEW_REPLICATES:
        caveats.append(
            f"{n_replicates} bootstrap replicates: below {FEW_REPLICATES} errors and limits are "
            "rough."
        )
    return tuple(caveats)


def _refuse_failures(failures: Sequence[str], n: int) -> None:
    if len(failures) > LARGEST_FAILED_SHARE * n:
        raise EstimationError(
            f"{len(failures)} of {n} bootstrap replicates failed; rule: at most "
            f"{LARGEST_FAILED_SHARE:.0%}; fix: a simpler model, or more customers.",
            sorted(set(failures))[:N_FAILURES_SHOWN],
        )


def _check_request(
    n_customers: int,
    n_replicates: int,
    scheme: str,
    n_groups: int,
    kept: MutableMapping[str, Outcome] | None,
    analysis_name: str,
) -> None:
    problems = []
    if n_customers < 2:
        problems.append(f"n_customers is {n_customers}; rule: at least 2")
    if n_replicates < 2:
        problems.append(f"n_replicates is {n_replicates}; rule: at least 2")
    if scheme not in ("multinomial", "poisson"):
        problems.append(f"scheme is {scheme!r}; rule: 'multinomial' or 'poisson'")
    if n_groups != 0 and not FEWEST_GROUPS <= n_groups <= n_customers:
        problems.append(
            f"n_groups is {n_groups}; rule: 0, or from {FEWEST_GROUPS} to the number of customers"
        )
    if kept is not None and not analysis_name:
        problems.append("kept without analysis_name; rule: kept replicates are known by it")
    if problems:
        raise EstimationError("There is no such bootstrap:", problems)
