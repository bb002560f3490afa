"""Every trap of meaning in a set of valid tables."""

from __future__ import annotations

from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.memberships import find_memberships
from loyaltylab.tables.traps import Trap
from loyaltylab.tables.traps_of_attributes import (
    describe_customers,
    find_attribute_traps,
    find_declared_traps,
)
from loyaltylab.tables.traps_of_recording import find_recording_traps
from loyaltylab.tables.traps_of_rows import find_row_traps
from loyaltylab.tables.traps_of_scales import find_scale_traps
from loyaltylab.tables.traps_of_time import find_time_traps
from loyaltylab.tables.validation import ValidTables


def find_traps(valid: ValidTables, description: SourceDescription) -> tuple[Trap, ...]:
    """Look for every trap; those that stop the study come first.

    Parameters
    ----------
    valid : ValidTables
        As from :func:`loyaltylab.tables.validation.validate`; not changed.
    description : SourceDescription
        What the source says of them. Attributes that no model uses are not looked at.

    Returns
    -------
    tuple of Trap
        In a fixed order.
    """
    window = {
        "window_start_at": description.window_start_at,
        "window_end_at": description.window_end_at,
    }
    tables = valid.tables
    members = find_memberships(tables, **window)
    unused = description.attributes_not_for_models
    about = describe_customers(tables, members, leave_out=unused)
    declared = {name: text for name, text in description.attributes.items() if name not in unused}
    found = [
        *find_recording_traps(members, window_start_at=description.window_start_at),
        *find_time_traps(
            tables["contracts"],
            audit=valid.audit["contracts"],
            window_end_at=description.window_end_at,
        ),
        *find_attribute_traps(about, members),
        *find_declared_traps(declared),
        *find_row_traps(tables, members),
        *find_scale_traps(tables),
    ]
    return tuple(sorted(found, key=lambda trap: not trap.is_stopping))
