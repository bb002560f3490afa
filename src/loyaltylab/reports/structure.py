"""The structure a reader moves by: anchors and contents list, table regions, one title."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

RESERVED_IDS = ("main", "contents", "toggle-code")
NUMBER_TEXT = re.compile(r"(?:[<≤≥>~]?\s*[-+−]?[\d.,\u202f]*\d\s*%?|NaN|nan|—)")


@dataclass(frozen=True)
class Heading:
    """One line of the contents list.

    Attributes
    ----------
    level : int
        2 or 3.
    anchor : str
        The id of the heading, unique in the page.
    text : str
        The words of the heading.
    """

    level: int
    anchor: str
    text: str


@dataclass(frozen=True)
class PageBody:
    """A page's content, split where the contents list goes.

    Attributes
    ----------
    title : str
        The words of the one level-1 heading.
    lead : str
        HTML up to the first section: title, banner, answer, estimand.
    rest : str
        HTML from the first section on.
    headings : tuple of Heading
        The contents list.
    has_code : bool
        Whether there is folded code to show.
    """

    title: str
    lead: str
    rest: str
    headings: tuple[Heading, ...]
    has_code: bool


def structure_body(html: str, *, title: str) -> PageBody:
    """Give cleaned HTML its anchors, contents list and table regions.

    Parameters
    ----------
    html : str
        Cells as harmless HTML.
    title : str
        The title to use when the HTML has no level-1 heading.
    """
    soup = BeautifulSoup(html, "html.parser")
    own_title = _keep_one_title(soup, fallback=title)
    headings = _number_headings(soup)
    for number, table in enumerate(soup.find_all("table"), start=1):
        _mark_table(table, soup=soup, number=number)
    for wrapper in soup.find_all("div", recursive=False):
        if not wrapper.attrs:  # pandas wraps its tables in a bare div
            wrapper.unwrap()
    lead, rest = _split_at_first_section(soup)
    return PageBody(
        title=own_title,
        lead=lead,
        rest=rest,
        headings=headings,
        has_code=soup.find("details", class_="code") is not None,
    )


def slugify(text: str) -> str:
    """Return the words of a heading as an anchor.

    Examples
    --------
    >>> slugify("What is estimated?"), slugify("Überblick & Rest")
    ('what-is-estimated', 'uberblick-rest')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "section"


def _keep_one_title(soup: BeautifulSoup, *, fallback: str) -> str:
    titles = soup.find_all("h1")
    if not titles:
        heading = soup.new_tag("h1")
        heading.string = fallback
        soup.insert(0, heading)
        return fallback
    for extra in titles[1:]:
        extra.name = "h2"
    return _words(titles[0])


def _number_headings(soup: BeautifulSoup) -> tuple[Heading, ...]:
    used = set(RESERVED_IDS)
    contents = []
    for heading in soup.find_all(re.compile(r"^h[1-6]$")):
        text = _words(heading)
        slug = slugify(text)
        anchor, copy = slug, 1
        while anchor in used:
            copy += 1
            anchor = f"{slug}-{copy}"
        used.add(anchor)
        heading["id"] = anchor
        if heading.name in ("h2", "h3"):
            contents.append(Heading(level=int(heading.name[1]), anchor=anchor, text=text))
    return tuple(contents)


def _words(tag: Tag) -> str:
    return " ".join(tag.get_text().split())


def _mark_table(table: Tag, *, soup: BeautifulSoup, number: int) -> None:
    for cell in table.find_all("th"):
        if not cell.get_text(strip=True):
            cell.name = "td"  # the empty corner heads nothing
            del cell["scope"]
        elif not cell.get("scope"):
            cell["scope"] = _scope(cell)
    if "data-table" not in (table.get("class") or []):
        _align_numbers(table)
    caption = table.find("caption")
    label = f"Table: {_words(caption)}" if caption else f"Table {number}"
    if caption is not None:
        words = soup.new_tag("span")
        words["class"] = "caption-text"  # stays in view while a wide table scrolls
        words.extend(list(caption.contents))
        caption.append(words)
    region = soup.new_tag("div")
    region["class"] = "scroll table"
    region.attrs |= {"tabindex": "0", "role": "region", "aria-label": label}
    table.wrap(region)


def _scope(cell: Tag) -> str:
    is_wide = int(str(cell.get("colspan", "1"))) > 1
    if cell.find_parent("thead") is not None:
        return "colgroup" if is_wide else "col"
    return "row"


def _align_numbers(table: Tag) -> None:
    for cell in table.find_all("td"):
        if NUMBER_TEXT.fullmatch(cell.get_text().strip()):
            cell["class"] = "number"


def _split_at_first_section(soup: BeautifulSoup) -> tuple[str, str]:
    """Return the lead, with what is said before the code that says it, and the sections."""
    said: list[str] = []
    folds: list[str] = []
    rest: list[str] = []
    for node in soup.contents:
        if rest or (isinstance(node, Tag) and node.name == "h2"):
            rest.append(str(node))
        elif _is_code(node):
            folds.append(str(node))
        else:
            said.append(str(node))
    return "".join([*said, *folds]).strip(), "".join(rest).strip()


def _is_code(node: object) -> bool:
    return isinstance(node, Tag) and node.name == "details" and "code" in (node.get("class") or [])
