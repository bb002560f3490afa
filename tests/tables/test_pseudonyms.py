"""Pseudonyms: joins survive, the key matters, nothing of an identifier remains."""

from __future__ import annotations

import hashlib
import hmac

import pandas as pd
import pytest
from provider_tables import make_delivery

from loyaltylab.tables.pseudonyms import HEX_DIGITS, pseudonymise
from loyaltylab.tables.rules import POINTERS, find_violations
from loyaltylab.tables.schemas import ID_COLUMNS, TABLES
from loyaltylab.tables.validation import validate

KEY = b"a key of sixteen bytes or more"


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return validate(make_delivery()).tables


def test_the_pseudonym_is_hmac_sha256(tables: dict[str, pd.DataFrame]) -> None:
    hidden = pseudonymise(tables, key=KEY)
    expected = hmac.new(KEY, b"customer_id:C1", hashlib.sha256).hexdigest()[:HEX_DIGITS]
    assert hidden["customers"]["customer_id"].iloc[0] == expected


def test_tables_still_join(tables: dict[str, pd.DataFrame]) -> None:
    hidden = pseudonymise(tables, key=KEY)
    for name, column, parent, parent_column in POINTERS:
        known = hidden[parent].set_index(parent_column).index
        raw = tables[parent].set_index(parent_column).index
        assert known.get_indexer(hidden[name][column]).tolist() == (
            raw.get_indexer(tables[name][column]).tolist()
        )
    assert find_violations(hidden, window_end_at=make_delivery().description.window_end_at) == []


def test_a_neighbour_has_the_pseudonym_of_the_customer(tables: dict[str, pd.DataFrame]) -> None:
    hidden = pseudonymise(tables, key=KEY)
    second_customer = hidden["customers"]["customer_id"].iloc[1]
    assert hidden["links"]["neighbour_id"].tolist() == [second_customer]


def test_the_same_text_of_another_kind_gets_another_pseudonym() -> None:
    frame = pd.DataFrame({"contract_id": ["7"], "customer_id": ["7"]}, dtype="string")
    hidden = pseudonymise({"contracts": frame}, key=KEY)["contracts"]
    assert hidden["contract_id"].iloc[0] != hidden["customer_id"].iloc[0]


def test_another_key_gives_other_pseudonyms(tables: dict[str, pd.DataFrame]) -> None:
    one, other = (pseudonymise(tables, key=key) for key in (KEY, KEY + b"!"))
    for name, frame in one.items():
        for column in ID_COLUMNS:
            if column in frame:
                assert not frame[column].isin(other[name][column]).any()


@pytest.mark.parametrize("key", [b"", b"fifteen bytes.."])
def test_a_short_key_is_refused(tables: dict[str, pd.DataFrame], key: bytes) -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        pseudonymise(tables, key=key)


def test_no_identifier_remains_and_nothing_else_changes(tables: dict[str, pd.DataFrame]) -> None:
    identifiers = {
        value
        for frame in tables.values()
        for column in ID_COLUMNS
        if column in frame
        for value in frame[column]
    }
    for name, frame in pseudonymise(tables, key=KEY).items():
        for column in frame:
            if column in ID_COLUMNS:
                assert not set(frame[column]) & identifiers
                assert str(frame[column].dtype) == "string"
            else:
                pd.testing.assert_series_equal(frame[column], tables[name][column])


def test_every_column_named_id_is_pseudonymised() -> None:
    ids = {
        column
        for table in TABLES.values()
        for column in table.schema.columns
        if column.endswith("_id")
    }
    assert ids == set(ID_COLUMNS)


def test_inputs_are_not_changed(tables: dict[str, pd.DataFrame]) -> None:
    before = {name: frame.copy(deep=True) for name, frame in tables.items()}
    pseudonymise(tables, key=KEY)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(tables[name], frame)
