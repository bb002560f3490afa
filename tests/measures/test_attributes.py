"""Attributes as covariates: coded against a reference, without columns that repeat others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest

from loyaltylab.measures.attributes import code_attributes

# Means and standard deviations of a few numbers.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}


def customers(**attributes: object) -> pd.DataFrame:
    n = len(next(iter(attributes.values())))  # type: ignore[arg-type]
    return pd.DataFrame(
        {
            "customer_id": pd.Series([f"C{i}" for i in range(n)], dtype="string"),
            "segment": "consumer",
            **{f"attribute_{name}": values for name, values in attributes.items()},
        }
    )


def text(*values: str | None) -> pd.Series:
    return pd.Series(values, dtype="string")


def everyone(table: pd.DataFrame) -> pd.Series:
    return table["customer_id"]


def test_categories_are_compared_with_the_most_frequent_value() -> None:
    table = customers(payment_method=text("card", "bank", "card", "cheque", "card"))
    coded = code_attributes(table, everyone(table))
    assert coded.references == {"payment method": "card"}
    assert coded.covariates.to_dict("list") == {
        "payment method: bank": [0, 1, 0, 0, 0],
        "payment method: cheque": [0, 0, 0, 1, 0],
    }
    assert coded.is_complete.all()
    assert coded.repeated == {}


def test_of_equally_frequent_values_the_first_by_name_is_the_reference() -> None:
    table = customers(plan=text("z", "b", "b", "z"))
    assert code_attributes(table, everyone(table)).references == {"plan": "b"}


def test_numbers_are_standardised() -> None:
    # 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7.
    table = customers(age=[1.0, 2.0, 6.0])
    coded = code_attributes(table, everyone(table)).covariates["age (per SD)"]
    np.testing.assert_allclose(coded, np.array([-2, -1, 3]) / 7**0.5, **ROUNDING)


def test_repeated_columns_are_left_out_and_counted() -> None:
    # The same two customers have no internet, hence no backup and no films.
    table = customers(
        internet=text("fibre", "none", "fibre", "none", "fibre"),
        films=text("yes", "none", "yes", "none", "no"),
    )
    coded = code_attributes(table, everyone(table))
    # Most frequent: fibre (3); films: none and yes twice each, but none repeats, so yes.
    assert coded.references == {"internet": "fibre", "films": "yes"}
    assert list(coded.covariates) == ["internet: none", "films: no"]
    assert coded.repeated == {"films: none": ("internet: none", 2)}


def test_a_value_may_repeat_a_reference() -> None:
    # Most have no internet, which makes that the reference. Had films their own reference "none",
    # fibre + cable would equal films yes + no, and no model could tell them apart.
    table = customers(
        internet=text("none", "none", "none", "fibre", "cable", "fibre"),
        films=text("none", "none", "none", "no", "yes", "yes"),
    )
    coded = code_attributes(table, everyone(table))
    assert coded.references == {"internet": "none", "films": "yes"}
    assert list(coded.covariates) == ["internet: fibre", "internet: cable", "films: no"]
    assert coded.repeated == {"films: none": ("internet: none", 3)}
    with_constant = coded.covariates.assign(one=1.0)
    assert np.linalg.matrix_rank(with_constant.to_numpy()) == 4


def test_an_attribute_told_twice_is_left_out_whole() -> None:
    # Under other labels, and the other way round.
    table = customers(
        one=text("yes", "no", "no", "yes"), two=text("off", "on", "on", "off"), age=[1, 2, 4, 9]
    ).assign(attribute_years=[1.0, 2.0, 4.0, 9.0])
    coded = code_attributes(table, everyone(table))
    assert list(coded.covariates) == ["one: yes", "age (per SD)"]
    assert coded.references == {"one": "no"}
    assert coded.repeated == {
        "two: off": ("one: yes", 2),
        "two: on": ("one: no", 2),
        "years (per SD)": ("age (per SD)", 4),
    }


def test_missing_values_make_a_customer_incomplete() -> None:
    # Complete are C0, C1 and C4: of those, "x" stands twice and "y" once; ages 1, 2 and 6.
    table = customers(plan=text("x", "y", None, "y", "x"), age=[1.0, 2.0, 3.0, np.nan, 6.0])
    coded = code_attributes(table, everyone(table))
    assert coded.is_complete.tolist() == [True, True, False, False, True]
    assert coded.references == {"plan": "x"}
    complete = coded.covariates[coded.is_complete]
    assert complete["plan: y"].tolist() == [0, 1, 0]
    np.testing.assert_allclose(complete["age (per SD)"], np.array([-2, -1, 3]) / 7**0.5, **ROUNDING)


def test_columns_that_differ_only_where_a_value_is_missing_repeat_each_other() -> None:
    # A model sees complete customers only: to it, the two columns are one.
    table = customers(
        one=text("no", "yes", "no", "no", None), two=text("no", "yes", "no", None, "yes")
    )
    coded = code_attributes(table, everyone(table))
    assert list(coded.covariates) == ["one: yes"]
    assert coded.repeated == {"two: no": ("one: no", 2), "two: yes": ("one: yes", 1)}


def test_what_does_not_vary_makes_no_column() -> None:
    # "gold" stands only where the age is missing, so no complete customer has it.
    table = customers(
        plan=text("x", "x", "x", "gold"),
        age=[1.0, 2.0, 6.0, np.nan],
        height=[1.8, 1.8, 1.8, 1.7],
        rating=pd.Series([np.nan] * 4),
        note=text(None, None, None, None),
    )
    coded = code_attributes(table, everyone(table))
    assert list(coded.covariates) == ["age (per SD)"]
    assert coded.is_complete.tolist() == [True, True, True, False]


def test_one_row_per_customer_asked_for_in_that_order() -> None:
    table = customers(plan=text("x", "y", "x"))
    asked = pd.Series(["C1", "C0", "C1", "stranger", "C2", "C0"], dtype="string", index=[5] * 6)
    coded = code_attributes(table, asked)
    assert coded.is_complete.tolist() == [True, True, True, False, True, True]
    # Asked for are C0 twice, C1 twice, C2 once: x three times, y twice.
    assert coded.covariates["plan: y"][coded.is_complete].tolist() == [1, 0, 1, 0, 0]
    assert coded.covariates.index.tolist() == list(range(6))


def test_left_out_attributes() -> None:
    table = customers(plan=text("x", "y"), charges=[1.0, 2.0])
    coded = code_attributes(table, everyone(table), leave_out=("attribute_charges",))
    assert list(coded.covariates) == ["plan: y"]


@pytest.mark.parametrize("table", [customers(plan=text("x", "y")).iloc[:, :2]])
def test_no_attributes(table: pd.DataFrame) -> None:
    coded = code_attributes(table, everyone(table))
    assert coded.covariates.shape == (2, 0)
    assert coded.is_complete.tolist() == [True, True]
    assert (coded.references, coded.repeated) == ({}, {})


def test_labels_of_customers_and_order_of_rows_are_irrelevant() -> None:
    table = customers(plan=text("x", "y", "x"), age=[1.0, 2.0, 6.0])
    shuffled = table.iloc[[2, 0, 1]]
    first = code_attributes(table, everyone(table))
    again = code_attributes(shuffled, everyone(table))
    pdt.assert_frame_equal(first.covariates, again.covariates)


def test_the_table_is_left_alone() -> None:
    table = customers(plan=text("x", None), age=[1.0, np.nan])
    copy = table.copy(deep=True)
    code_attributes(table, everyone(table))
    pdt.assert_frame_equal(table, copy)
