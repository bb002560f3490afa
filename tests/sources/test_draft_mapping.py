"""A draft loads, hides values, stops until decided, and once decided gives the right tables."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from loyaltylab.cli import app
from loyaltylab.errors import TableError
from loyaltylab.sources.delimited import read_delimited
from loyaltylab.sources.draft_mapping import draft_mapping, write_draft
from loyaltylab.sources.draft_profile import profile_file
from loyaltylab.sources.mapping import read_mapping
from loyaltylab.tables.trap_search import find_traps
from loyaltylab.tables.validation import ValidTables, validate

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "pipeline"))
from snapshot_file import write_snapshot  # noqa: E402

N = 120
BY_HAND = """
label: customers of a test
window: {start: 2019-01-01, end: 2021-01-01}
tables:
  customers:
    file: data/raw/kunden.csv
    delimiter: ";"
    encoding: cp1252
    columns:
      customer_id: Kundennummer
      segment: Kundengruppe
      attribute_tarif: {from: Tarif, meaning: tariff, known: at sign-up}
  contracts:
    file: data/raw/contracts.csv
    delimiter: ";"
    decimal: ","
    missing: ["NULL"]
    columns:
      contract_id: contract_no
      customer_id: customer_no
      started_at: {from: start_date, format: "%d.%m.%Y"}
      ended_at: {from: end_date, format: "%d.%m.%Y"}
      price_eur: monthly_price
  contacts:
    file: data/raw/tickets.csv
    columns:
      contact_id: ticket_id
      customer_id: customer_no
      opened_at: created
      resolved_at: closed
      channel: {from: channel, values: {mail: email, phone: phone}}
