"""A customer who drops out of the records is censored then, by hand."""

from __future__ import annotations

from day_tables import WINDOW, at, make_contracts, make_customers, make_exits, times

from loyaltylab.timeline import build_spells


def test_nobody_is_at_risk_after_dropping_out_of_the_records() -> None:
    """C1 drops out on day 40 and C2 on day 60, but C2 had left on day 50; C3 never does."""
    customers = make_customers(["c1", "c2", "c3"]).assign(observed_until_at=times([40, 60, None]))
    contracts = make_contracts([("k1", "c1", 10, None), ("k2", "c2", 10, 50), ("k3", "c3", 0, 70)])
    exits = make_exits(
        [("k2", None, 50, "service", None), ("k3", None, 70, "service", None)]
    )  # fmt: skip
    frame = build_spells(
        customers, contracts, exits, window_start_at=at(WINDOW[0]), window_end_at=at(WINDOW[1])
    ).frame
    assert frame["stop_days"].tolist() == [30.0, 40.0, 70.0]
    assert frame["event"].tolist() == [False, True, True]
