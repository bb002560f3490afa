from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from conftest import SVG, build_notebook
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from test_sanitise import HOSTILE

from loyaltylab.errors import NotebookError
from loyaltylab.reports.page import render_page
from loyaltylab.reports.structure import structure_body

LOADS = re.compile(
    r"(?i)(?:src|srcset|poster|data|action|background)\s*=\s*[\"']?\s*(?:https?:)?//"
    r"|<link[^>]+href\s*=\s*[\"'](?!data:)"
    r"|@import|url\("
)


@pytest.fixture(scope="module")
def page(executed: SimpleNamespace) -> str:
    return render_page(executed.first, name="retention", links=[("All questions", "index.html")])


@pytest.fixture(scope="module")
def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def with_output(data: dict[str, str], **metadata: object) -> NotebookNode:
    nb = build_notebook("1")
    nb.cells[-1].outputs = [new_output("display_data", data=data, metadata=metadata)]
    return nb


def test_two_runs_give_the_same_page(executed: SimpleNamespace, page: str) -> None:
    links = [("All questions", "index.html")]
    assert render_page(executed.second, name="retention", links=links) == page


def test_a_page_loads_nothing(page: str) -> None:
    assert not LOADS.search(re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))
    assert "<script src" not in page
    assert "cdn" not in page.lower()


def test_the_policy_lets_only_this_style_and_this_script_run(page: str) -> None:
    policy = unescape(re.search(r'Security-Policy" content="([^"]+)"', page)[1])  # type: ignore[index]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        texts = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)
        assert len(texts) == 1
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", page)


def test_a_page_can_be_read_by_everyone(soup: BeautifulSoup) -> None:
    assert soup.html["lang"] == "en"
    assert soup.title.string == "Do customers stay?"
    assert [h1.get_text() for h1 in soup.find_all("h1")] == ["Do customers stay?"]
    assert soup.select_one("a.skip")["href"] == "#main"
    assert soup.find(id="main").name == "main"
    assert soup.select_one("nav[aria-label=Reports] a")["href"] == "index.html"
    assert all(image["alt"].strip() for image in soup.find_all("img"))


def test_what_is_said_comes_before_the_code_that_says_it(soup: BeautifulSoup) -> None:
    lead = [
        tag.get("class", [tag.name])[0]
        for tag in soup.select_one(".lead").find_all(True, recursive=False)
    ]
    assert lead == ["h1", "code"]
    rest = soup.select_one(".rest").get_text()
    assert rest.index("71 percent") < rest.index("Retention") < rest.index("Seed")


def test_a_lead_shows_banner_and_answer_before_any_fold() -> None:
    html = (
        '<h1>T</h1><details class="code"></details><div class="banner">b</div>'
        '<details class="code"></details><div class="answer">a</div><h2>S</h2>'
        '<details class="code"></details><p>x</p>'
    )
    body = structure_body(html, title="t")
    assert re.findall(r'class="(\w+)"', body.lead) == ["banner", "answer", "code", "code"]
    assert body.rest.index("details") < body.rest.index("<p>")


def test_anchors_are_unique_and_the_contents_list_leads_to_them(soup: BeautifulSoup) -> None:
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    targets = [link["href"][1:] for link in soup.select("nav.contents a")]
    assert targets == ["methode-data", "data"]
    assert set(targets) <= set(ids)


def test_equal_headings_and_reserved_names_get_numbers() -> None:
    html = "<h2>Main</h2><h2>Data</h2><h3>Data</h3><h2>Data 2</h2><h2>?</h2>"
    headings = structure_body(html, title="t").headings
    expected = ["main-2", "data", "data-2", "data-2-2", "section"]
    assert [heading.anchor for heading in headings] == expected


def test_a_second_title_becomes_a_section() -> None:
    body = structure_body("<h1>A</h1><h1>B</h1>", title="t")
    assert (body.title, body.headings[0].text, body.headings[0].level) == ("A", "B", 2)


def test_a_page_without_a_title_gets_one() -> None:
    assert "<h1" in structure_body("<p>x</p>", title="retention").lead


def test_figures_are_images_with_words(soup: BeautifulSoup) -> None:
    [figure] = soup.find_all("figure")
    image = figure.img
    assert image["alt"] == "A falling line."
    assert (image["width"], image["height"]) == ("768", "384")  # 576 pt and 288 pt at 4/3 px
    assert base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")) == SVG.encode()
    assert figure.figcaption.get_text() == "Retention"


