"""Pages in a real browser: no sideways scrolling, no complaints, a toggle that works."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from headless_browser import Browser

from loyaltylab.reports.display import build_banner
from loyaltylab.reports.index_page import IndexEntry, render_index
from loyaltylab.reports.page import render_page

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1280)
OPEN_FOLDS = "document.querySelectorAll('details.code[open]').length"
ALL_FOLDS = "document.querySelectorAll('details.code').length"
SHOW_ALL = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The ratio of WCAG 2 for every text against the nearest painted background.
LOW_CONTRAST = """
(() => {
  const channels = (css) => css.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const rgb = channels(getComputedStyle(e).backgroundColor);
      if (rgb.length < 4 || rgb[3] === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!hasText || !element.checkVisibility()) continue;
    const [a, b] = [channels(getComputedStyle(element).color), background(element)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${element.className || element.localName} ${ratio.toFixed(2)}`);
  }
  return found;
})()
"""


@pytest.fixture(scope="module")
def pages(executed: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    links = [("All questions", "index.html"), ("Data dictionary", "data.html")]
    entry = IndexEntry("retention", "Do customers stay?", "supported", "Yes.", "retention.html")
    texts = {
        "retention": render_page(executed.first, name="retention", links=links),
        "index": render_index(
            [entry] * 3, banner_html=build_banner("Simulated.", nature="synthetic")
        ),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["retention", "index"])
def test_a_page_fits_its_screen_and_complains_of_nothing(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.open(pages[name].as_uri(), width=width)
    browser.evaluate(SHOW_ALL)
    assert browser.evaluate(SIDEWAYS) == 0
    assert browser.complaints() == []
    loaded = [url for url in browser.requests() if not url.startswith("data:")]
    assert loaded == [pages[name].as_uri()]
    assert browser.evaluate(LOW_CONTRAST) == []


def test_figures_are_drawn_and_formulas_are_laid_out(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["retention"].as_uri(), width=1280)
    assert browser.evaluate("document.querySelector('figure img').naturalWidth") == 768
    assert browser.evaluate("document.querySelector('math').getBoundingClientRect().width") > 20


def test_a_wide_table_scrolls_in_its_own_region(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["retention"].as_uri(), width=360)
    region = "document.querySelector('.scroll.table')"
    assert browser.evaluate(f"{region}.scrollWidth > {region}.clientWidth")
    browser.evaluate(f"{region}.focus()")
    assert browser.evaluate(f"document.activeElement === {region}")


def test_one_button_shows_and_hides_all_code(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["retention"].as_uri(), width=1280)
    button = "document.getElementById('toggle-code')"
    n_folds = browser.evaluate(ALL_FOLDS)
    assert n_folds == 5
    assert browser.evaluate(f"{button}.textContent") == "Show code"
    browser.evaluate(f"{button}.focus()")
    browser.press("Enter", code=13)
    browser.wait_until(f"{button}.textContent === 'Hide code'", seconds=5)
    assert browser.evaluate(OPEN_FOLDS) == n_folds
    browser.evaluate(f"{button}.click()")
    assert browser.evaluate(OPEN_FOLDS) == 0
    assert browser.evaluate(f"{button}.textContent") == "Show code"


def test_code_can_be_read_where_scripts_are_forbidden(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["retention"].as_uri(), width=1280, scripts=False)
    assert browser.evaluate("document.getElementById('toggle-code').hidden")
    browser.evaluate("document.querySelector('details.code summary').click()")
    assert browser.evaluate(OPEN_FOLDS) == 1


def test_the_first_key_leads_past_the_navigation(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["retention"].as_uri(), width=1280)
    browser.press("Tab", code=9)
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


def test_print_leaves_out_what_paper_cannot_use(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["retention"].as_uri(), width=800)
    browser.emulate_media("print")
    shown = "document.querySelector('{}').checkVisibility()"
    for gone in (".site", ".contents", "details.code"):
        assert not browser.evaluate(shown.format(gone))
    for kept in (".banner", ".answer", "figure img", "table"):
        assert browser.evaluate(shown.format(kept))
    browser.emulate_media("")


def test_a_script_that_got_in_would_be_refused(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    text = pages["retention"].read_text("utf-8")
    evil = "<script>document.title = 'taken'</script><img src='http://127.0.0.1:9/x.png' alt='x'>"
    copy = tmp_path / "evil.html"
    copy.write_text(text.replace("</main>", f"{evil}</main>"), encoding="utf-8")
    browser.open(copy.as_uri(), width=1280)
    assert browser.evaluate("document.title") == "Do customers stay?"
    assert len([text for text in browser.complaints() if "Content Security Policy" in text]) >= 2
