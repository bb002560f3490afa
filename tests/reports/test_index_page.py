from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from loyaltylab.reports.display import build_banner
from loyaltylab.reports.index_page import IndexEntry, render_index

ENTRIES = [
    IndexEntry("a", "Is <b> bold?", "supported", "Yes: 5 < 7.", "a.html"),
    IndexEntry("b", "And b?", "not estimable", "", "b.html"),
]
BANNER = build_banner("A simulated provider.", nature="synthetic")


def test_every_report_has_a_card_in_order() -> None:
    html = render_index(ENTRIES, banner_html=BANNER, title="What keeps customers?")
    soup = BeautifulSoup(html, "html.parser")
    cards = soup.select("li.card")
    assert [card.h2.get_text() for card in cards] == ["Is <b> bold?", "And b?"]
    assert [card.a["href"] for card in cards] == ["a.html", "b.html"]
    assert [card.select_one(".status").get_text() for card in cards] == [
        "supported",
        "not estimable",
    ]
    assert [p.get_text() for p in soup.select(".card-answer")] == ["Yes: 5 < 7."]
    assert soup.select_one(".banner-synthetic") is not None
    assert soup.title.string == soup.h1.string == "What keeps customers?"
    assert soup.find("button") is None


def test_the_banner_passes_the_allow_list() -> None:
    html = render_index(ENTRIES, banner_html="<p>x</p><script>alert(1)</script>")
    assert "alert(1)" not in html


def test_a_bad_link_is_refused() -> None:
    with pytest.raises(ValueError, match="which is no page"):
        render_index([IndexEntry("a", "A", "s", "", "javascript:x")], banner_html=BANNER)