"""


def three_files(root: Path) -> list[Path]:
    folder = root / "data" / "raw"
    folder.mkdir(parents=True)
    paths = [folder / name for name in ("kunden.csv", "contracts.csv", "tickets.csv")]
    people = ["Kundennummer;Kundengruppe;Vorname;Tarif;Anlass"]
    contracts = ["contract_no;customer_no;start_date;end_date;monthly_price"]
    tickets = ["ticket_id,customer_no,created,closed,channel"]
    for row in range(N):
        group = "privat" if row % 2 else "geschäftlich"
        rare = "Geheimnis" if row == 3 else "üblich"
        people.append(f"S{row};{group};Secret{row};{'alt' if row % 3 else 'neu'};{rare}")
        end = f"{1 + row % 28:02d}.{1 + row % 12:02d}.2020" if row % 3 == 0 else "NULL"
        start = f"{1 + row % 27:02d}.{1 + row % 11:02d}.2018"
        contracts.append(f"V{row};S{row};{start};{end};{10 + row % 7},50")
        day = f"2019-{1 + row % 12:02d}-{1 + row % 28:02d}"
        tickets.append(f"T{row},S{row},{day} 08:00,{day} 09:30,{'phone' if row % 4 else 'mail'}")
    for path, lines, encoding in zip(
        paths, (people, contracts, tickets), ("cp1252", "utf-8", "utf-8"), strict=True
    ):
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return paths


def load(root: Path, text: str) -> ValidTables:
    path = root / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return validate(read_delimited(path, root=root))


def decided(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_draft_of_three_files_gives_the_tables_of_a_mapping_by_hand(tmp_path: Path) -> None:
    draft = draft_mapping(three_files(tmp_path), root=tmp_path)
    window = "window: {start: 1900-01-01, end: 1900-01-02}"
    final = decided(draft, (window, "window: {start: 2019-01-01, end: 2021-01-01}"))
    drafted, by_hand = load(tmp_path, final), load(tmp_path, BY_HAND)
    assert list(drafted.tables) == list(by_hand.tables) == ["customers", "contracts", "contacts"]
    for name, frame in by_hand.tables.items():
        pd.testing.assert_frame_equal(drafted.tables[name], frame)


def test_a_draft_stops_until_it_is_decided(tmp_path: Path) -> None:
    draft = draft_mapping(three_files(tmp_path), root=tmp_path)
    with pytest.raises(TableError, match="rule after_window"):
        load(tmp_path, draft)


def test_a_draft_says_how_files_are_written_and_why(tmp_path: Path) -> None:
    draft = draft_mapping(three_files(tmp_path), root=tmp_path)
    assert 'delimiter: ";"' in draft
    assert "encoding: cp1252" in draft
    assert 'decimal: ","  # numbers are written with a comma' in draft
    assert 'missing: ["NULL"]' in draft
    assert 'started_at: {from: "start_date", format: "%d.%m.%Y"}  # likely: dates' in draft
    guessed = [line for line in draft.splitlines() if "{from:" in line]
    assert guessed
    assert all("  # " in line for line in guessed)


def test_no_value_but_common_codes_is_in_a_draft(tmp_path: Path) -> None:
    draft = draft_mapping(three_files(tmp_path), root=tmp_path)
    assert 'not mapped: "Vorname": by its name it is personal' in draft
    assert 'not mapped: "Anlass": too many or too rare' in draft
    for value in ("Secret", "Geheimnis", "2018", "2020", "S1", "V1", "T1", "50", "privat"):
        assert not re.search(rf"\b{value}", draft.replace("2100", ""))
    assert '"mail"' in draft


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "raw" / "telco.csv"
    write_snapshot(path)
    return path


def test_a_draft_of_a_snapshot_gives_the_tables_of_the_mapping_by_hand(
    tmp_path: Path, snapshot: Path
) -> None:
    draft = draft_mapping([snapshot], root=tmp_path)
    final = decided(
        draft,
        ("at: 2000-01-01", "at: 2017-10-01"),
        ("observed_months: 2400", "observed_months: 3"),
        ("\ntables:", "\nset_aside: [no_time_at_risk]\ntables:"),
        (
            '{from: "SeniorCitizen", type: number}',
            '{from: SeniorCitizen, values: {"0": no, "1": yes}}',
        ),
        ('      price_eur: {from: "MonthlyCharges"}', "#"),
        ("attribute_senior_citizen", "attribute_senior"),
        ("attribute_internet_service", "attribute_internet"),
        ("attribute_paperless_billing", "attribute_paperless"),
        ("attribute_payment_method", "attribute_payment"),
    )
    drafted = load(tmp_path, final)
    by_hand = validate(read_delimited(ROOT / "data" / "mappings" / "telco.yaml", root=tmp_path))
    pd.testing.assert_frame_equal(drafted.tables["contracts"], by_hand.tables["contracts"])
    customers = drafted.tables["customers"].drop(columns="attribute_gender")
    pd.testing.assert_frame_equal(customers, by_hand.tables["customers"])
    assert (
        read_mapping(tmp_path / "mapping.yaml")
        .tables["customers"]
        .columns["attribute_total_charges"]
        .in_models
        is False
    )


def test_a_draft_of_a_snapshot_stops_until_it_is_decided(tmp_path: Path, snapshot: Path) -> None:
    draft = draft_mapping([snapshot], root=tmp_path)
    final = decided(draft, ("\ntables:", "\nset_aside: [no_time_at_risk]\ntables:"))
    path = tmp_path / "mapping.yaml"
    path.write_text(final, encoding="utf-8")
    delivery = read_delimited(path, root=tmp_path)
    found = find_traps(validate(delivery), delivery.description)
    assert [trap.name for trap in found if trap.is_stopping] == ["exits_not_recorded_before"]


def test_the_mapping_by_hand_of_the_snapshot_has_no_trap_that_stops(
    tmp_path: Path, snapshot: Path
) -> None:
    delivery = read_delimited(ROOT / "data" / "mappings" / "telco.yaml", root=tmp_path)
    found = {trap.name for trap in find_traps(validate(delivery), delivery.description)}
    # All true of it: the quarter of an exit, the month of a start, attributes at the snapshot.
    assert found == {"exits_on_one_day", "coarse_dates", "known_at_the_end"}
    assert snapshot.is_file()


@pytest.mark.parametrize(
    ("cells", "form", "is_sure"),
    [
        (["2020-12-31"], None, True),
        (["31.12.2020"], "%d.%m.%Y", True),
        (["01.02.2020"], "%d.%m.%Y", True),
        (["12/31/2020"], "%m/%d/%Y", True),
        (["31/12/2020 08:30"], "%d/%m/%Y %H:%M", True),
        (["01/02/2020"], "%m/%d/%Y", False),
    ],
)
def test_the_order_of_dates(
    tmp_path: Path, cells: list[str], form: str | None, is_sure: bool
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["when,x", *(f"{cell},1" for cell in cells)]), encoding="utf-8")
    column = profile_file(path).columns[0]
    assert (column.kind, column.form, column.is_order_sure) == ("date", form, is_sure)


def test_names_that_agree_and_odd_headers_still_load(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = [f"{row},2020-01-{1 + row % 28:02d},a,b,c" for row in range(40)]
    header = 'id,start,"Group ""x""",group x,Group-X'
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    text = draft_mapping([path], root=tmp_path)
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    columns = read_mapping(tmp_path / "m.yaml").tables["customers"].columns
    assert [name for name in columns if name.startswith("attribute_")] == [
        "attribute_group_x",
        "attribute_group_x_2",
        "attribute_group_x_3",
    ]


def test_files_without_a_start_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TableError, match="No file tells when customers joined"):
        draft_mapping([path], root=tmp_path)
    with pytest.raises(TableError, match="There is no file"):
        draft_mapping([tmp_path / "y.csv"], root=tmp_path)
    elsewhere = tmp_path / "study"
    elsewhere.mkdir()
    with pytest.raises(TableError, match="Not in the study's folder"):
        draft_mapping([path], root=elsewhere)


def test_nothing_is_overwritten(tmp_path: Path, snapshot: Path) -> None:
    output = tmp_path / "data" / "mappings" / "telco.yaml"
    command = ["new-source", str(snapshot), "--root", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert "decide every TODO" in done.stdout
    before = output.read_bytes()
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    assert output.read_bytes() == before
    with pytest.raises(TableError, match="is there already"):
        write_draft([snapshot], output, root=tmp_path)


def test_the_same_files_give_the_same_draft(tmp_path: Path) -> None:
    paths = three_files(tmp_path)
    assert draft_mapping(paths, root=tmp_path) == draft_mapping(paths, root=tmp_path)
    shares = np.array([profile_file(path).columns[0].n_rows for path in paths])
    assert (shares == N).all()


def test_a_file_without_a_header_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("Mrs Secret,2020-01-01,12\nMr Secret,2020-02-01,13\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"first row of c\.csv holds numbers or dates") as caught:
        draft_mapping([path], root=tmp_path)
    assert "Secret" not in str(caught.value)
