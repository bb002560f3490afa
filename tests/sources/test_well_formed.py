"""Files read by Arrow give the cells that reading row by row gives, or are left to it."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.sources.delimited_text import read_text_columns
from loyaltylab.sources.well_formed import is_well_formed, read_well_formed

# What readers disagree on stands more often than in a random text.
CELLS = st.text(st.sampled_from(list("ab1 ,;\"\n\r\t'\\é€\u2028\x1c\0\ufeff")), max_size=6)
ENCODINGS = ("utf-8", "utf-16", "latin-1")


def read_both(
    folder: Path, content: bytes, *, wanted: tuple[str, ...] = ("a", "b"), encoding: str = "utf-8"
) -> tuple[pd.DataFrame | None, pd.DataFrame | TableError]:
    path = folder / "file.csv"
    path.write_bytes(content)
    fast = read_well_formed(path, delimiter=",", encoding=encoding, wanted=wanted)
    try:
        return fast, read_text_columns(path, delimiter=",", encoding=encoding, wanted=wanted)
    except TableError as error:
        return fast, error


def assert_same(fast: pd.DataFrame | None, slow: pd.DataFrame | TableError) -> None:
    assert fast is not None
    assert isinstance(slow, pd.DataFrame)
    pd.testing.assert_frame_equal(fast.astype("string"), slow)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_whatever_a_writer_quotes_is_read_alike_or_left(
    rows: list[tuple[str, ...]], quoting: int, end: str, encoding: str, tmp_path: Path
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=end).writerows([("a", "b", "c"), *rows])
    content = text.getvalue().encode(encoding, "replace")
    fast, slow = read_both(tmp_path, content, encoding=encoding)
    if fast is not None:
        assert_same(fast, slow)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.sampled_from(list('xy,,,""\n\n\r\0 ')), max_size=40))
def test_whatever_stands_below_a_header_is_read_alike_or_left(text: str, tmp_path: Path) -> None:
    fast, slow = read_both(tmp_path, f"a,b\n{text}".encode())
    if fast is not None:
        assert_same(fast, slow)


@given(
    text=st.text(st.sampled_from(list('xé,"\n\r\0')), max_size=40),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_where_a_text_is_cut_changes_nothing(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[start:stop] for start, stop in pairwise(edges)]
    assert is_well_formed(pieces, delimiter=",") == is_well_formed([data], delimiter=",")


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"a,b\r\n1,2\r\n3,4",
        b'a,b\n"1, and ""one"", more","two\nlines"\n',
        b'a,b\n"one\r\n\r\nline",2\n',
        b'"a","b"\n"",\n"""",""""""\n',
        b" a , b \n 007 ,\xc2\xa0NULL \n",
        b"a,b\n",
        b"\xef\xbb\xbfa,b\n1,2\n",
        gzip.compress(b"a,b\n1,2\n", mtime=0),
        b"a,x,x,b\n1,2,3,4\n",
        b"b,a\n1,2\n",
    ],
)  # fmt: skip
def test_a_file_without_doubt_is_read(content: bytes, tmp_path: Path) -> None:
    assert_same(*read_both(tmp_path, content))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_so_is_one_in_another_encoding(encoding: str, tmp_path: Path) -> None:
    content = "a,b\nJosé,Ünal\nZoë,\n".encode(encoding)
    assert_same(*read_both(tmp_path, content, encoding=encoding))


@pytest.mark.parametrize(
    "content",
    [
        b'a,b\n1,2"\n',
        b'a,b\n1,"2" \n',
        b'a,b\n1,"2\n',
        b"a,b\n1,2\r3,4\n",
        b"a,b\n1,2\r\r\n",
        b"a,b\n\n1,2\n",
        b"a,b\r\n1,2\r\n\r\n",
        b"a,b\n1,2,3\n",
        b"a,b\n1\n",
        b"a,b\n1,\x002\n",
        b"a,b\n1,\xef\xbb\xbf2\n",
        b"a,b\na,b\n",
        b"a,b\n1,\xff\n",
        b"a,a,b\n1,2,3\n",
        b"a\n1\n",
        b"",
        gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9],
        b"a,b\n" + b"x" * 131_073 + b",2\n",
    ],
)  # fmt: skip
def test_a_file_with_a_doubt_is_left(content: bytes, tmp_path: Path) -> None:
    fast, _ = read_both(tmp_path, content)
    assert fast is None


def test_an_encoding_that_is_unknown_or_not_the_file_s_is_left(tmp_path: Path) -> None:
    assert read_both(tmp_path, b"a,b\n1,2\n", encoding="klingon")[0] is None
    assert read_both(tmp_path, "a,b\né,2\n".encode(), encoding="latin-1")[0] is None


def test_pieces_of_a_long_file_meet(tmp_path: Path) -> None:
    # Rows of 31 bytes; no piece of 2**20 characters ends where a row does.
    lines = b"".join('"%010d ""é""",%09d\r\n'.encode() % (row, row) for row in range(80_000))
    content = b"a,b\n" + lines
    assert_same(*read_both(tmp_path, content))
