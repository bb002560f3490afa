"""Rules across columns and tables: each finds the rows that break it, and says how to mend them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from loyaltylab.tables.personal_values import find_personal_values
from loyaltylab.tables.schemas import ID_COLUMNS, TABLES, TIMESTAMP

Tables = Mapping[str, pd.DataFrame]
# Identifiers that no category looks like; a customer numbered 12 is not looked for in texts.
DISTINCTIVE = re.compile(r"(?=.*\d)(?=.*\D).{6,}|\d{9,}", re.DOTALL)

REPEATED_ROW = "repeated_row"
UNMATCHED_KEY = "unmatched_key"
MIXED_DATE_ORDER = "mixed_date_order"
UNCLEAR_LOCAL_TIME = "unclear_local_time"
# Every rule a mapping may list under set_aside, and what it asks of a row.
RULES = {
    "unreadable_value": "every value can be read as the type of its column",
    MIXED_DATE_ORDER: "the dates of a column have day and month in one order",
    UNCLEAR_LOCAL_TIME: "no local time is one that the clocks skip or show twice",
    REPEATED_ROW: "no row stands, cell for cell, in an earlier file of its table too",
    UNMATCHED_KEY: "what a joined file is asked for is there",
    "missing_value": "a column that may not be empty is not",
    "invalid_value": "a value is one of its categories, or within its limits",
    "duplicate_key": "every key stands once",
    "orphan": "what a row points to is there",
    "wrong_owner": "a row and the row it points to are about the same customer",
    "wrong_order": "nothing ends before it starts",
    "after_window": "nothing observed is dated after the study window",
    "no_time_at_risk": "a contract lasts longer than nothing",
    "exit_mismatch": "an exit's `service_end_at` is the `ended_at` of its contract",
    "personal_value": "a text that is no identifier holds no e-mail address, phone number, bank "
    "account number or identifier",
}
# (table, earlier column, later column): the later time must not come before the earlier one.
TIME_ORDER = (
    ("contracts", "started_at", "ended_at"),
    ("contracts", "started_at", "term_ends_at"),
    ("customers", "observed_from_at", "observed_until_at"),
    ("contacts", "opened_at", "first_replied_at"),
    ("contacts", "opened_at", "resolved_at"),
    ("requests", "requested_at", "decided_at"),
    ("vouchers", "issued_at", "expires_at"),
    ("vouchers", "issued_at", "redeemed_at"),
    ("vouchers", "issued_at", "refunded_at"),
    ("exits", "requested_at", "service_end_at"),
    ("exits", "service_end_at", "verified_at"),
    ("contacts", "opened_at", "rated_at"),
    ("offers", "offered_at", "ends_at"),
    ("rival_promotions", "starts_at", "ends_at"),
    ("surveys", "invited_at", "answered_at"),
    ("public_posts", "posted_at", "replied_at"),
    ("public_posts", "posted_at", "counted_at"),
)
# (table, column, parent table, parent's column)
POINTERS = (
    *(
        (name, "customer_id", "customers", "customer_id")
        for name, table in TABLES.items()
        if name != "customers" and "customer_id" in table.schema.columns
    ),
    ("links", "neighbour_id", "customers", "customer_id"),
    ("exits", "contract_id", "contracts", "contract_id"),
    ("compensations", "incident_id", "incidents", "incident_id"),
    ("vouchers", "compensation_id", "compensations", "compensation_id"),
)
# Times that may lie ahead of the window's end: they are agreements, not observations.
PLANNED = ("term_ends_at", "starts_at", "ends_at", "expires_at", "promise_due_at", "effective_at")


@dataclass(frozen=True)
class Violation:
    """Rows of one table that break one rule.

    Attributes
    ----------
    table, rule, column : str
        Where and which; ``column`` names several when the rule spans columns.
    rows : tuple of int
        Row numbers in the delivered file.
    must : str
        The rule in words.
    fix : str
        What the researcher can do.
    """

    table: str
    rule: str
    column: str
    rows: tuple[int, ...]
    must: str
    fix: str


def _violation(
    frame: pd.DataFrame,
    broken: pd.Series,
    *,
    table: str,
    rule: str,
    column: str,
    must: str,
    fix: str,
) -> Iterator[Violation]:
    mask = broken.fillna(False).to_numpy(dtype=bool)
    if mask.any():
        rows = tuple(int(row) for row in frame.index[mask])
        yield Violation(table, rule, column, rows, must, fix)


def find_duplicate_keys(tables: Tables) -> Iterator[Violation]:
    """Rows whose key stands more than once; every copy is named, none is chosen."""
    for name, frame in tables.items():
        key = list(TABLES[name].key)
        yield from _violation(
            frame,
            frame.duplicated(key, keep=False) & frame[key].notna().all(axis="columns"),
            table=name,
            rule="duplicate_key",
            column=", ".join(key),
            must=f"each {' + '.join(key)} stands once",
            fix="keep one row per key in the file",
        )


def find_orphans(tables: Tables) -> Iterator[Violation]:
    """Rows that point to a customer, contract, … that is not there."""
    for name, column, parent, parent_column in POINTERS:
        if name not in tables or parent not in tables:
            continue
        frame = tables[name]
        yield from _violation(
            frame,
            frame[column].notna() & ~frame[column].isin(tables[parent][parent_column]),
            table=name,
            rule="orphan",
            column=column,
            must=f"every {column} stands in {parent}",
            fix=f"add the missing rows to {parent}, or remove these",
        )


def find_wrong_owners(tables: Tables) -> Iterator[Violation]:
    """Rows about one customer that point to a contract, incident, … of another."""
    for name, column, parent, parent_column in POINTERS:
        if parent == "customers" or name not in tables or parent not in tables:
            continue
        frame = tables[name]
        # A key that stands twice has no one owner; its rows are named as duplicates.
        once = tables[parent].drop_duplicates(parent_column, keep=False)
        owner = frame[column].map(once.set_index(parent_column)["customer_id"])
        yield from _violation(
            frame,
            owner.notna() & (owner != frame["customer_id"]),
            table=name,
            rule="wrong_owner",
            column="customer_id",
            must=f"customer_id is that of the row in {parent} that {column} points to",
            fix="make the two tables agree",
        )


def find_wrong_order(tables: Tables) -> Iterator[Violation]:
    """Rows in which something ends before it starts."""
    for name, earlier, later in TIME_ORDER:
        if name not in tables:
            continue
        frame = tables[name]
        yield from _violation(
            frame,
            frame[later] < frame[earlier],
            table=name,
            rule="wrong_order",
            column=later,
            must=f"{later} is not before {earlier}",
            fix="correct the two times in the file",
        )


def find_after_window(tables: Tables, *, window_end_at: pd.Timestamp) -> Iterator[Violation]:
    """Observations dated after the study window: they could not be known yet."""
    for name, frame in tables.items():
        for column, spec in TABLES[name].schema.columns.items():
            if spec.metadata["dtype"] != TIMESTAMP or column in PLANNED:
                continue
            yield from _violation(
                frame,
                frame[column] > window_end_at,
                table=name,
                rule="after_window",
                column=column,
                must=f"{column} is not after the end of the study window "
                f"({window_end_at:%Y-%m-%d %H:%M} UTC)",
                fix="correct the time, or move the end of the window to when the data were drawn",
            )


def find_no_time_at_risk(tables: Tables, *, window_end_at: pd.Timestamp) -> Iterator[Violation]:
    """Contracts of no length: nobody is at risk in them, so they carry no information."""
    frame = tables["contracts"]
    end = frame["ended_at"].fillna(window_end_at)
    yield from _violation(
        frame,
        frame["started_at"] == end.where(end < window_end_at, window_end_at),
        table="contracts",
        rule="no_time_at_risk",
        column="started_at",
        must="a contract lasts longer than nothing by the end of the study window",
        fix="correct the dates",
    )


def find_exit_mismatches(tables: Tables) -> Iterator[Violation]:
    """Exits whose service end is not the end of their contract."""
    if "exits" not in tables:
        return
    frame = tables["exits"]
    # A contract that stands twice has no one end; its rows are named as duplicates.
    once = tables["contracts"].drop_duplicates("contract_id", keep=False)
    contract_end = frame["contract_id"].map(once.set_index("contract_id")["ended_at"])
    yield from _violation(
        frame,
        frame["contract_id"].isin(once["contract_id"]) & (contract_end != frame["service_end_at"]),
        table="exits",
        rule="exit_mismatch",
        column="service_end_at",
        must="an exit's service_end_at is the ended_at of its contract",
        fix="make the two tables agree",
    )


def find_personal_texts(tables: Tables) -> Iterator[Violation]:
    """Rows whose texts name a person: a label of a group is shown, so it must be a category."""
    texts = {
        (name, str(column)): frame[column].dropna().unique()
        for name, frame in tables.items()
        for column in frame.select_dtypes("string")
        if column not in ID_COLUMNS
    }
    identifiers = _identifiers_among(texts.values(), tables)
    for (name, column), own in texts.items():
        personal = [one for one in own if one in identifiers or find_personal_values(one)]
        if not personal:
            continue
        yield from _violation(
            tables[name],
            tables[name][column].isin(personal),
            table=name,
            rule="personal_value",
            column=column,
            must=f"{column} holds no e-mail address, phone number, bank account number or "
            "identifier of a row",
            fix="leave the column out of the mapping, or map its values to categories",
        )


def _identifiers_among(texts: Iterable[Iterable[str]], tables: Tables) -> set[str]:
    """Those of the texts, far fewer than identifiers as a rule, that are an identifier too."""
    doubtful = {one for own in texts for one in own if DISTINCTIVE.fullmatch(one)}
    if not doubtful:
        return set()
    columns = [
        frame[name] for frame in tables.values() for name in ID_COLUMNS if name in frame.columns
    ]
    return {value for ids in columns for value in ids[ids.isin(doubtful)].unique()}


def find_violations(tables: Tables, *, window_end_at: pd.Timestamp) -> list[Violation]:
    """Every breach that a row can be blamed for by itself, or by what it points to being absent.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Tables with every column of their schemas, in its type; the index is the row number.
        Missing values break none of these rules.
    window_end_at : pandas.Timestamp
        End of the study window (UTC).

    Returns
    -------
    list of Violation
        In a fixed order: by rule, then table.
    """
    return [
        *find_duplicate_keys(tables),
        *find_orphans(tables),
        *find_wrong_order(tables),
        *find_after_window(tables, window_end_at=window_end_at),
        *find_no_time_at_risk(tables, window_end_at=window_end_at),
        *find_personal_texts(tables),
    ]


def find_disagreements(tables: Tables) -> list[Violation]:
    """Every row that says otherwise than the row it points to.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        As for ``find_violations``, without the rows that break other rules: a contract whose end
        could not be read would contradict its exit, which is not to blame.

    Returns
    -------
    list of Violation
        In a fixed order: by rule, then table.
    """
    return [*find_wrong_owners(tables), *find_exit_mismatches(tables)]
