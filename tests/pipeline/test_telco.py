"""The published telecom sample, through the mapping, against R with delayed entry.

The file is not part of the repository: these tests need it at data/raw/telco.csv, or at the path in
LOYALTYLAB_TELCO, and skip without it.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loyaltylab.sources.delimited import read_delimited
from loyaltylab.survival import (
    check_proportional_hazards,
    fit_cox,
    kaplan_meier,
    restricted_mean_retention_time,
)
from loyaltylab.tables.validation import ValidTables, validate
from loyaltylab.timeline import build_spells

ROOT = Path(__file__).parents[2]
FILE = Path(os.environ.get("LOYALTYLAB_TELCO", ROOT / "data" / "raw" / "telco.csv"))
ORACLE: dict[str, Any] = json.loads((ROOT / "tests" / "oracles" / "telco.json").read_text("utf-8"))
DAYS_PER_MONTH = 30.4375
CLOSED_FORM = 1e-9  # relative: closed forms in double precision
ITERATED = 1e-6  # relative: Newton fits

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the telecom sample is not at data/raw/telco.csv or LOYALTYLAB_TELCO"
)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> ValidTables:
    root = tmp_path_factory.mktemp("telco")
    (root / "data" / "raw").mkdir(parents=True)
    shutil.copy(FILE, root / "data" / "raw" / "telco.csv")
    return validate(read_delimited(ROOT / "data" / "mappings" / "telco.yaml", root=root))


@pytest.fixture(scope="module")
def lives(valid: ValidTables) -> pd.DataFrame:
    return build_spells(
        valid.tables["customers"],
        valid.tables["contracts"],
        None,
        window_start_at=pd.Timestamp("2017-10-01", tz="UTC") - pd.Timedelta(days=91.3125),
        window_end_at=pd.Timestamp("2017-10-01", tz="UTC"),
    ).frame


def test_what_is_set_aside_and_blank_is_counted(valid: ValidTables) -> None:
    assert valid.audit["contracts"]["set_aside_by_rule"] == {"no_time_at_risk": 11}
    assert valid.audit["customers"]["missing_values"] == {"attribute_total_charges": 11}
    assert valid.audit["contracts"]["rows_kept"] == ORACLE["observed"]


def test_retention_with_delayed_entry_agrees_with_survfit(lives: pd.DataFrame) -> None:
    expected = ORACLE["delayed_entry"]
    curve = kaplan_meier(lives["entry_days"], lives["stop_days"], lives["event"])
    at = curve.at(np.array(expected["months"]) * DAYS_PER_MONTH)
    assert at["n_at_risk"].tolist() == expected["n_risk"]
    for ours, theirs in (
        ("retention", "retention"),
        ("standard_error", "std_err"),
        ("ci_lower", "lower"),
        ("ci_upper", "upper"),
    ):
        np.testing.assert_allclose(at[ours], expected[theirs], rtol=CLOSED_FORM)


def test_the_naive_curve_agrees_with_survfit_and_is_far_off(lives: pd.DataFrame) -> None:
    expected = ORACLE["naive"]
    curve = kaplan_meier(0 * lives["entry_days"], lives["stop_days"], lives["event"])
    at = curve.at(np.array(expected["months"]) * DAYS_PER_MONTH)
    np.testing.assert_allclose(at["retention"], expected["retention"], rtol=CLOSED_FORM)
    assert at["retention"].round(3).tolist()[3] == 0.843
    assert round(ORACLE["delayed_entry"]["retention"][3], 3) == 0.111


def test_restricted_mean_agrees_with_survfit(lives: pd.DataFrame) -> None:
    mean = restricted_mean_retention_time(
        lives["entry_days"], lives["stop_days"], lives["event"], horizon=24 * DAYS_PER_MONTH
    )
    months = mean.value / DAYS_PER_MONTH, mean.standard_error / DAYS_PER_MONTH
    expected = ORACLE["restricted_mean"], ORACLE["restricted_mean_error"]
    np.testing.assert_allclose(months, expected, rtol=CLOSED_FORM)


def test_cox_with_delayed_entry_agrees_with_coxph(lives: pd.DataFrame, valid: ValidTables) -> None:
    customers = valid.tables["customers"].set_index("customer_id").loc[lives["customer_id"]]
    covariates = pd.DataFrame(
        {
            "one year": (customers["attribute_contract"] == "One year").to_numpy(float),
            "two year": (customers["attribute_contract"] == "Two year").to_numpy(float),
            "no paperless": (customers["attribute_paperless"] == "No").to_numpy(float),
        }
    )
    fit = fit_cox(lives["entry_days"], lives["stop_days"], lives["event"], covariates)
    np.testing.assert_allclose(fit.coefficients, ORACLE["coefficients"], rtol=ITERATED)
    np.testing.assert_allclose(fit.standard_error, ORACLE["errors"], rtol=ITERATED)
    test = check_proportional_hazards(fit).loc["GLOBAL"]
    np.testing.assert_allclose(
        [test["statistic"], test["degrees_of_freedom"], test["p_value"]],
        ORACLE["zph"],
        rtol=ITERATED,
    )
