"""What delayed entry and weights do to a curve, said in sentences, and its error by name."""

from __future__ import annotations

import numpy as np

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.risk_sets import RiskSets
from loyaltylab.survival.unit_caveats import find_unit_caveats

SMALL_RISK_SET = 10
# A first entry this early, as a share of the follow-up, leaves nothing unobserved worth saying.
EARLY_ORIGIN_SHARE = 0.01


def find_curve_caveats(
    process: CountingProcess,
    risk_sets: RiskSets,
    retention: FloatArray,
    *,
    has_error: bool = True,
) -> tuple[str, ...]:
    """List what a reader must know before using the curve; empty when nothing stands out."""
    caveats = [
        _describe_late_origin(process),
        _describe_early_end(risk_sets, retention),
        _describe_gaps(process, risk_sets),
        _describe_small_start(risk_sets, retention),
    ]
    units = find_unit_caveats(process) if has_error else ()
    return (*(text for text in caveats if text), *units)


def describe_error(process: CountingProcess, *, otherwise: str) -> str:
    """Name the standard error that goes with the rows: the jackknife, or the method's own."""
    unit = process.error_unit
    return f"infinitesimal jackknife by {unit}" if unit else otherwise


def _describe_late_origin(process: CountingProcess) -> str:
    origin = float(process.start.min())
    if origin <= EARLY_ORIGIN_SHARE * float(process.stop.max()):
        return ""
    return (
        f"Nobody is observed before time {origin:g}: the curve is conditional on being "
        "retained until then."
    )


def _describe_early_end(risk_sets: RiskSets, retention: FloatArray) -> str:
    ended = np.flatnonzero(retention == 0.0)
    if len(ended) == 0 or ended[0] == len(retention) - 1:
        return ""
    n_rows_later = int(risk_sets.n_entered[ended[0] + 1 :].sum())
    return (
        f"All {risk_sets.n_at_risk[ended[0]]} at risk at time {risk_sets.time[ended[0]]:g} left "
        f"then, so the curve stays 0 although {n_rows_later} enter and are followed afterwards; "
        "start the curve at a later landmark."
    )


def _describe_gaps(process: CountingProcess, risk_sets: RiskSets) -> str:
    time = risk_sets.time
    n_leaving = np.bincount(np.maximum(risk_sets.last, 0), minlength=len(time))
    if np.all(risk_sets.n_at_risk[:-1] > n_leaving[:-1]):
        return ""  # Some are at risk at each time and at the next.
    n_entered = np.searchsorted(np.sort(process.start), time, side="right")
    n_left = np.searchsorted(np.sort(process.stop), time, side="right")
    empty = np.flatnonzero((n_entered == n_left)[:-1])
    if len(empty) == 0:
        return ""
    starts = np.sort(process.start)
    resumed = starts[np.searchsorted(starts, time[empty[0]], side="right")]
    more = f" (and {len(empty) - 1} more such gaps)" if len(empty) > 1 else ""
    return (
        f"Nobody is at risk between time {time[empty[0]]:g} and {resumed:g}{more}: the curve is "
        "flat there for want of data."
    )


def _describe_small_start(risk_sets: RiskSets, retention: FloatArray) -> str:
    n_at_risk = risk_sets.n_at_risk
    later_peak = np.maximum.accumulate(n_at_risk[::-1])[::-1]
    has_event = risk_sets.n_events.sum(axis=1) > 0
    small = np.flatnonzero(
        has_event & (n_at_risk < SMALL_RISK_SET) & (later_peak >= SMALL_RISK_SET)
    )
    if len(small) == 0:
        return ""
    last = small[-1]
    return (
        f"Delayed entry: at event times up to about {risk_sets.time[last]:.2g} fewer than "
        f"{SMALL_RISK_SET} are at risk (against {later_peak[last]} later); by then the curve is "
        f"{retention[last]:.3g}, and that level carries on."
    )
