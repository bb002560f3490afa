"""Audits as they may leave: they are in git and on every page, so small counts are hidden.

An audit that was guarded before stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loyaltylab.findings.linked_counts import NOT_SHOWN, Sum, sums_that_hold, write_counts
from loyaltylab.tables.schemas import TABLES

FATES_OF_JUMPS = (
    "within", "before_entry", "after_exit", "between_spells", "before_first_spell",
    "customer_never_at_risk",
)  # fmt: skip
PLACES_OF_JUMPS = (
    "early", "late", "gap", "within", "boundary", "leading", "trailing", "missid",
)  # fmt: skip
SUMS_OF_SPELLS = (
    Sum(
        (
            "customers_without_contract",
            "customers_under_observation",
            "customers_never_under_observation",
        ),
        "customers",
    ),
    Sum(
        (
            "spells_under_observation",
            "spells_ended_before_observation",
            "spells_begun_after_observation",
        ),
        "spells",
    ),
    Sum(
        ("endings_used", "endings_before_observation", "endings_followed_by_another_contract"),
        "endings",
    ),
)
# (whole, part): what remains of the whole is not printed, but follows.
PARTS_OF_SPELLS = (
    ("contracts", "contracts_overlapping"),
    ("spells_under_observation", "spells_with_delayed_entry"),
    ("endings_used", "endings_too_recent_to_tell"),
    ("endings_used", "endings_of_unknown_cause"),
)


def guard_audit(stage: str, audit: Mapping[str, Any], *, min_cell: int) -> dict[str, Any]:
    """An audit without counts of too few customers, nor others from which these would follow.

    Parameters
    ----------
    stage : {"tables", "timeline"}
        What was counted.
    audit : mapping
        As made by :func:`loyaltylab.tables.validation.validate` with its "traps", or of the
        timeline: "spells", "jumps" and "places". Not changed.
    min_cell : int
        Smallest count shown.

    Returns
    -------
    dict
        The same, with "<min_cell" or "not shown" in place of hidden counts. Tables that are not
        about customers, such as policies, are counted in full.

    Examples
    --------
    >>> counts = {"rows_delivered": 90, "rows_kept": 88, "rows_set_aside": 2}
    >>> guard_audit("tables", {"contracts": counts}, min_cell=5)["contracts"]["rows_kept"]
    'not shown'
    """
    if stage == "tables":
        return {
            name: [_guard(trap, sums=(), parts=(), min_cell=min_cell) for trap in counted]
            if name == "traps"
            else _guard_table(name, counted, min_cell)
            for name, counted in audit.items()
        }
    guarded = dict(audit)
    if "spells" in audit:
        guarded["spells"] = _guard_spells(audit["spells"], min_cell)
    for part, fates, whole in (
        ("jumps", FATES_OF_JUMPS, "within"),
        ("places", PLACES_OF_JUMPS, "total"),
    ):
        guarded[part] = {
            covariate: _guard(
                counts, sums=[Sum(fates, "total")], parts=[(whole, "tied")], min_cell=min_cell
            )
            for covariate, counts in audit.get(part, {}).items()
        }
    return guarded


def _guard_table(name: str, table: Mapping[str, Any], min_cell: int) -> dict[str, Any]:
    if name in TABLES and "customer_id" not in TABLES[name].schema.columns:
        return dict(table)
    rules = {("rule", key): n for key, n in table.get("set_aside_by_rule", {}).items()}
    missing = {("missing", key): n for key, n in table.get("missing_values", {}).items()}
    rows = {key: value for key, value in table.items() if key.startswith("rows_")}
    written = _guard(
        {**rows, **rules, **missing},
        sums=[
            Sum(("rows_kept", "rows_set_aside"), "rows_delivered"),
            Sum(tuple(rules), "rows_set_aside"),  # only where no row breaks two
        ],
        parts=[("rows_delivered", key) for key in missing],
        min_cell=min_cell,
    )
    guarded = {**table, **{key: written[key] for key in rows}}
    for key, kept in (("set_aside_by_rule", rules), ("missing_values", missing)):
        if key in table:
            guarded[key] = {place[1]: written[place] for place in kept}
    return guarded


def _guard_spells(counts: Mapping[str, Any], min_cell: int) -> dict[str, Any]:
    guarded = _guard(counts, sums=SUMS_OF_SPELLS, parts=PARTS_OF_SPELLS, min_cell=min_cell)
    # The days between a single customer's contracts are that customer's.
    joined = "endings_followed_by_another_contract"
    if isinstance(guarded.get(joined), str):
        guarded["days_between_joined_contracts"] = NOT_SHOWN
    return guarded


def _guard(
    counts: Mapping[Any, Any],
    *,
    sums: Iterable[Sum],
    parts: Iterable[tuple[Any, Any]],
    min_cell: int,
) -> dict[Any, Any]:
    """Whole numbers guarded; what is a text or a measure already stays."""
    numbers = {
        key: number
        for key, number in counts.items()
        if isinstance(number, int) and not isinstance(number, bool)
    }
    rests = {
        ("rest", whole, part): numbers[whole] - numbers[part]
        for whole, part in parts
        if whole in numbers and part in numbers and numbers[whole] >= numbers[part]
    }
    linked = [*sums, *(Sum((key[2], key), key[1]) for key in rests)]
    everything = {**numbers, **rests}
    written = write_counts(everything, sums=sums_that_hold(everything, linked), min_cell=min_cell)
    return {
        key: written[key] if key in numbers and written[key] != f"{value:,}" else value
        for key, value in counts.items()
    }
