"""Cohorts analysed as a page shows them, and the mistakes beside them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.adjusted import AdjustedAnalysis, analyse_cohort, contrast_unadjusted
from loyaltylab.analyses.compensation import compensation_protocol
from loyaltylab.analyses.primary import estimate_naive
from loyaltylab.analyses.service_denial import denial_protocol
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData
from loyaltylab.designs import protocol_table
from loyaltylab.errors import EstimationError
from loyaltylab.reports.adjusted_sections import (
    adjusted_estimates,
    answer_in_months,
    balance_table,
    specification_frame,
    verdict_of,
)

ROUNDING = 1e-9
START = pd.Timestamp("2020-01-01")


def offers() -> pd.DataFrame:
    """Four cells of ten customers, alike but for the day on which half of a cell leaves.

    Half of a cell stays for the 365.25 days of the horizon; half leave on day 100 (refund) or
    200 (voucher), whatever their segment. A third offer is not compared.
    """
    lines = []
    for offered, day in (("refund", 100.0), ("voucher", 200.0), ("choice", 1.0)):
        for segment in ("consumer", "business"):
            lines += [(offered, segment, day, True, "service")] * 5
            lines += [(offered, segment, 400.0, False, "")] * 5
    frame = pd.DataFrame(lines, columns=["offered", "segment", "stop", "event", "exit_cause"])
    return frame.assign(customer_id=np.arange(len(frame)), start=0.0, index_at=START)


def analyse(**options: str) -> AdjustedAnalysis:
    return analyse_cohort(
        offers(),
        group="offered",
        horizon_months=12,
        months=[6],
        **{"exposed": "voucher", "reference": "refund", **options},
    )


def test_half_of_each_group_leaves_a_hundred_days_later() -> None:
    found = analyse()
    contrast = found.contrast
    # Half of everybody stays 100 days longer: 0.5 x 100 = 50 days.
    assert contrast.restricted_mean_difference.value == pytest.approx(50, abs=ROUNDING)
    # On day 182.6 nobody of the vouchers has left, and half of the refunds: 1 - 0.5.
    after_6 = contrast.retention_differences[6 * DAYS_PER_MONTH]
    assert after_6.value == pytest.approx(0.5, abs=ROUNDING)
    assert found.covariates == ("segment",)
    assert contrast.restricted_mean_difference.n == 40
    assert found.control is None
    assert found.falsifications[0].status == "not run"


def test_a_group_with_nobody_is_named() -> None:
    with pytest.raises(EstimationError, match="Nobody is in the group 'letter'"):
        analyse(exposed="letter")


def test_what_a_page_says_of_it() -> None:
    found = analyse()
    kept = adjusted_estimates(found, horizon_months=12, months=[6])
    assert set(kept) == {
        "restricted_mean_difference",
        "restricted_mean_difference_unadjusted",
        "retention_difference_6_months",
        "left_service_difference_12_months",
    }
    answer = answer_in_months(
        found.contrast, opening="In 12 months", exposed="A", reference="B", horizon_months=12
    )
    # 50 / 30.4375 = 1.64 months.
    assert answer.startswith("In 12 months, A stayed 1.64 months more (95 % CI ")
    balance = balance_table(found.contrast, words={})
    assert balance["after weighting"].abs().max() < ROUNDING
    assert verdict_of(()) == "not identified"


def test_specifications_of_too_few_have_no_number() -> None:
    found = analyse()
    shown = specification_frame(found, min_cell=5)
    # The g-formula models the hazard by interval, so it alone need not be exact.
    exact = shown.loc[~shown["label"].str.startswith("g-formula"), "value"]
    assert len(exact) == 4
    assert exact.to_numpy() == pytest.approx(50 / DAYS_PER_MONTH, abs=ROUNDING)
    assert specification_frame(found, min_cell=41)["value"].isna().all()


def test_a_mistake_that_needs_a_table_is_none_without_it() -> None:
    none = pd.DataFrame()
    data = StudyData({}, none, none, START, START)
    assert estimate_naive(data, "H17", confidence_level=0.95) is None


def test_protocols_are_complete() -> None:
    of_offers = compensation_protocol(exposed="voucher", reference="refund", horizon_months=24)
    for protocol in (of_offers, denial_protocol(horizon_months=24)):
        assert protocol_table(protocol).shape == (9, 3)


def test_the_unadjusted_contrast_is_that_of_plain_means() -> None:
    # Nobody is censored, so that a restricted mean is the mean of the shorter of stay and horizon,
    # and its variance that of the shares: sum of squares over the number squared.
    stays = {"exposed": [10.0, 20.0, 40.0], "reference": [5.0, 15.0, 50.0, 60.0]}
    exposed, reference = (
        pd.DataFrame({"start": 0.0, "stop": days, "event": True}) for days in stays.values()
    )
    found = contrast_unadjusted(exposed, reference, horizon_months=1, confidence_level=0.95)
    short, long = ([min(day, 30.4375) for day in days] for days in stays.values())
    assert found.value == pytest.approx(np.mean(short) - np.mean(long), rel=1e-12)  # rounding only
    error = math.sqrt(np.var(short) / 3 + np.var(long) / 4)
    assert found.standard_error == pytest.approx(error, rel=1e-12)
    assert found.unit == "days"
