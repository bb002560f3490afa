"""Pseudonyms: a keyed hash at the door, so that no delivered identifier goes any further."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from loyaltylab.tables.schemas import ID_COLUMNS, TEXT

# 80 bits: a chance collision among 10 million identifiers has probability 4e-11.
HEX_DIGITS = 20
SHARED_NAMESPACE = {"neighbour_id": "customer_id"}


def pseudonymise(tables: Mapping[str, pd.DataFrame], *, key: bytes) -> dict[str, pd.DataFrame]:
    """Replace every identifier by HMAC-SHA256 under a secret key.

    The same identifier of the same kind gets the same pseudonym in every table, so that
    tables still join; without the key nobody can go back, nor test a guess.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables; not changed.
    key : bytes
        At least 16 bytes.

    Returns
    -------
    dict of str to pandas.DataFrame

    Raises
    ------
    ValueError
        If the key is shorter than 16 bytes.

    Source
    ------
    Krawczyk, Bellare and Canetti (1997), RFC 2104.
    """
    if len(key) < 16:
        raise ValueError("A pseudonym key has at least 16 bytes.")
    return {name: _with_pseudonyms(frame, key) for name, frame in tables.items()}


def _with_pseudonyms(frame: pd.DataFrame, key: bytes) -> pd.DataFrame:
    columns = {
        column: _hash(frame[column], key) if column in ID_COLUMNS else frame[column]
        for column in frame
    }
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _hash(identifiers: pd.Series, key: bytes) -> pd.Series:
    kind = SHARED_NAMESPACE.get(str(identifiers.name), str(identifiers.name))
    codes, unique = pd.factorize(identifiers)  # a missing one has the code -1
    hashed = list(_digests((f"{kind}:{value}".encode() for value in unique), key))
    pseudonyms = pd.array(hashed, dtype=TEXT).take(codes, allow_fill=True)
    return pd.Series(pseudonyms, index=identifiers.index, name=identifiers.name)


def _digests(messages: Iterable[bytes], key: bytes) -> Iterator[str]:
    """HMAC-SHA256 of each; the key is worked in once, which spares a third of the time."""
    keyed = hmac.new(key, digestmod=hashlib.sha256)
    for message in messages:
        one = keyed.copy()
        one.update(message)
        yield one.hexdigest()[:HEX_DIGITS]