@pytest.mark.parametrize("kind", ["image/svg+xml", "image/png", "image/jpeg"])
def test_a_figure_without_a_description_is_refused(kind: str) -> None:
    with pytest.raises(NotebookError) as caught:
        render_page(with_output({kind: "<svg/>"}), name="retention")
    assert "notebook retention: cell-03 shows a figure without a description" in str(caught.value)
    assert "show_figure" in str(caught.value)


def test_an_image_that_would_have_to_be_loaded_is_refused() -> None:
    nb = build_notebook("1", prose=["![a curve](curve.png)"])
    with pytest.raises(NotebookError, match="whose bytes are not in the notebook"):
        render_page(nb, name="retention")


def test_tables_scroll_in_a_region_and_name_their_headers(soup: BeautifulSoup) -> None:
    tables = soup.find_all("table")
    assert len(tables) == 2
    for table in tables:
        region = table.parent
        assert (region["role"], region["tabindex"]) == ("region", "0")
        assert all(th["scope"] in ("col", "row", "colgroup") for th in table.find_all("th"))
        assert all(th.get_text(strip=True) for th in table.find_all("th"))
    assert tables[0].parent["aria-label"] == "Table: Revenue by month"
    assert tables[1].parent["aria-label"] == "Table 2"
    assert tables[1].select_one("tbody td")["class"] == ["number"]


def test_code_is_folded(soup: BeautifulSoup) -> None:
    folds = soup.select("details.code")
    assert [fold.summary.get_text() for fold in folds] == ["Parameters", *["Code"] * 4]
    assert not any(fold.has_attr("open") for fold in folds)
    assert "horizon_days = 180" in folds[0].get_text()
    assert soup.find(id="toggle-code").has_attr("hidden")  # the script shows it


def test_warnings_are_visible_and_printed_text_stays(soup: BeautifulSoup) -> None:
    assert "two customers were tied" in soup.select_one(".stream-warning").get_text()
    assert "Month 1" in soup.select_one(".scroll.stream").get_text()


def test_formulas_are_mathml_and_money_is_text(soup: BeautifulSoup) -> None:
    assert len(soup.find_all("math")) == 1
    assert "it costs $5 to $10." in soup.get_text()


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_data_cannot_run(html: str) -> None:
    nb = with_output({"text/html": f"<p>kept</p>{html.replace('<img', '<i')}"})
    nb.cells.append(new_markdown_cell(html.replace("<img", "<i")))
    nb.cells[-1].id = "cell-04"
    nb.cells[-2].outputs += [
        new_output("display_data", data={"text/plain": html}),
        new_output("stream", name="stdout", text=html),
        new_output("stream", name="stderr", text=html),
    ]
    soup = BeautifulSoup(render_page(nb, name="retention"), "html.parser")
    assert len(soup.find_all("script")) == len(soup.find_all("style")) == 1
    assert not soup.find_all(["iframe", "svg", "form", "input", "base", "video", "object"])
    assert len(soup.find_all("link")) == 1
    for tag in soup.find_all(True):
        assert not any(name.startswith("on") or name == "style" for name in tag.attrs)
        assert not str(tag.get("href", "")).strip().lower().startswith(("javascript", "data:t"))
    assert "kept" in soup.get_text()


@pytest.mark.parametrize(
    "kind", ["application/javascript", "application/vnd.jupyter.widget-view+json"]
)
def test_what_needs_a_script_is_left_out(kind: str) -> None:
    html = render_page(with_output({kind: "{}", "text/plain": "SliderWidget"}), name="n")
    assert "SliderWidget" not in html


def test_a_failed_run_makes_no_page() -> None:
    nb = build_notebook("1")
    nb.cells[-1].outputs = [new_output("error", ename="KeyError", evalue="'b'", traceback=[])]
    with pytest.raises(NotebookError, match="a failed run makes no page"):
        render_page(nb, name="retention")


def test_a_link_that_leads_nowhere_good_is_refused(executed: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="which is no page"):
        render_page(executed.first, name="n", links=[("x", "javascript:alert(1)")])


def test_a_title_is_escaped() -> None:
    html = render_page(build_notebook("1"), name="n", title="<script>x</script>")
    assert "<title>&lt;script&gt;x&lt;/script&gt;</title>" in html
