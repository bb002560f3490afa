"""Events -> covariates: every measure turns tables into jumps for the timeline."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.measures import (
    cancellation_friction,
    compensation,
    service_history,
    service_quality,
)
from loyaltylab.measures.jumps import jump

CARRIED = (*cancellation_friction.CARRIED, *service_history.CARRIED)


def all_jumps(
    tables: Mapping[str, pd.DataFrame], *, memory_days: float, with_history: bool = False
) -> pd.DataFrame:
    """Jumps of every covariate that the tables allow.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables.
    memory_days : float
        How long an event counts as recent.
    with_history : bool
        Whether also those of the service so far (``service_history``): they cut many more rows.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``at``, ``since_at``, ``covariate``, ``change``; possibly no rows.
    """
    found = [
        *service_quality.service_quality_jumps(tables, memory_days=memory_days),
        *compensation.compensation_jumps(tables, memory_days=memory_days),
        *cancellation_friction.cancellation_friction_jumps(tables, memory_days=memory_days),
    ]
    if with_history:
        found += service_history.service_history_jumps(tables)
    nothing = jump(tables["contracts"].head(0), covariate="none", at="started_at")
    return pd.concat([frame for frame in found if len(frame)] or [nothing], ignore_index=True)


def describe_covariates(memory_days: float) -> dict[str, str]:
    """What each covariate means, in words, those of the service so far included."""
    meanings = {
        **service_quality.MEANINGS,
        **compensation.MEANINGS,
        **cancellation_friction.MEANINGS,
        **service_history.MEANINGS,
    }
    return {name: text.format(memory_days=memory_days) for name, text in meanings.items()}
