from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from conftest import SVG

from loyaltylab.reports import display
from loyaltylab.reports.sanitise import clean_html
from loyaltylab.reports.table_markup import build_table, format_value

EVIL = "<script>alert('x')</script> & \"quotes\""


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], dict[str, Any]]]:
    bundles: list[tuple[dict[str, str], dict[str, Any]]] = []
    monkeypatch.setattr(
        "IPython.display.publish_display_data",
        lambda data, metadata: bundles.append((data, metadata)),
    )
    return bundles


@pytest.mark.parametrize(
    ("show", "classes"),
    [
        (lambda: display.show_banner(EVIL, nature="synthetic"), "banner banner-synthetic"),
        (lambda: display.show_banner(EVIL, nature="real"), "banner banner-real"),
        (lambda: display.show_answer(EVIL), "answer"),
        (lambda: display.show_definitions({EVIL: EVIL}, label=EVIL), "estimand"),
        (lambda: display.show_definitions([(EVIL, EVIL)], label=EVIL), "estimand"),
        (lambda: display.show_caveats([EVIL], title=EVIL), "caveats"),
        (lambda: display.show_not_estimable(EVIL), "not-estimable"),
        (lambda: display.show_provenance({EVIL: EVIL}), "provenance"),
        (lambda: display.show_table(pd.DataFrame({EVIL: [EVIL]}), caption=EVIL), "data-table"),
        (
            lambda: display.show_figure(SimpleNamespace(svg=SVG, alt=EVIL, caption=EVIL)),
            "figure",
        ),
    ],
)
def test_every_block_escapes_its_text_and_survives_the_allow_list(
    published: list[tuple[dict[str, str], dict[str, Any]]],
    show: Callable[[], None],
    classes: str,
) -> None:
    show()
    [(data, _)] = published
    html = data["text/html"]
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    cleaned = clean_html(html)
    assert f'class="{classes}"' in cleaned
    assert "&lt;script&gt;" in cleaned
    assert clean_html(cleaned) == cleaned
    assert data["text/plain"]


def test_a_figure_carries_its_description(
    published: list[tuple[dict[str, str], dict[str, Any]]],
) -> None:
    display.show_figure(SimpleNamespace(svg=SVG, alt="falls", caption="Retention"))
    [(data, metadata)] = published
    assert data["image/svg+xml"] == SVG
    assert metadata == {"image/svg+xml": {"alt": "falls", "caption": "Retention"}}


def test_a_figure_without_a_description_is_refused() -> None:
    with pytest.raises(ValueError, match="set alt"):
        display.show_figure(SimpleNamespace(svg=SVG, alt=" ", caption="c"))


def test_a_note_is_markdown(published: list[tuple[dict[str, str], dict[str, Any]]]) -> None:
    display.show_note("**0.71**")
    assert published[0][0]["text/markdown"] == "**0.71**"


def test_a_table_has_headers_for_columns_and_rows() -> None:
    frame = pd.DataFrame({"arm": ["fast", "late"], "n": [5321, 16342], "hr": [0.7132, None]})
    html = build_table(frame, caption="By arm", digits={"hr": 3})
    assert html == (
        '<table class="data-table"><caption>By arm</caption><thead><tr>'
        '<th scope="col">arm</th><th scope="col" class="number">n</th>'
        '<th scope="col" class="number">hr</th></tr></thead><tbody>'
        '<tr><th scope="row">fast</th><td class="number">5\u202f321</td>'
        '<td class="number">0.713</td></tr>'
        '<tr><th scope="row">late</th><td class="number">16\u202f342</td>'
        '<td class="number">—</td></tr></tbody></table>'
    )


def test_only_a_named_index_is_shown() -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="arm"))
    assert '<th scope="row">x</th>' in build_table(frame, caption="c")
    frame.index.name = None
    assert ">x<" not in build_table(frame, caption="c")


def test_a_table_takes_awkward_frames() -> None:
    columns = pd.MultiIndex.from_tuples([("a", "n"), ("a", "m")])
    frame = pd.DataFrame([[1, 2]], columns=columns)
    assert ">a · n<" in build_table(frame, caption="c")
    twice = pd.DataFrame([[1.0, "x"]], columns=["a", "a"])
    assert build_table(twice, caption="c").count("<td") == 2
    assert "<tbody></tbody>" in build_table(pd.DataFrame({"a": []}), caption="c")
    before = frame.copy()
    build_table(frame, caption="c")
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2024, "2024"),
        (12345, "12\u202f345"),
        (-12345.678, "−12\u202f345.68"),
        (-0.001, "0.00"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (float("nan"), "—"),
        (None, "—"),
        (pd.NA, "—"),
        (pd.NaT, "—"),
        (True, "yes"),
        (pd.Series([False]).iloc[0], "no"),
        (pd.Timestamp("2024-02-03"), "2024-02-03"),
        (pd.Timestamp("2024-02-03 04:05", tz="UTC"), "2024-02-03 04:05"),
        ("< 10", "< 10"),
    ],
)
def test_values_read_as_a_reader_expects(value: object, expected: str) -> None:
    assert format_value(value) == expected
