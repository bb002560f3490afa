"""Cox models of competing exits, one per cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.covariate_checks import find_covariate_problems
from loyaltylab.survival.cox import CoxFit, fit_cox


@dataclass(frozen=True, eq=False)
class CauseSpecificCox:
    """One Cox model per cause of exit, on the same rows and covariates.

    Attributes
    ----------
    causes : tuple of str, length k
    fits : dict of str to CoxFit
        By cause; exits by other causes are censored in each.
    names : tuple of str
        Covariates.
    confidence_level : float
    """

    causes: tuple[str, ...]
    fits: Mapping[str, CoxFit]
    names: tuple[str, ...]
    confidence_level: float

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know of each fit."""
        return tuple(
            f"{cause}: {text}" for cause in self.causes for text in self.fits[cause].caveats
        )

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the hazard ratios, one line per cause and covariate."""
        parts = [
            self.fits[cause].to_frame().reset_index().assign(
                cause=cause, n_events=self.fits[cause].n_events
            )
            for cause in self.causes
        ]  # fmt: skip
        frame = pd.concat(parts, ignore_index=True)
        first = ["cause", "covariate", "n_events"]
        return frame[[*first, *(name for name in frame if name not in first)]]


def cause_specific_cox(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    causes: Sequence[str] | None = None,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> CauseSpecificCox:
    """Fit a Cox model to each cause of exit, the other causes censored.

    Its hazard ratios are about rates among customers still there. What they do to the share
    that leaves by a cause depends on all causes together: :func:`absolute_risk`.

    Parameters
    ----------
    start, stop, exit_cause, causes
        As in :func:`cumulative_incidence`.
    covariates, cluster, strata, weights, confidence_level
        As in :func:`fit_cox`.

    Returns
    -------
    CauseSpecificCox

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; with every cause that cannot be fitted.

    Source
    ------
    Prentice et al. (1978); ``coxph(Surv(start, stop, factor) ~ x, id=)`` of R survival.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> exits = ["price", "price", "moved", "moved", "", "price"]
    >>> found = cause_specific_cox([0] * 6, [1, 2, 3, 4, 5, 6], exits, x)
    >>> found.causes
    ('moved', 'price')
    """
    process = build_counting_process(
        start,
        stop,
        exit_cause=exit_cause,
        causes=causes,
        weights=weights,
        cluster=cluster,
        strata=strata,
        requires_events=True,
        further_problems=find_covariate_problems(covariates, len(pd.Series(stop))),
    )
    left_by = np.zeros(len(process.kept), dtype=np.int64)
    left_by[process.kept] = process.code
    fits: dict[str, CoxFit] = {}
    problems: list[str] = []
    for code, cause in enumerate(process.causes, start=1):
        try:
            fits[cause] = fit_cox(
                start, stop, left_by == code, covariates, cluster=cluster, strata=strata,
                weights=weights, confidence_level=confidence_level,
            )  # fmt: skip
        except EstimationError as error:
            problems += [f"{cause}: {text}" for text in error.problems or [error.summary]]
    if problems:
        raise EstimationError("Some causes cannot be fitted.", problems)
    names = tuple(str(name) for name in covariates.columns)
    return CauseSpecificCox(process.causes, fits, names, confidence_level)
