"""Small frames with numbers that are easy to follow through a picture."""

from __future__ import annotations

import pandas as pd
import pytest

MONTH = 30.4375


@pytest.fixture
def curve() -> pd.DataFrame:
    """Ten customers at risk; 1 leaves on day 100, 2 on day 365, 2 on day 500, 1 on day 700."""
    return pd.DataFrame(
        {
            "time": [100.0, 365.0, 500.0, 700.0],
            "retention": [0.9, 0.7, 0.5, 0.4],
            "ci_lower": [0.6, 0.4, 0.2, 0.1],
            "ci_upper": [0.98, 0.9, 0.8, 0.7],
            "n_at_risk": [10, 9, 7, 4],
            "n_events": [1, 2, 2, 1],
            "n_censored": [0, 0, 1, 3],
        }
    )


@pytest.fixture
def at_risk() -> pd.DataFrame:
    """Number at risk at the ticks of two years: months 0, 6, 12, 18, 24."""
    ticks = [months * MONTH for months in (0, 6, 12, 18, 24)]
    return pd.DataFrame({"time": ticks, "n_at_risk": [1200, 1150, 900, 431, 4]})


@pytest.fixture
def incidence() -> pd.DataFrame:
    """Two kinds of exit for two groups."""
    rows = [
        (group, cause, time, share * time / 700, share * time / 1400, share * time / 500, n)
        for group, factor in (("Cash refund", 1.0), ("Voucher", 0.5))
        for cause, share in (("voluntary", 0.2 * factor), ("payment_failure", 0.05))
        for time, n in ((100.0, 900), (365.0, 500), (700.0, 3))
    ]
    columns = ["group", "cause", "time", "incidence", "ci_lower", "ci_upper", "n_at_risk"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def effects() -> pd.DataFrame:
    """Hazard ratios under two headings; one from few events, one not estimable."""
    return pd.DataFrame(
        {
            "group": ["Service quality", "Service quality", "Compensation"],
            "label": ["First reply after one day", "Reopened", "Denied"],
            "value": [1.25, 0.97, None],
            "ci_lower": [1.10, 0.5, None],
            "ci_upper": [1.42, 1.9, None],
            "n_events": [1312, 3, None],
        }
    )


@pytest.fixture
def periods() -> pd.DataFrame:
    """Rates in two periods for two groups; one rate rests on three events."""
    return pd.DataFrame(
        {
            "label": ["voucher held", "voucher held", "60 days around expiry"],
            "group": ["Voucher", "Cash refund", "Voucher"],
            "rate": [0.9, 1.6, 2.8],
            "ci_lower": [0.7, 0.8, 2.2],
            "ci_upper": [1.2, 3.1, 3.6],
            "n_events": [120, 3, 88],
        }
    )


@pytest.fixture
def monthly() -> pd.DataFrame:
    """Two groups over six months; in March the vouchers rest on two events."""
    starts = pd.date_range("2020-01-01", periods=6, freq="MS")
    parts = [
        pd.DataFrame(
            {
                "period_start": starts,
                "group": group,
                "rate": [base + 0.001 * n for n in range(6)],
                "ci_lower": [base / 2] * 6,
                "ci_upper": [base * 2] * 6,
                "n_events": [30, 31, few, 33, 34, 35],
            }
        )
        for group, base, few in (("Cash refund", 0.02, 32), ("Voucher", 0.03, 2))
    ]
    return pd.concat(parts, ignore_index=True)
