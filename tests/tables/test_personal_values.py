"""What names a person is found; numbers, dates and drawings are not taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.tables.personal_values import find_personal_values, hide_personal_values

# Published examples; check digits by hand: DE89 3704 0044 0532 0130 00 is
# 370400440532013000 131489 mod 97 = 1.
PERSONAL = {
    "e-mail address": [
        "ann@example.org", "x.y+z@mail.example.co.uk", "Ann <ann@example.org>", "mailto:a@b.de",
    ],
    "phone number": [
        "+491701234567", "+49 170 1234567", "+1 (555) 010-9999", "tel:+44/20/79460958",
        "+49.170.1234.567",
    ],
    "bank account number": [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "de89 3704 0044 0532 0130 00 to",
        "GB29NWBK60161331926819", "FR14 2004 1010 0505 0001 3M02 606", "NO9386011117947",
    ],
    "pseudonym": ["0123456789abcdef0123", "customer_id=0123456789abcdef0123,"],
}  # fmt: skip
HARMLESS = (
    "+0.012345678", "+12.345678901", "+1,234,567", "−12 345 678", "2020-01-01 00:00:00.000000",
    "DE88370400440532013000",  # wrong check digits
    "DE8937040044053201300",  # one too short
    "XX89370400440532013000",  # no country
    "0123456789abcdef01234", "e" * 64, "M 12.5 13.25 L 400 20 +12", "@media print", "ann at home",
    "1.00000000000000000000", "p0123456789abcdef0123", "+-----+-----+", "a@b", "x + 1 234 567",
)  # fmt: skip


@pytest.mark.parametrize("kind", PERSONAL)
def test_what_names_a_person_is_found(kind: str) -> None:
    for text in PERSONAL[kind]:
        assert [one.kind for one in find_personal_values(text)] == [kind], text
        assert f"[{kind}]" in hide_personal_values(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_numbers_and_drawings_are_no_persons(text: str) -> None:
    assert find_personal_values(text) == []
    assert hide_personal_values(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 12))
def test_no_number_is_a_person(number: float, digits: int) -> None:
    for text in (f"{number:.10g}", f"{number:+.{digits}f}", f"{number:+,.2f}"):
        if abs(number) < 1e6 or digits:
            assert find_personal_values(text) == []


def test_what_is_hidden_is_hidden_whole() -> None:
    text = "a@b.de wrote to +49 170 1234567 from DE89 3704 0044 0532 0130 00."
    assert hide_personal_values(text) == (
        "[e-mail address] wrote to [phone number] from [bank account number]."
    )
