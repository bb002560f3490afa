"""Spells at risk, split at changes, with the fate of every event."""

from loyaltylab.timeline.calendar import count_by_month
from loyaltylab.timeline.follow_up import FollowUp, follow_up_from
from loyaltylab.timeline.grid import to_grid
from loyaltylab.timeline.memory import await_memory
from loyaltylab.timeline.row_cuts import split_by_calendar, split_by_tenure
from loyaltylab.timeline.rows import CountingRows, split_at_jumps
from loyaltylab.timeline.spells import Spells, build_spells
from loyaltylab.timeline.time_scales import ClockedRows, change_clock
from loyaltylab.timeline.values_before import values_before

__all__ = [
    "ClockedRows",
    "CountingRows",
    "FollowUp",
    "Spells",
    "await_memory",
    "build_spells",
    "change_clock",
    "count_by_month",
    "follow_up_from",
    "split_at_jumps",
    "split_by_calendar",
    "split_by_tenure",
    "to_grid",
    "values_before",
]
