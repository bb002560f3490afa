from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.reports.sanitise import SAFE_LINK, clean_html

DANGER = re.compile(
    r"(?i)<\s*(?:script|style|iframe|object|embed|svg|form|input|link|meta|base|button)\b"
    r"|<[^>]+\s(?:on\w+|style|id|srcset|xlink:href|formaction)\s*="
    r"|<[^>]+=\s*[\"']?\s*(?:javascript|vbscript):"
)
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/a.png" alt="a">',
    '<img src="data:text/html;base64,AAAA" alt="a">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\nscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<p style="background:url(https://evil.example)">x</p>',
    "<style>@import 'https://evil.example';</style>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><script>alert(1)</script></mtext></math>",
    '<math><mrow href="javascript:alert(1)" style="color:red">x</mrow></math>',
    "<form action='https://evil.example'><input name=a><button>go</button></form>",
    '<link rel="stylesheet" href="https://evil.example/a.css">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<base href="https://evil.example">',
    "<video src='https://evil.example/v' poster='https://evil.example/p'></video>",
    '<td background="https://evil.example">x</td>',
    '<p id="main">x</p>',
]


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_markup_cannot_survive(html: str) -> None:
    cleaned = clean_html(html)
    assert not DANGER.search(cleaned), cleaned
    assert "evil.example" not in cleaned
    assert "alert" not in cleaned


@settings(deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, "<p>", "</p>", '"', "'", "<", "&", "x"]), max_size=8))
def test_no_mixture_of_hostile_markup_survives(parts: list[str]) -> None:
    cleaned = clean_html("".join(parts))
    assert not DANGER.search(cleaned)
    assert clean_html(cleaned) == cleaned


def test_known_classes_and_structure_stay() -> None:
    html = (
        '<div class="answer" role="group" aria-label="Answer"><p class="block-title">A</p></div>'
        '<table class="data-table"><caption>C</caption><thead><tr><th scope="col" class="number">'
        'n</th></tr></thead><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
        '<img src="data:image/png;base64,AAAA" alt="a">'
        '<math display="block"><mfrac><mi>a</mi><mi>b</mi></mfrac></math>'
    )
    assert clean_html(html) == html


def test_unknown_classes_and_roles_go() -> None:
    html = '<div class="skip answer site" role="dialog">x</div>'
    assert clean_html(html) == '<div class="answer">x</div>'


@pytest.mark.parametrize(
    ("link", "is_safe"),
    [
        ("index.html", True),
        ("../index.html#a", True),
        ("#a", True),
        ("https://doi.org/10.1", True),
        ("mailto:a@b.example", True),
        ("sub/page.html", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ("file:///etc/passwd", False),
        (" javascript:x", False),
        ("", False),
    ],
)
def test_links_lead_to_pages(link: str, is_safe: bool) -> None:
    assert bool(SAFE_LINK.match(link)) is is_safe
