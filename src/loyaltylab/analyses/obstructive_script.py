"""H01, secondary: does an obstructive script hold customers, or only for a while?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from loyaltylab.analyses.adjusted import AdjustedAnalysis, analyse_cohort
from loyaltylab.analyses.retention_desk import REACTIVE, desk_cohort
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival import Estimate

OBSTRUCTIVE = "obstructive"


class Course(Enum):
    """How two curves run."""

    CROSSES = "crosses"
    LASTS = "lasts"
    FADES = "fades"
    OPEN = "open"


def analyse_script(
    data: StudyData,
    *,
    horizon_months: float,
    months: Sequence[float],
    confidence_level: float,
) -> AdjustedAnalysis:
    """Requests met by an obstructive script against those met by a desk with offers, adjusted.

    Raises
    ------
    NotEstimableError
        If one of the two met nobody.
    EstimationError
        As :func:`loyaltylab.analyses.adjusted.analyse_cohort`.
    """
    frame = desk_cohort(data).frame
    absent = [name for name in (OBSTRUCTIVE, REACTIVE) if not (frame["desk"] == name).any()]
    if absent:
        raise NotEstimableError(
            f"Not estimable: needs first requests met by a desk '{OBSTRUCTIVE}' and by one "
            f"'{REACTIVE}' at sites without a team; there is no {', '.join(absent)}."
        )
    return analyse_cohort(
        frame,
        group="desk",
        exposed=OBSTRUCTIVE,
        reference=REACTIVE,
        horizon_months=horizon_months,
        months=months,
        confidence_level=confidence_level,
    )


def tell_course(gaps: Mapping[float, Estimate]) -> Course:
    """How the difference runs from the first times to the last.

    It crosses if it is shown to be above 0 at some time and below at the last; it lasts if it is
    above 0 at an earlier time and at the last; it fades if only earlier.

    Examples
    --------
    >>> tell_course({})
    <Course.OPEN: 'open'>
    """
    if not gaps:
        return Course.OPEN
    last = max(gaps)
    is_gained = any(gap.ci_lower > 0 for month, gap in gaps.items() if month < last)
    if not is_gained:
        return Course.OPEN
    if gaps[last].ci_upper < 0:
        return Course.CROSSES
    return Course.LASTS if gaps[last].ci_lower > 0 else Course.FADES
