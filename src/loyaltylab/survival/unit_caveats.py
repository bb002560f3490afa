"""What few events, few independent units, or weights without them, do to an error."""

from __future__ import annotations

from collections.abc import Sequence

from loyaltylab.survival.counting_process import CountingProcess

FEW_CLUSTERS = 30
# Of a group or a stratum; with fewer, large-sample errors and p-values are rough.
FEW_EVENTS = 10


def find_unit_caveats(process: CountingProcess, *, what: str = "robust errors") -> tuple[str, ...]:
    """Say where there are few clusters, or weights without clusters; ``what`` is too small then."""
    if process.is_clustered and process.n_clusters < FEW_CLUSTERS:
        return (f"{process.n_clusters} clusters: below {FEW_CLUSTERS} {what} are too small.",)
    if process.is_weighted and not process.is_clustered:
        return (
            "Weights without clusters: every row counts as an independent unit; pass cluster= "
            "if a customer has several rows.",
        )
    return ()


def describe_few_events(
    groups: Sequence[str], n_events: Sequence[int], *, what: str = "events"
) -> list[str]:
    """Say which groups of a test have few events."""
    return [
        f"Group {name!r} has {n} {what}: below {FEW_EVENTS} the chi-squared p-value is rough."
        for name, n in zip(groups, n_events, strict=True)
        if n < FEW_EVENTS
    ]


def describe_few_units(n_units: int) -> tuple[str, ...]:
    """Say that there are few customers or clusters, where errors always are by these."""
    if n_units >= FEW_CLUSTERS:
        return ()
    return (f"{n_units} independent units: below {FEW_CLUSTERS} errors are too small.",)
