"""What a first, rougher provider gave from one seed, to be shown beside today's true values.

It knew no self-service, promises, public complaints, announced waits or term left in calculative
commitment, its stock and its queue were simpler, and one seed carries Monte-Carlo error.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pandas as pd

_DESK, _TEAM = "H01.desk_reactive_none.direct", "H01.desk_integrated_none.direct"
_OBSTRUCTIVE = "H01.desk_obstructive_reactive.direct"
_OFFER = "H17.compensation"
_FRICTION = "H22.friction_stock.total"
# Estimand -> value and, where it was noted, standard error over customers.
FIRST_VALUES: MappingProxyType[str, tuple[float, float | None]] = MappingProxyType(
    {
        f"{_DESK}.restricted_mean_24": (3.90, 0.09),
        f"{_DESK}.retention_12": (0.296 - 0.063, None),
        f"{_DESK}.retention_24": (0.172, None),
        f"{_TEAM}.restricted_mean_24": (5.82, 0.11),
        f"{_TEAM}.retention_12": (0.406 - 0.063, None),
        f"{_TEAM}.retention_24": (0.277, None),
        f"{_OBSTRUCTIVE}.restricted_mean_24": (0.46, 0.08),
        f"{_OBSTRUCTIVE}.retention_3": (0.028, None),
        f"{_OBSTRUCTIVE}.retention_12": (0.031, None),
        f"{_OBSTRUCTIVE}.retention_24": (-0.004, None),
        f"{_OBSTRUCTIVE}.win_back_12": (0.058 - 0.064, None),
        "H03.desk_everywhere.total.restricted_mean_24": (0.51, None),
        "H03.team_day_one.total.restricted_mean_24": (0.81, None),
        "H03.team_staggered.total.restricted_mean_24": (0.70, None),
        "H04.denial_removed.direct.restricted_mean_24": (0.023, 0.006),
        "H04.denial_removed.direct.exit_grievance_24": (0.17 - 0.20, None),
        "H05.handoffs_removed.direct.restricted_mean_24": (0.052, 0.009),
        "H14.promotion_only.total.restricted_mean_24": (0.00, None),
        "H14.incident_only.total.restricted_mean_24": (0.07, None),
        f"{_OFFER}_voucher_forfeited.direct.restricted_mean_24": (0.25, 0.05),
        f"{_OFFER}_voucher_forfeited.direct.retention_12": (0.015, None),
        f"{_OFFER}_voucher_forfeited.direct.retention_24": (0.013, None),
        f"{_OFFER}_voucher_refunded.direct.restricted_mean_24": (0.29, None),
        f"{_OFFER}_voucher_refunded.direct.retention_12": (0.015, None),
        f"{_OFFER}_voucher_refunded.direct.retention_24": (0.021, None),
        f"{_OFFER}_choice.direct.restricted_mean_24": (0.17, None),
        f"{_OFFER}_none.direct.restricted_mean_24": (-0.63, None),
        f"{_FRICTION}.restricted_mean_24": (0.20, None),
        f"{_FRICTION}.retention_12": (0.017, None),
        f"{_FRICTION}.retention_24": (0.020, None),
        f"{_FRICTION}.retention_36": (0.018, None),
        f"{_FRICTION}.exit_grievance_24": (0.28 - 0.13, None),
    }
)


def compare_with_first(truth: pd.DataFrame) -> pd.DataFrame:
    """Today's true values beside the first ones, for the estimands that both have.

    Parameters
    ----------
    truth : DataFrame
        From :func:`read_truth`, of the preset ``literature``.

    Returns
    -------
    DataFrame
        Index ``estimand_id``; columns unit, value, mc_se, first_value, first_se (nan where it
        was not noted), change.
    """
    shared = truth.loc[[name for name in FIRST_VALUES if name in truth.index]]
    first = np.array([FIRST_VALUES[str(name)] for name in shared.index], dtype=np.float64)
    first = first.reshape(-1, 2)  # also without a single row
    return shared[["unit", "value", "mc_se"]].assign(
        first_value=first[:, 0], first_se=first[:, 1], change=shared["value"] - first[:, 0]
    )
