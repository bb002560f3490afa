"""When the integrated team came to each site, from the policies."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

TEAM_POLICY = "integrated_team"


def team_starts(tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """First moment at which each site had its team.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables; ``policies`` may be missing.

    Returns
    -------
    pandas.Series of UTC times
        Index site; a site that never had one is not in it.
    """
    policies = tables.get("policies")
    if policies is None or "site" not in policies:
        return pd.Series([], dtype="datetime64[us, UTC]", index=pd.Index([], dtype="string"))
    is_start = (policies["policy"] == TEAM_POLICY) & policies["site"].notna()
    started = policies[is_start & (policies["value"] > 0)]
    return started.groupby("site")["effective_at"].min()
