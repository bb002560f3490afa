"""A first mapping for files nobody has mapped yet: every guess with its reason, in YAML."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from loyaltylab.errors import TableError
from loyaltylab.sources.draft_profile import ColumnProfile, FileProfile, profile_file, words_of
from loyaltylab.sources.draft_words import (
    COLUMN_WORDS,
    ID_WORDS,
    LEFT_WORDS,
    PERSONAL_WORDS,
    TABLE_WORDS,
    TENURE_WORDS,
    TOTAL_WORDS,
)
from loyaltylab.tables.schemas import (
    ATTRIBUTE_PREFIX,
    COUNT,
    FLAG,
    ID_COLUMNS,
    NUMBER,
    TABLES,
    TIMESTAMP,
)

# Placeholders that load, but stop the study: rows after the window, or a trap, until decided.
NO_WINDOW = "window: {start: 1900-01-01, end: 1900-01-02}"
NO_MONTHS = 2400
SHORTEST_PART = 4  # letters of a code that may be part of a category's name, such as mail
KINDS = {TIMESTAMP: ("date",), NUMBER: ("number",), COUNT: ("number",), FLAG: ("text", "number")}
Layout = dict[str, FileProfile]


def draft_mapping(paths: Sequence[Path], *, root: Path) -> str:
    """Draft a mapping for files.

    Parameters
    ----------
    paths : sequence of Path
        Delimited files within the study's folder.
    root : Path
        The study's folder.

    Returns
    -------
    str
        YAML that :func:`loyaltylab.sources.mapping.read_mapping` loads. TODO marks what a human
        must decide; until then the study stops. No value of a file is in it but codes of at
        most 12 kinds that stand in five rows or more each.

    Raises
    ------
    TableError
        If a file cannot be read, lies elsewhere, or none can be about contracts.
    """
    outside = [path for path in paths if not path.resolve().is_relative_to(root.resolve())]
    if outside:
        names = ", ".join(path.name for path in outside)
        raise TableError(f"Not in the study's folder: {names}. Copy the files into data/raw first.")
    profiles = [profile_file(path) for path in paths]
    layout = _assign(profiles)
    snapshot = _find_snapshot(layout["contracts"])
    lines = [
        "# A draft: check every line; what is marked TODO must be decided by you. Values of the",
        "# files are shown only where they are codes of at most 12 kinds in 5 rows or more each.",
        "label: TODO who the customers are, in a few words",
        "",
        *_clock(snapshot),
        "",
        "tables:",
    ]
    for table, profile in layout.items():
        lines += _table_lines(table, profile, snapshot, root)
    used = list(layout.values())
    lines += [
        f"# TODO not mapped: {profile.path.name}; its name and columns fit no table of "
        "data/README.md"
        for profile in profiles
        if profile not in used
    ]
    return "\n".join(lines) + "\n"


def _begins(name: str, beginnings: Sequence[str]) -> bool:
    return any(word.startswith(tuple(beginnings)) for word in words_of(name))


def _assign(profiles: Sequence[FileProfile]) -> Layout:
    """Which file is which table; customers and contracts may come from one file."""
    found: Layout = {}
    for profile in profiles:
        for table, words in TABLE_WORDS.items():
            if table not in found and _begins(profile.path.stem, words):
                found[table] = profile
                break
    if "contracts" not in found:
        able = [one for one in profiles if _pick("started_at", one) or _find_snapshot(one)]
        if not able:
            raise TableError(
                "No file tells when customers joined: none has a date called start, sign-up, join "
                "or the like, nor months of tenure with a column that says who left. Rename that "
                "column in a copy of the file, or write the mapping by hand (data/mappings)."
            )
        found["contracts"] = able[0]
        # Named for something else, but what it tells is contracts.
        found = {name: one for name, one in found.items() if name in KEPT or one is not able[0]}
    found.setdefault("customers", found["contracts"])
    return {name: found[name] for name in TABLES if name in found}


KEPT = ("customers", "contracts")


def _find_snapshot(profile: FileProfile) -> tuple[ColumnProfile, ColumnProfile] | None:
    """Columns of months of tenure and of who left, if the file is a list as of one day."""
    if _pick("started_at", profile):
        return None
    tenure = [c for c in profile.columns if c.kind == "number" and _begins(c.name, TENURE_WORDS)]
    left = [c for c in profile.columns if len(c.codes) == 2 and _begins(c.name, LEFT_WORDS)]
    return (tenure[0], left[0]) if tenure and left else None


def _clock(snapshot: tuple[ColumnProfile, ColumnProfile] | None) -> list[str]:
    if snapshot is None:
        return [
            "# TODO from when to when were endings recorded? A date is its first moment, UTC.",
            NO_WINDOW,
        ]
    return [
        "snapshot:",
        "  at: 2000-01-01  # an invented day; only differences of times matter",
        f"  observed_months: {NO_MONTHS}  # TODO for how many months before it were leavers kept "
        "in the file?",
    ]


def _pick(column: str, profile: FileProfile, table: str = "contracts") -> ColumnProfile | None:
    """The column of the file that a column of a table most likely is."""
    dtype = TABLES[table].schema.columns[column].metadata["dtype"]
    kinds = KINDS.get(dtype, ("text", "number"))
    fit = [one for one in profile.columns if one.kind in kinds]
    if column in ID_COLUMNS:
        fit = [one for one in fit if one.n_known == one.n_rows]
        fit = [one for one in fit if not (one.codes or _begins(one.name, PERSONAL_WORDS))]
    for word in COLUMN_WORDS.get(column, (column.removesuffix("_at").split("_")[0],)):
        named = [one for one in fit if _begins(one.name, (word,))]
        if column in ID_COLUMNS:  # of "customer" and "customer no" the latter
            named.sort(key=lambda one: not _begins(one.name, ID_WORDS))
        if named:
            return named[0]
    required_times = [
        name
        for name, spec in TABLES[table].schema.columns.items()
        if spec.metadata["dtype"] == TIMESTAMP and spec.required and not spec.nullable
    ]
    is_only = dtype == TIMESTAMP and required_times == [column] and len(fit) == 1
    return fit[0] if is_only and table != "contracts" else None


def _table_lines(
    table: str,
    profile: FileProfile,
    snapshot: tuple[ColumnProfile, ColumnProfile] | None,
    root: Path,
) -> Iterator[str]:
    path = profile.path.resolve().relative_to(root.resolve()).as_posix()
    yield f"  {table}:"
    yield f"    file: {json.dumps(path)}"
    yield f"    delimiter: {json.dumps(profile.delimiter)}  # stands as often in every line"
    yield f"    encoding: {profile.encoding}  # the first of the usual ones that reads the file"
    if profile.decimal == ",":
        yield '    decimal: ","  # numbers are written with a comma'
    if profile.missing:
        yield f"    missing: {json.dumps(list(profile.missing))}  # found as cells; TODO all empty?"
    yield "    columns:"
    used: set[str] = set()
    schema = TABLES[table].schema.columns
    for column, spec in schema.items():
        if spec.regex:
            continue
        line, source = _column_line(table, column, profile, snapshot, used)
        if source is not None and column not in ID_COLUMNS:
            used.add(source.name)
        elif source is not None:
            used.add(f"id {source.name}")
        if line:
            yield f"      {line}"
    if table == "customers":
        yield from _attribute_lines(profile, used, snapshot)
        return
    for one in profile.columns:
        if not {one.name, f"id {one.name}"} & used:
            reason = _why_not(one) or f"no column of {table} is called so"
            yield f"      # not mapped: {json.dumps(one.name, ensure_ascii=False)}: {reason}"


def _column_line(
    table: str,
    column: str,
    profile: FileProfile,
    snapshot: tuple[ColumnProfile, ColumnProfile] | None,
    used: set[str],
) -> tuple[str, ColumnProfile | None]:
    spec = TABLES[table].schema.columns[column]
    if table == "contracts" and snapshot is not None and column in ("started_at", "ended_at"):
        return _snapshot_line(column, snapshot)
    source = _pick(column, profile, table)
    is_own = column == TABLES[table].key[0] or (table, column) == ("contracts", "customer_id")
    if source is None and column in ID_COLUMNS and is_own:
        source = next((one for one in profile.columns if one.is_unique), None)
    if source is not None and source.name in used:
        source = None
    if source is not None:
        return _guessed_line(column, source, spec.checks), source
    if not spec.required:
        return "", None
    return _todo_line(column, spec), None


def _snapshot_line(
    column: str, snapshot: tuple[ColumnProfile, ColumnProfile]
) -> tuple[str, ColumnProfile]:
    tenure, left = snapshot
    if column == "started_at":
        return (
            f"started_at: {{months_before_snapshot: {json.dumps(tenure.name)}}}"
            "  # likely: a number of months by its name",
            tenure,
        )
    yes = [code for code in left.codes if code.lower() in ("yes", "1", "true", "ja")]
    gone = yes[0] if yes else left.codes[-1]
    stayed = next(code for code in left.codes if code != gone)
    sure = "likely" if yes else "TODO which of the two is a customer who left?"
    return (
        f"ended_at: {{snapshot_when: {{column: {json.dumps(left.name)}, equals: "
        f"{json.dumps(gone)}, otherwise: {json.dumps(stayed)}}}}}  # {sure}",
        left,
    )


def _guessed_line(column: str, source: ColumnProfile, checks: Sequence[object]) -> str:
    parts = [f"from: {json.dumps(source.name, ensure_ascii=False)}"]
    why = "a guess by its name"
    if column in ID_COLUMNS:
        why = "likely: by its name" + (", a value of its own in every row" * source.is_unique)
    if column.endswith("_eur"):
        why += "; TODO is it in euro? Otherwise remove this line"
    if source.kind == "date":
        why = "likely: dates, by its name"
        if source.form is not None:
            parts.append(f"format: {json.dumps(source.form)}")
            why += "" if source.is_order_sure else "; TODO day or month first? No date tells"
    allowed = _categories(checks)
    if allowed and source.codes:
        recoded = {code: _nearest(code, allowed) for code in source.codes}
        parts.append(f"values: {json.dumps(recoded, ensure_ascii=False)}")
        is_same = all(code == value for code, value in recoded.items())
        why += "" if is_same else f"; TODO right of each: one of {', '.join(allowed)}"
    elif allowed:
        why += f"; TODO values: recode to {', '.join(allowed)} (too rare or too many to show)"
    return f"{column}: {{{', '.join(parts)}}}  # {why}"


def _categories(checks: Sequence[object]) -> tuple[str, ...]:
    for check in checks:
        values = getattr(check, "statistics", {}).get("allowed_values")
        if values:
            return tuple(values)
    return ()


def _nearest(code: str, allowed: Sequence[str]) -> str:
    """The category that shares a word with the code, else one that claims nothing."""
    words = set(words_of(code))
    for value in allowed:
        if code == value or words & set(value.split("_")) or _holds(value, code.lower()):
            return value
    return next((value for value in ("unknown", "other", "open") if value in allowed), allowed[0])


def _holds(value: str, code: str) -> bool:
    return len(code) >= SHORTEST_PART and code in value


def _todo_line(column: str, spec: object) -> str:
    dtype = getattr(spec, "metadata", {})["dtype"]
    allowed = _categories(getattr(spec, "checks", ()))
    if getattr(spec, "nullable", False):
        constant = '""'
    elif dtype == TIMESTAMP:
        constant = '"2100-01-01"'  # after every window, so it stops the study
    else:
        constant = json.dumps("unknown" if "unknown" in allowed or not allowed else "TODO")
    return f"{column}: {{constant: {constant}}}  # TODO no column of the file looks like it"


def _attribute_lines(
    profile: FileProfile,
    used: set[str],
    snapshot: tuple[ColumnProfile, ColumnProfile] | None,
) -> Iterator[str]:
    """Every other column that may say something of a customer; the rest by name, with why."""
    taken = {name.removeprefix("id ") for name in used}
    taken |= {one.name for one in snapshot or ()}
    taken |= {c.name for name in ("started_at", "ended_at") if (c := _pick(name, profile))}
    names: set[str] = set()
    for column in profile.columns:
        if column.name in taken:
            continue
        reason = _why_not(column)
        if reason:
            yield f"      # not mapped: {json.dumps(column.name, ensure_ascii=False)}: {reason}"
            continue
        name = _free_name(column.name, names)
        names.add(name)
        parts = [f"from: {json.dumps(column.name, ensure_ascii=False)}"]
        parts += ["type: number"] if column.kind == "number" else []
        is_total = _begins(column.name, TOTAL_WORDS)
        parts += ["in_models: no"] if is_total else []
        grows = "; a total grows with tenure, so no model uses it" if is_total else ""
        yield (
            f"      {name}: {{{', '.join(parts)}}}  # TODO meaning, and when it was known{grows}"
        )


def _free_name(name: str, taken: set[str]) -> str:
    """An attribute's name after the column's, that no other column has yet."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    plain = ATTRIBUTE_PREFIX + (re.sub(r"\W+", "_", split).strip("_") or "unnamed")
    others = (f"{plain}_{number}" for number in itertools.count(2))
    return next(
        free for free in (plain, *itertools.islice(others, len(taken))) if free not in taken
    )


def _why_not(column: ColumnProfile) -> str:
    if column.kind == "empty":
        return "it is empty"
    if _begins(column.name, PERSONAL_WORDS):
        return "by its name it is personal"
    if column.kind == "date":
        return "a date; TODO does it belong into a table of events?"
    if column.kind == "text" and not column.codes:
        return "too many or too rare values for a group; free text and names stay outside"
    if column.is_unique and column.is_whole:
        return "a number of its own in every row, like an identifier"
    return ""


def write_draft(paths: Sequence[Path], output: Path, *, root: Path) -> None:
    """Write a draft to a file that must not be there yet.

    Raises
    ------
    TableError
        As :func:`draft_mapping`, or if the output is there.
    """
    if output.exists():
        raise TableError(f"'{output.name}' is there already; name another with --output.")
    text = draft_mapping(paths, root=root)
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
