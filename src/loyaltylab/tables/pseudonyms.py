"""Pseudonyms: a keyed hash at the door, so that no delivered identifier goes any further."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import pandas as pd

from loyaltylab.tables.schemas import ID_COLUMNS

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
    return {
        name: frame.assign(
            **{column: _hash(frame[column], key) for column in ID_COLUMNS if column in frame}
        )
        for name, frame in tables.items()
    }


def _hash(identifiers: pd.Series, key: bytes) -> pd.Series:
    kind = SHARED_NAMESPACE.get(str(identifiers.name), str(identifiers.name))
    unique = identifiers.dropna().unique()
    lookup = {
        value: hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:HEX_DIGITS]
        for value in unique
    }
    return identifiers.map(lookup).astype("string")
