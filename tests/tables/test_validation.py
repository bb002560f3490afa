"""All failures at once; set aside means counted, with what hangs on it; nothing leaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from provider_tables import (
    CELLS,
    make_delivery,
    make_frame,
    with_cell,
    with_column,
    without_column,
)

from loyaltylab.errors import TableError
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.rules import RULES
from loyaltylab.tables.schemas import TABLES
from loyaltylab.tables.validation import PARENT_SET_ASIDE, ValidTables, validate

EVERY_RULE = tuple(RULES)


def refuse(delivery: Delivery) -> TableError:
    with pytest.raises(TableError) as caught:
        validate(delivery)
    return caught.value


def rejected(valid: ValidTables) -> list[list[Any]]:
    return valid.rejects[["table", "row", "rule"]].to_numpy().tolist()


def test_valid_tables_have_every_column_in_order_and_type() -> None:
    valid = validate(make_delivery())
    for name, frame in valid.tables.items():
        schema = TABLES[name].schema.columns
        fixed = [column for column, spec in schema.items() if not spec.regex]
        assert list(frame)[: len(fixed)] == fixed
        for column in fixed:
            assert str(frame[column].dtype) == schema[column].metadata["dtype"]
        assert frame.index.equals(pd.RangeIndex(len(frame)))
    assert list(valid.tables["customers"])[-1] == "attribute_size"


def test_the_order_of_tables_columns_and_rows() -> None:
    delivery = make_delivery()
    turned = replace(
        delivery,
        frames={
            name: delivery.frames[name].iloc[:, ::-1] for name in reversed(list(delivery.frames))
        },
    )
    valid, expected = validate(turned), validate(delivery)
    assert list(valid.tables) == list(expected.tables) == list(TABLES)
    for name, frame in expected.tables.items():
        pd.testing.assert_frame_equal(valid.tables[name], frame)


def test_every_failure_is_named_at_once() -> None:
    delivery = with_cell(make_delivery(), "contracts", 2, "price_eur", -1.0)
    delivery = with_cell(delivery, "contacts", 3, "customer_id", "C9")
    delivery = with_cell(delivery, "requests", 2, "decided_at", "2020-01-01")
    delivery = with_cell(delivery, "incidents", 3, "occurred_at", "2022-01-01")
    error = refuse(delivery)
    assert error.summary.startswith("4 rows of the tables break 4 rules")
    places = sorted(text.split(",")[0] for text in error.problems)
    assert places == [
        "contacts (contacts.csv): rule orphan",
        "contracts (contracts.csv): rule invalid_value",
        "incidents (incidents.csv): rule after_window",
        "requests (requests.csv): rule wrong_order",
    ]


def test_five_rows_are_shown_and_all_are_counted() -> None:
    cells = {**CELLS, "outreach": {name: value * 7 for name, value in CELLS["outreach"].items()}}
    cells["outreach"]["outreach_id"] = list("abcdefg")
    cells["outreach"]["kind"] = ["leaflet"] * 7
    assert "7 rows (row 2, 3, 4, 5, 6, …): kind must be one of" in str(refuse(make_delivery(cells)))


def test_set_aside_rows_are_kept_out_and_counted() -> None:
    delivery = with_cell(make_delivery(), "contracts", 3, "started_at", "2021-01-01")
    valid = validate(replace(delivery, set_aside=("no_time_at_risk",)))
    assert valid.tables["contracts"]["contract_id"].tolist() == ["K1", "K3", "K4"]
    assert valid.rejects.to_dict("records") == [
        {
            "table": "contracts",
            "file": "contracts.csv",
            "row": 3,
            "rule": "no_time_at_risk",
            "column": "started_at",
            "reason": "not so: a contract lasts longer than nothing by the end of the study window",
        }
    ]
    line = valid.audit["contracts"]
    assert (line["rows_delivered"], line["rows_kept"], line["rows_set_aside"]) == (4, 3, 1)
    assert line["set_aside_by_rule"] == {"no_time_at_risk": 1}


def test_only_the_listed_rule_is_set_aside() -> None:
    delivery = with_cell(make_delivery(), "contracts", 3, "started_at", "2021-01-01")
    delivery = with_cell(delivery, "contracts", 2, "price_eur", -1.0)
    error = refuse(replace(delivery, set_aside=("no_time_at_risk",)))
    assert len(error.problems) == 1
    assert "invalid_value" in error.problems[0]


def test_what_hangs_on_a_row_goes_with_it() -> None:
    # I1 is the wrong kind -> P1 was paid for it -> V1 was issued for P1.
    delivery = with_cell(make_delivery(), "incidents", 2, "kind", "earthquake")
    valid = validate(replace(delivery, set_aside=("invalid_value",)))
    assert rejected(valid) == [
        ["compensations", 2, PARENT_SET_ASIDE],
        ["incidents", 2, "invalid_value"],
        ["vouchers", 2, PARENT_SET_ASIDE],
    ]
    assert valid.tables["vouchers"].empty
    assert valid.tables["compensations"]["compensation_id"].tolist() == ["P2"]


def test_a_customer_goes_with_everything_of_theirs() -> None:
    delivery = with_cell(make_delivery(), "customers", 4, "segment", None)
    delivery = replace(
        delivery,
        frames={
            **delivery.frames,
            "customers": make_frame(
                "customers", {"customer_id": ["C1", "C2", "C3", "C3"], "segment": [None] * 4}
            ),
        },
        set_aside=("duplicate_key",),
    )
    valid = validate(delivery)
    for frame in valid.tables.values():
        if "customer_id" in frame:
            assert "C3" not in frame["customer_id"].tolist()
    assert valid.audit["contracts"]["set_aside_by_rule"] == {PARENT_SET_ASIDE: 1}
    # The exit hangs on a customer and a contract, both set aside: two lines, one row.
    assert valid.audit["exits"]["rows_set_aside"] == 1
    assert valid.audit["exits"]["rows_kept"] == 1


def test_a_cascade_does_not_hide_a_true_orphan() -> None:
    # P2 hangs on I2, which is set aside; P1 points nowhere as delivered.
    delivery = with_cell(make_delivery(), "incidents", 3, "kind", "earthquake")
    delivery = with_cell(delivery, "compensations", 2, "incident_id", "I9")
    error = refuse(replace(delivery, set_aside=("invalid_value",)))
    assert [text.split(":")[1] for text in error.problems] == [" rule orphan, 1 row (row 2)"]
    valid = validate(replace(delivery, set_aside=("invalid_value", "orphan")))
    assert ["compensations", 2, "orphan"] in rejected(valid)
    assert ["compensations", 3, PARENT_SET_ASIDE] in rejected(valid)


def test_a_row_that_breaks_two_rules_is_one_row() -> None:
    delivery = with_cell(make_delivery(), "contracts", 3, "price_eur", -1.0)
    delivery = with_cell(delivery, "contracts", 3, "signup_channel", "pigeon")
    valid = validate(replace(delivery, set_aside=("invalid_value",)))
    assert len(valid.rejects) == 2
    assert valid.audit["contracts"]["rows_set_aside"] == 1
    assert valid.audit["contracts"]["set_aside_by_rule"] == {"invalid_value": 1}
    delivery = with_cell(delivery, "contracts", 3, "ended_at", "2020-01-01")
    assert refuse(delivery).summary.startswith("1 row of the tables breaks 2 rules")


def test_a_study_without_a_contract_left_is_refused() -> None:
    delivery = make_delivery()
    frame = delivery.frames["contracts"].assign(price_eur=-1.0)
    delivery = replace(
        delivery,
        frames={"customers": delivery.frames["customers"], "contracts": frame},
        set_aside=("invalid_value",),
    )
    assert "No customer with a contract is left" in str(refuse(delivery))


def test_two_tables_are_enough_and_absent_columns_are_missing() -> None:
    delivery = make_delivery({name: CELLS[name] for name in ("customers", "contracts")})
    valid = validate(without_column(delivery, "contracts", "price_eur"))
    assert list(valid.tables) == ["customers", "contracts"]
    assert valid.tables["contracts"]["price_eur"].isna().all()
    assert "price_eur" in valid.audit["contracts"]["columns_not_delivered"]
    assert valid.audit["contracts"]["missing_values"] == {
        "ended_at": 2,
        "term_ends_at": 3,
        "signup_channel": 1,
    }


def test_an_optional_table_without_rows_is_valid() -> None:
    cells = {**CELLS, "links": {"customer_id": [], "neighbour_id": []}}
    assert validate(make_delivery(cells)).tables["links"].empty


def test_inputs_are_not_changed() -> None:
    delivery = with_cell(make_delivery(), "incidents", 2, "kind", "earthquake")
    before = {name: frame.copy(deep=True) for name, frame in delivery.frames.items()}
    validate(replace(delivery, set_aside=EVERY_RULE))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(delivery.frames[name], frame)


class TestLayout:
    def test_missing_and_unknown_are_named_together(self) -> None:
        delivery = without_column(make_delivery(), "contracts", "started_at")
        delivery = with_column(delivery, "contracts", "xyz", None)
        delivery = with_column(delivery, "contacts", "chanel", None)
        frames = dict(delivery.frames)
        del frames["customers"]
        frames["contract"] = delivery.frames["contracts"]
        problems = refuse(replace(delivery, frames=frames)).problems
        assert [text.split(";")[0] for text in problems] == [
            "table 'customers' is missing",
            "contracts (contracts.csv): column 'started_at' is missing "
            "(When service under this contract began)",
            "contracts (contracts.csv): column 'xyz' is unknown",
            "contacts (contacts.csv): column 'chanel' is unknown (did you mean 'channel'?)",
            "table 'contract' is unknown (did you mean 'contracts'?)",
        ]

    def test_an_attribute_is_for_customers_alone(self) -> None:
        delivery = with_column(make_delivery(), "contracts", "attribute_size", None)
        assert "column 'attribute_size' is unknown" in str(refuse(delivery))

    def test_a_misspelt_rule_is_named(self) -> None:
        delivery = make_delivery(set_aside=("no_time_at_rsk",))
        assert "(did you mean 'no_time_at_risk'?)" in str(refuse(delivery))

    def test_a_column_that_stands_twice(self) -> None:
        delivery = make_delivery()
        frame = delivery.frames["links"]
        twice = pd.concat([frame, frame[["customer_id"]]], axis="columns")
        delivery = replace(delivery, frames={**delivery.frames, "links": twice})
        assert "column 'customer_id' stands more than once" in str(refuse(delivery))

    def test_a_required_table_without_rows(self) -> None:
        delivery = make_delivery()
        frames = {name: frame.iloc[:0] for name, frame in delivery.frames.items()}
        problems = refuse(replace(delivery, frames=frames)).problems
        assert problems == (
            "customers (customers.csv): has no rows",
            "contracts (contracts.csv): has no rows",
        )

    @pytest.mark.parametrize("index", [[2, 2], ["a", "b"], [2.0, 3.0]])
    def test_row_numbers_must_tell_rows_apart(self, index: list[Any]) -> None:
        delivery = make_delivery()
        frame = delivery.frames["exits"].set_axis(index, axis="index")
        delivery = replace(delivery, frames={**delivery.frames, "exits": frame})
        assert refuse(delivery).problems == (
            "exits (exits.csv): the index must be the row number in the file, each once",
        )


class TestTypes:
    @pytest.mark.parametrize(
        ("table", "column", "values", "expected"),
        [
            # Digits as text: some schema libraries wave them through, one row at a time.
            ("contracts", "price_eur", ["10", "20", "MARKER", "0"], "number (float64)"),
            ("contracts", "started_at", ["2020-01-01"] * 4, "time (datetime64[us, UTC])"),
            ("customers", "customer_id", [1, 2, 3], "text (string)"),
            ("contacts", "handoffs", [1.0, 2.0], "whole number (Int64)"),
            ("contacts", "is_promise_kept", [True, False], "yes/no (boolean)"),
            ("customers", "attribute_size", [["x"], ["y"], ["z"]], "or text (string) or"),
        ],
    )
    def test_a_column_of_another_type_is_named(
        self, table: str, column: str, values: list[Any], expected: str
    ) -> None:
        delivery = with_column(make_delivery(), table, column, values)
        error = refuse(replace(delivery, set_aside=EVERY_RULE))
        assert len(error.problems) == 1
        assert f"column '{column}' is delivered as" in error.problems[0]
        assert expected in error.problems[0]
        assert "MARKER" not in str(error)

    def test_times_in_another_unit_or_zone_are_named(self) -> None:
        frames = make_delivery().frames
        started = frames["contracts"]["started_at"]
        for values in (started.dt.as_unit("ns"), started.dt.tz_localize(None)):
            error = refuse(with_column(make_delivery(), "contracts", "started_at", values))
            assert "time (datetime64[us, UTC])" in str(error)

    def test_attributes_may_be_text_or_numbers(self) -> None:
        delivery = with_column(make_delivery(), "customers", "attribute_age", [1.5, None, 2.0])
        assert validate(delivery).tables["customers"]["attribute_age"].tolist()[0] == 1.5


class TestNoIdentifierLeaks:
    """Every text cell carries a marker, rules of every kind are broken; no marker comes out."""

    LEAKS = ("MARKER", "777", "2031")

    def marked(self) -> Delivery:
        cells = {
            table: {column: self.mark(table, column, cells) for column, cells in columns.items()}
            for table, columns in CELLS.items()
        }
        delivery = make_delivery(cells)
        delivery = with_cell(delivery, "contracts", 5, "price_eur", -777.125)
        delivery = with_cell(delivery, "contacts", 3, "customer_id", "MARKER-C9")
        delivery = with_cell(delivery, "requests", 2, "decided_at", "2031-12-13")
        delivery = with_cell(delivery, "contracts", 3, "ended_at", "2019-12-31")
        frame = delivery.frames["links"]
        double = pd.concat([frame, frame]).set_axis([2, 3], axis="index")
        return replace(delivery, frames={**delivery.frames, "links": double})

    def mark(self, table: str, column: str, cells: list[Any]) -> list[Any]:
        spec = TABLES[table].schema.columns.get(column)
        is_text = spec is None or spec.metadata["dtype"] == "string"
        # Wrong categories in two tables; elsewhere they would hide the other rules.
        is_kept = spec is not None and bool(spec.checks) and table not in ("contracts", "outreach")
        if not is_text or is_kept:
            return cells
        return [None if cell is None else f"MARKER-{cell}" for cell in cells]

    def test_in_the_error(self) -> None:
        error = refuse(self.marked())
        text = f"{error} {error.__cause__} {error.__context__}"
        for rule in ("duplicate_key", "orphan", "after_window", "invalid_value", "wrong_order"):
            assert f"rule {rule}," in text
        for leak in self.LEAKS:
            assert leak not in text

    def test_in_the_quarantine_and_the_audit(self) -> None:
        delivery = self.marked()
        contracts = delivery.frames["contracts"].copy()
        contracts.loc[4, "signup_channel"] = "web"
        delivery = replace(
            delivery,
            frames={**delivery.frames, "contracts": contracts},
            set_aside=EVERY_RULE,
        )
        valid = validate(delivery)
        rules = set(valid.rejects["rule"])
        assert rules > {"duplicate_key", "orphan", "after_window", "invalid_value", "wrong_order"}
        assert PARENT_SET_ASIDE in rules
        text = valid.rejects.to_csv() + str(valid.audit)
        for leak in self.LEAKS:
            assert leak not in text
