"""Do service, easy leaving and fair compensation keep customers?

The names a notebook needs; everything else stays in its room (``loyaltylab.survival``,
``loyaltylab.timeline``, …). Importing does no work: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "LoyaltyLabError": "loyaltylab.errors",
    "open_study": "loyaltylab.reports.study",
    "show_note": "loyaltylab.reports.display",
    "show_table": "loyaltylab.reports.display",
}
__all__ = ["LoyaltyLabError", "open_study", "show_note", "show_table"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'loyaltylab' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
