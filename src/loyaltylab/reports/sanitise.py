"""The allow-list that every piece of HTML passes on its way into a page.

Whatever a notebook or a value in the data writes, only harmless structure gets through: no script,
no style, no event handler, no frame, nothing that loads.
"""

from __future__ import annotations

import re

import nh3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The classes that style.css knows; any other is dropped.
BLOCK_CLASSES = frozenset(
    {
        "answer",
        "banner",
        "banner-real",
        "banner-sample",
        "banner-synthetic",
        "block-title",
        "caveats",
        "data-table",
        "estimand",
        "figure",
        "not-estimable",
        "note",
        "number",
        "provenance",
    }
)
MATH_TAGS = _words(
    "math menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts"
    " mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder"
    " munderover"
)
MATH_ATTRIBUTES = _words(
    "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form"
    " height linethickness lspace mathsize mathvariant maxsize minsize movablelimits rowlines"
    " rowspacing rspace scriptlevel separator stretchy symmetric width"
)
TEXT_TAGS = _words(
    "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em"
    " figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small"
    " span strong sub summary sup table tbody td tfoot th thead time tr u ul var"
)
# Dropped together with what they contain.
CLOSED_TAGS = _words(
    "applet audio canvas embed frame iframe math-field noscript object script style svg template"
    " textarea title video"
)
DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
SAFE_LINK = re.compile(r"(?i)(?:https?://|mailto:|#|[^:/?#\s]+(?:[/?#]|$)|\.{0,2}/(?!/))")


def clean_html(html: str) -> str:
    """Return the harmless part of an HTML fragment.

    Classes that style.css does not know, ids, styles and event handlers go; images stay when their
    bytes are in the page; links stay when they lead to a page, a section or an address.

    Examples
    --------
    >>> clean_html('<p onclick="x()" class="answer evil">yes<script>x()</script></p>')
    '<p class="answer">yes</p>'
    """
    return _CLEANER.clean(html)


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class":
        return " ".join(name for name in value.split() if name in BLOCK_CLASSES) or None
    if attribute == "src":
        return value if DATA_IMAGE.fullmatch(value) else None
    if attribute == "href":
        return value if tag == "a" and SAFE_LINK.match(value) else None
    if attribute == "role":
        return value if value in ("note", "group") else None
    return value


_CLEANER = nh3.Cleaner(
    tags=set(TEXT_TAGS | MATH_TAGS),
    clean_content_tags=set(CLOSED_TAGS),
    attributes={
        "*": {"class", "lang", "dir", "title", "role", "aria-label"},
        "a": {"href"},
        "img": {"src", "alt", "width", "height"},
        "ol": {"start"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan", "scope"},
        "time": {"datetime"},
    }
    | {tag: set(MATH_ATTRIBUTES) for tag in MATH_TAGS},
    attribute_filter=_keep_attribute,
    url_schemes={"http", "https", "mailto", "data"},  # data: only in img, see _keep_attribute
)
