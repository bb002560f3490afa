"""When something of the provider's organisation came to each site, from the policies."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

TEAM_POLICY = "integrated_team"
# Departments with a single task, by their policy.
SINGLE_TASKS = MappingProxyType(
    {
        "promotion_department": "promotions alone",
        "incident_department": "incidents alone",
    }
)


def team_starts(tables: Mapping[str, pd.DataFrame], *, policy: str = TEAM_POLICY) -> pd.Series:
    """First moment at which each site had its team, or what else a policy names.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables; ``policies`` may be missing.
    policy : str

    Returns
    -------
    pandas.Series of UTC times
        Index site; a site that never had one is not in it.
    """
    policies = tables.get("policies")
    if policies is None or "site" not in policies:
        return pd.Series([], dtype="datetime64[us, UTC]", index=pd.Index([], dtype="string"))
    is_start = (policies["policy"] == policy) & policies["site"].notna()
    started = policies[is_start & (policies["value"] > 0)]
    return started.groupby("site")["effective_at"].min()
