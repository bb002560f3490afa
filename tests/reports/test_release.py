"""The gate: what names a person or counts too few stops a stage, and is not told."""

from __future__ import annotations

import base64
import html

import pytest

from loyaltylab.errors import DisclosureError
from loyaltylab.reports.release import check_release, tell_error

EMAIL = "ann@example.org"


def refused(place: str, text: str) -> str:
    with pytest.raises(DisclosureError) as caught:
        check_release({"findings/other.json": "{}", place: text}, min_cell=5)
    message = str(caught.value)
    assert EMAIL not in message
    return message


def test_a_person_is_named_by_file_line_and_kind() -> None:
    message = refused("reports/x.txt", f"one\ntwo\nby {EMAIL}")
    assert "reports/x.txt, line 3: e-mail address" in message


def test_what_is_escaped_or_drawn_is_read() -> None:
    escaped = "".join(f"&#{ord(letter)};" for letter in EMAIL)
    assert html.unescape(escaped) == EMAIL
    assert "reports/x.html, line 1" in refused("reports/x.html", f"<p>{escaped}</p>")
    drawn = base64.b64encode(f"<svg><!-- {EMAIL} --></svg>".encode()).decode()
    page = f'<img src="data:image/svg+xml;base64,{drawn}">'
    assert "image 1, line 1" in refused("reports/x.html", page)


def test_small_counts_are_found_in_tables_and_findings() -> None:
    assert "line 3: 'n_events' counts fewer than 5" in refused(
        "reports/figures/x/a.csv", "group,n_events\na,50\nb,4\n"
    )
    assert "estimates.left.n_events: counts fewer than 5" in refused(
        "findings/x.json", '{"estimates": {"left": {"n": 40, "n_events": 3}}}'
    )


def test_what_may_leave_leaves() -> None:
    check_release(
        {
            "reports/x.html": "<p>+0.02 (2020-01-01), n = 40, <5</p>",
            "a.csv": "group,n_events,shown\na,0,<5\nb,,\nc,5,5\n",
            "f.json": '{"n": 0, "parameters": {"months": [1, 3]}, "n_events": null}',
        },
        min_cell=5,
    )


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("ValueError", "bad value 'Miller' in\n  a frame", "bad value '…' in"),
        ("KeyError", "'MARK-17'", "'…'"),
        ("NameError", "name 'contrast_grups' is not defined", None),
        ("TypeError", f"no {EMAIL}", "no [e-mail address]"),
    ],
)
def test_an_unforeseen_error_quotes_no_data(kind: str, message: str, told: str | None) -> None:
    assert tell_error(kind, message) == (message if told is None else told)
