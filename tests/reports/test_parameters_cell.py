from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from loyaltylab.errors import NotebookError, ParameterError
from loyaltylab.reports.parameters_cell import (
    check_parameters,
    parse_parameters,
    rewrite_parameters,
)

TAGGED = {"tags": ["parameters"]}


def notebook(*sources: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(source, metadata=TAGGED) for source in sources])


def test_defaults_are_read_in_order_with_their_types() -> None:
    source = 'name = "007"  # label\nlimit = -1.5\nflags = [True, False]\n\n# note\nnone = None'
    declared = parse_parameters(notebook(source), name="n")
    assert list(declared.items()) == [
        ("name", "007"),
        ("limit", -1.5),
        ("flags", [True, False]),
        ("none", None),
    ]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ((), "no cell is tagged 'parameters'"),
        (("a = 1", "b = 2"), "cells 1, 2 are tagged 'parameters'"),
        (("a = 1 + 1",), "cell 1, line 1: 'a' is not a literal"),
        (("a = 1\na = 2",), "cell 1, line 2: 'a' is given twice"),
        (("import os",), "cell 1, line 1: only lines like 'name = literal'"),
        (("a = b = 1",), "cell 1, line 1: one name per line"),
        (("a = (1, 2)",), "cell 1, line 1: 'a' has a value that params.yaml cannot hold"),
        (("a = 1e999",), "cell 1, line 1: 'a' has a value that params.yaml cannot hold"),
        (("%time\na = 1",), "cell 1, line 1: not plain Python"),
    ],
)
def test_what_is_no_parameters_cell_is_refused(sources: tuple[str, ...], expected: str) -> None:
    with pytest.raises(NotebookError) as caught:
        parse_parameters(notebook(*sources), name="retention")
    assert "notebook retention" in str(caught.value)
    assert expected in str(caught.value)


def test_every_difference_is_reported_at_once() -> None:
    declared = {"horizon_days": 365, "label": "007", "level": 0.95, "arms": ["a"], "flag": True}
    given = {"horizont_days": 365, "label": 7, "level": True, "arms": [1], "flag": 1}
    with pytest.raises(ParameterError) as caught:
        check_parameters("retention", declared, given)
    assert "section 'retention'" in caught.value.summary
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "'horizont_days'",
        "'horizon_days'",
        "'label'",
        "'level'",
        "'arms'",
        "'flag'",
    ]
    assert "did you mean 'horizon_days'?" in caught.value.problems[0]
    assert "quote it to keep it as text" in caught.value.problems[2]


@pytest.mark.parametrize(
    ("default", "value"),
    [
        (0.95, 1),
        ("007", "007"),
        (None, None),
        (None, 3),
        ([], ["anything"]),
        ([1.5], [1, 2]),
        ({"low": 1}, {"low": 2, "high": 3}),
        (["a"], []),
    ],
)
def test_values_of_the_right_kind_pass(default: object, value: object) -> None:
    check_parameters("retention", {"p": default}, {"p": value})


@pytest.mark.parametrize(
    ("default", "value"),
    [
        (1, 1.0),
        (1, True),
        (True, 1),
        ("7", 7),
        (1, None),
        (1, "1"),
        ([1], 1),
        ([1], [None]),
        ({"a": 1}, {"a": "x"}),
        (None, float("nan")),
    ],
)
def test_values_of_the_wrong_kind_are_refused(default: object, value: object) -> None:
    with pytest.raises(ParameterError):
        check_parameters("retention", {"p": default}, {"p": value})


def test_a_null_needs_to_be_documented() -> None:
    check_parameters("retention", {"p": 1}, {"p": None}, optional={"p"})


def test_the_values_used_replace_the_defaults_and_the_comments_stay() -> None:
    source = 'a = 1  # days\nβ = "é"  # naïve\nmany = [\n    1,\n    2,\n]  # both\nlast = 4'
    rewritten = rewrite_parameters(source, {"a": 2, "β": "it's", "many": [3]})
    assert rewritten == 'a = 2  # days\nβ = "it\'s"  # naïve\nmany = [3]  # both\nlast = 4'
