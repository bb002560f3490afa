"""Released stock and lasting flow: by hand, against a simulated truth, invariances, errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.designs import StockAndFlow, split_stock_and_flow
from loyaltylab.errors import EstimationError

CLOSED_FORM = 1e-9  # the same sums in another order
N_SIMULATED = 400
FEWEST_COVERED = 367  # of 400 at 95 %, less three standard errors


def make_counts(**changes: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "period": ["before", "0 to 6", "6 to 18"],
            "is_late": [False, False, True],
            "covered_events": [4000, 1400, 2400],
            "covered_days": [4000.0, 1000.0, 2000.0],
            "exempt_events": [4000, 1000, 2000],
            "exempt_days": [4000.0, 1000.0, 2000.0],
            **changes,
        }
    )


def split(counts: pd.DataFrame) -> StockAndFlow:
    return split_stock_and_flow(counts, n_customers=9000)


def test_excess_ratios_and_share_by_hand() -> None:
    """All rates are 1 a day but 1.4 early and 1.2 late: excess 400 + 400; the flow, 0.2 a day
    over 3000 days, is 600, which leaves 200 of 800. Errors: the counts observed, 1400 and 2400,
    and the expected 1000 and 2000 times shared relative variance 1/4000 + 1/4000 + 1/3000."""
    found = split(make_counts())
    assert found.by_period["expected_events"].tolist() == pytest.approx([1000, 2000])
    assert found.total_excess.value == pytest.approx(800)
    assert found.stock_excess.value == pytest.approx(200)
    shared = 1 / 4000 + 1 / 4000 + 1 / 3000
    assert found.total_excess.standard_error**2 == pytest.approx(3800 + shared * 3000**2)
    # Of the stock: 1 times early, and 1 - 3000 / 2000 = -0.5 times late; expected ones cancel.
    assert found.stock_excess.standard_error**2 == pytest.approx(1400 + 0.25 * 2400)
    assert {name: ratio.value for name, ratio in found.ratios.items()} == pytest.approx(
        {"0 to 6": 1.4, "6 to 18": 1.2}
    )
    assert found.flow_ratio.value == pytest.approx(1.2)
    assert found.flow_ratio.standard_error**2 == pytest.approx(
        1 / 2400 + 1 / 2000 + 1 / 4000 + 1 / 4000
    )
    assert found.exempt_drift.value == pytest.approx(1.0)
    assert found.transient_share is not None
    assert found.transient_share.value == pytest.approx(0.25)


def test_the_limits_of_the_share_solve_fieller_s_equation() -> None:
    """At a limit t, (stock - t total)^2 is 1.96^2 times its variance. The covariance of both is
    1400 - 0.5 * 2400 = 200, as the expected ones cancel in the stock."""
    found = split(make_counts())
    stock, total, share = found.stock_excess, found.total_excess, found.transient_share
    assert share is not None
    for limit in (share.ci_lower, share.ci_upper):
        variance = stock.standard_error**2 - 2 * limit * 200 + limit**2 * total.standard_error**2
        distance = (stock.value - limit * total.value) ** 2
        assert distance == pytest.approx(1.959963984540054**2 * variance)


def test_without_an_excess_there_is_no_share() -> None:
    found = split(make_counts(covered_events=[4000, 1010, 1990]))
    assert found.transient_share is None
    assert "no share" in found.caveats[0]


def test_intervals_cover_the_truth() -> None:
    """Expected 500 early and 1000 late, 250 and 200 beyond: stock 150 of 450, a third."""
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(N_SIMULATED):
        found = split(
            make_counts(
                covered_events=random.poisson([4000, 750, 1200]).tolist(),
                covered_days=[4000.0, 500.0, 1000.0],
                exempt_events=random.poisson([1700, 400, 800]).tolist(),
                exempt_days=[1700.0, 400.0, 800.0],
            )
        ).transient_share
        assert found is not None
        covered += found.ci_lower <= 1 / 3 <= found.ci_upper
    assert covered >= FEWEST_COVERED


@given(st.floats(0.01, 100), st.permutations(range(3)))
def test_neither_the_unit_of_time_nor_the_order_of_rows_matters(
    unit: float, order: list[int]
) -> None:
    plain = split(make_counts())
    counts = make_counts()
    other = split(
        counts.assign(
            covered_days=counts["covered_days"] * unit, exempt_days=counts["exempt_days"] * unit
        ).iloc[order]
    )
    assert plain.transient_share is not None
    assert other.transient_share is not None
    for name in ("value", "ci_lower", "ci_upper"):
        assert getattr(other.transient_share, name) == pytest.approx(
            getattr(plain.transient_share, name), rel=CLOSED_FORM
        )


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(EstimationError, match="'is_late' is missing"):
        split(make_counts().drop(columns="is_late"))
    bad = make_counts(
        period=["early", "0 to 6", "0 to 6"],
        is_late=[False, False, False],
        exempt_events=[0, 5, 5],
    )
    with pytest.raises(EstimationError) as caught:
        split(bad)
    assert len(caught.value.problems) == 3
    with pytest.raises(EstimationError, match="called late"):
        split(make_counts(is_late=[True, False, True]))
