"""Values that name a person: e-mail addresses, phone numbers, account numbers, pseudonyms.

The patterns are strict, so that dates, estimates and drawings are not taken for them: a phone
number needs its country code, an account number its check digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
# 8 to 15 digits after the plus (ITU-T E.164), set apart by single blanks, hyphens, slashes or
# brackets; points only between groups, so that +12.3456789 stays a number.
PHONE = re.compile(
    r"(?<![\w.+])\+[1-9](?:[ \u00a0/-]?\(?\d\)?){7,14}(?![\d.,]*\d)"
    r"|(?<![\w.+])\+[1-9]\d{0,2}(?:\.\d{2,4}){3,5}(?![.\d])"
)
ACCOUNT = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
# As made by tables.pseudonyms: 20 hexadecimal digits and no more.
PSEUDONYM = re.compile(r"(?<![\w.+])[0-9a-f]{20}(?![\w+]|\.\d)")
# Characters of an account number by country (ISO 13616).
ACCOUNT_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}


@dataclass(frozen=True)
class PersonalValue:
    """Where a text holds something personal; not what.

    Attributes
    ----------
    kind : str
        In words: "e-mail address", "phone number", "bank account number" or "pseudonym".
    start, stop : int
        Its place: ``text[start:stop]``.
    """

    kind: str
    start: int
    stop: int


def find_personal_values(text: str) -> list[PersonalValue]:
    """Every personal value in a text, in order.

    Parameters
    ----------
    text : str
        Any text; not HTML, in which characters may be escaped.

    Returns
    -------
    list of PersonalValue

    Examples
    --------
    >>> [one.kind for one in find_personal_values("Ann <ann@example.org>, +49 30 1234567")]
    ['e-mail address', 'phone number']
    >>> find_personal_values("+0.012345678 (95 % CI 2020-01-01 to 12345678901)")
    []
    """
    return sorted(_find(text), key=lambda one: one.start)


def hide_personal_values(text: str) -> str:
    """The text with the kind of every personal value in its place.

    Examples
    --------
    >>> hide_personal_values("no row for ann@example.org")
    'no row for [e-mail address]'
    """
    for one in reversed(find_personal_values(text)):
        text = f"{text[: one.start]}[{one.kind}]{text[one.stop :]}"
    return text


def _find(text: str) -> Iterator[PersonalValue]:
    if "@" in text:
        for found in EMAIL.finditer(text):
            yield PersonalValue("e-mail address", *found.span())
    if "+" in text:
        for found in PHONE.finditer(text):
            yield PersonalValue("phone number", *found.span())
    for found in ACCOUNT.finditer(text):
        if stop := _account_end(found[0]):
            yield PersonalValue("bank account number", found.start(), found.start() + stop)
    for found in PSEUDONYM.finditer(text):
        yield PersonalValue("pseudonym", *found.span())


def _account_end(candidate: str) -> int:
    """Where the account number that a candidate begins with ends; 0 if it begins with none."""
    wanted = ACCOUNT_LENGTHS.get(candidate[:2].upper(), 0)
    places = [place for place, character in enumerate(candidate) if character != " "]
    if not wanted or len(places) < wanted:
        return 0
    stop = places[wanted - 1] + 1
    if candidate[stop : stop + 1] not in ("", " "):  # goes on without a break
        return 0
    plain = candidate[:stop].replace(" ", "").upper()
    digits = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
    return stop if int(digits) % 97 == 1 else 0
