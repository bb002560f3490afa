"""Compensation from events: vouchers held, and vouchers that ran out unused."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.measures.jumps import forget_after, jump

MEANINGS = {
    "vouchers_held": "vouchers held, neither used nor expired",
    "vouchers_recently_lost": "vouchers that expired unused in the last {memory_days:g} days",
}


def compensation_jumps(
    tables: Mapping[str, pd.DataFrame], *, memory_days: float
) -> list[pd.DataFrame]:
    """Jumps of voucher covariates; none without a vouchers table."""
    if "vouchers" not in tables:
        return []
    vouchers = tables["vouchers"]
    ends = vouchers[["expires_at", "redeemed_at", "refunded_at"]].min(axis="columns")
    # One honoured after it expired was lost all the same until then.
    is_saved = (vouchers["redeemed_at"] <= vouchers["expires_at"]) | (
        vouchers["refunded_at"] <= vouchers["expires_at"]
    )
    lost = vouchers[~is_saved]
    return [
        jump(vouchers, covariate="vouchers_held", at="issued_at", until=ends),
        jump(
            lost,
            covariate="vouchers_recently_lost",
            at="expires_at",
            since="issued_at",
            until=forget_after(lost["expires_at"], memory_days),
        ),
    ]


def compensation_offers(compensations: pd.DataFrame) -> pd.DataFrame:
    """Offers as index events: when each was made, and what it was.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``index_at``, ``offered``.
    """
    return pd.DataFrame(
        {
            "customer_id": compensations["customer_id"],
            "index_at": compensations["offered_at"],
            "offered": compensations["offered"],
        }
    )


def common_voucher_life(vouchers: pd.DataFrame) -> float | None:
    """Days from issue to expiry, if all vouchers share it to the day; otherwise None."""
    days = (vouchers["expires_at"] - vouchers["issued_at"]) / pd.Timedelta(days=1)
    if days.empty or days.max() - days.min() > 1:
        return None
    return float(days.median())


def voucher_fates(vouchers: pd.DataFrame, window_end_at: pd.Timestamp) -> dict[str, int]:
    """How many vouchers were used, paid out, ran out, or are still held; they add up."""
    used = vouchers["redeemed_at"].notna()
    paid = ~used & vouchers["refunded_at"].notna()
    expired = ~used & ~paid & (vouchers["expires_at"] <= window_end_at)
    return {
        "used": int(used.sum()),
        "paid out": int(paid.sum()),
        "expired unused": int(expired.sum()),
        "still held": int((~used & ~paid & ~expired).sum()),
        "total": len(vouchers),
    }
