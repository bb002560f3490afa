"""The telecom sample, through its mapping: a miniature always, the real file where it is there."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from loyaltylab.errors import TableError
from loyaltylab.params import Parameters, SyntheticParameters
from loyaltylab.sources import read_source
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.pseudonyms import pseudonymise
from loyaltylab.tables.storage import read_tables, write_tables
from loyaltylab.tables.validation import validate

ROOT = Path(__file__).parents[2]
MAPPING = "data/mappings/telco.yaml"
FILE = "data/raw/telco.csv"
TELCO = Path(os.environ.get("LOYALTYLAB_TELCO", ROOT / FILE))
needs_file = pytest.mark.skipif(
    not TELCO.is_file(),
    reason=f"the telecom sample is not part of the repository: put it at {FILE}, "
    "or name it in the environment variable LOYALTYLAB_TELCO",
)

HEADER = (
    "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,"
    "InternetService,OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,"
    "StreamingMovies,Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges,Churn"
)
# tenure, Churn, SeniorCitizen, MonthlyCharges, TotalCharges; the first was never at risk.
MINIATURE = [
    ("0", "No", "0", "52.55", " "),
    ("1", "Yes", "1", "29.85", "29.85"),
    ("72", "No", "0", "99.9", "7192.8"),
    ("72", "Yes", "0", "100", "7200"),
]


def row(number: int, tenure: str, churn: str, senior: str, monthly: str, total: str) -> str:
    return (
        f"ID-{number},Female,{senior},Yes,No,{tenure},Yes,No,DSL,No,Yes,No,No,No,No,"
        f"Month-to-month,Yes,Electronic check,{monthly},{total},{churn}"
    )


def make_study(folder: Path, content: bytes) -> Path:
    for name in (MAPPING, FILE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / MAPPING, folder / MAPPING)
    (folder / FILE).write_bytes(content)
    return folder


def read_study(folder: Path) -> Delivery:
    parameters = Parameters.model_validate(
        {
            "source": {"kind": "delimited", "mapping": MAPPING},
            "study": {"seed": 1, "confidence_level": 0.95},
            "synthetic": SyntheticParameters(),
            "timeline": {"merge_gap_days": 0, "memory_days": 180},
            "disclosure": {"min_cell": 5},
            "reports": {},
        }
    )
    return read_source(parameters, root=folder)


def miniature(rows: list[tuple[str, str, str, str, str]] = MINIATURE) -> bytes:
    lines = [HEADER, *(row(number, *cells) for number, cells in enumerate(rows))]
    return ("\n".join(lines) + "\n").encode()


def test_the_miniature_end_to_end(tmp_path: Path) -> None:
    delivery = read_study(make_study(tmp_path, miniature()))
    valid = validate(delivery)
    contracts, customers = valid.tables["contracts"], valid.tables["customers"]
    snapshot = pd.Timestamp("2017-10-01", tz="UTC")

    assert contracts["contract_id"].tolist() == ["ID-1", "ID-2", "ID-3"]
    # 1 month is 30.4375 days, 72 months are 2191.5.
    back = snapshot - contracts["started_at"]
    assert back.tolist() == [pd.Timedelta(days=days) for days in (30.4375, 2191.5, 2191.5)]
    assert contracts["ended_at"].notna().tolist() == [True, False, True]
    assert customers["attribute_senior"].tolist() == ["no", "yes", "no", "no"]
    assert customers["attribute_total_charges"].isna().tolist() == [True, False, False, False]
    assert customers["attribute_monthly_charges"].tolist() == [52.55, 29.85, 99.9, 100.0]
    assert delivery.description.attributes_not_for_models == ("attribute_total_charges",)
    assert delivery.description.is_sample
    assert not delivery.description.is_synthetic

    assert valid.rejects[["table", "file", "row", "rule"]].to_numpy().tolist() == [
        ["contracts", "telco.csv", 2, "no_time_at_risk"]
    ]
    hidden = pseudonymise(valid.tables, key=b"sixteen bytes or more")
    (tmp_path / "data" / "tables").mkdir(parents=True, exist_ok=True)
    write_tables(hidden, delivery.description, tmp_path / "data" / "tables")
    written = read_tables(tmp_path / "data" / "tables")
    assert set(written) == {"customers", "contracts"}
    assert not [name for name, frame in written.items() if "ID-" in frame.to_csv()]
    owners = written["contracts"]["customer_id"]
    assert owners.tolist() == written["customers"]["customer_id"].tolist()[1:]


def test_a_stray_comma_in_the_miniature_is_named(tmp_path: Path) -> None:
    # The comma in 1,5 makes row 6 one cell too long: no value of it can be trusted.
    study = make_study(tmp_path, miniature([*MINIATURE, ("3", "No", "0", "1,5", "4.5")]))
    with pytest.raises(TableError, match=r"has 1 row \(row 6\) without exactly 21 cells"):
        read_study(study)


def test_slips_in_the_miniature_are_all_named(tmp_path: Path) -> None:
    slips = [*MINIATURE, ("-1", "No", "0", "1", "1"), ("x", "Maybe", "2", "one", "1")]
    delivery = read_study(make_study(tmp_path, miniature([*slips, ("", "Yes", "0", "1", "")])))
    with pytest.raises(TableError) as caught:
        validate(delivery)
    found = [text.split(": ")[1] for text in caught.value.problems]
    assert found == [
        "rule unreadable_value, 1 row (row 7)",  # senior 2
        "rule unreadable_value, 1 row (row 7)",  # monthly charges one
        "rule unreadable_value, 1 row (row 7)",  # tenure x
        "rule unreadable_value, 1 row (row 7)",  # churn Maybe
        "rule missing_value, 1 row (row 8)",  # tenure empty
        "rule after_window, 1 row (row 6)",  # tenure -1
    ]


@needs_file
def test_the_real_file(tmp_path: Path) -> None:
    delivery = read_study(make_study(tmp_path, TELCO.read_bytes()))
    valid = validate(delivery)
    assert len(delivery.frames["customers"]) == 7043
    assert valid.audit["contracts"]["set_aside_by_rule"] == {"no_time_at_risk": 11}
    assert valid.audit["contracts"]["rows_kept"] == 7032
    assert valid.audit["customers"]["rows_kept"] == 7043
    assert valid.audit["customers"]["missing_values"] == {"attribute_total_charges": 11}
    contracts = valid.tables["contracts"]
    assert int(contracts["ended_at"].notna().sum()) == 1869
    # tenure runs from 1 to 72 whole months, so there are 72 different starts.
    assert contracts["started_at"].nunique() == 72
    assert len(valid.rejects) == 11


@needs_file
def test_no_month_of_the_real_file_is_lost(tmp_path: Path) -> None:
    with TELCO.open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    valid = validate(read_study(make_study(tmp_path, TELCO.read_bytes())))
    stayed = pd.Timestamp("2017-10-01", tz="UTC") - valid.tables["contracts"]["started_at"]
    months = stayed / pd.Timedelta(days=30.4375)
    assert months.tolist() == [float(line["tenure"]) for line in raw if line["tenure"] != "0"]
