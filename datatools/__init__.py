"""The tools that make training data better: each takes training data and gives training data and a report of what it did.

One package a tool; `report.py` is what they all give, `job.py` how a command runs one. A tool imports no other tool. The functions and
their settings are names of this package, imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .cleaning import CleanSettings as CleanSettings
    from .cleaning import clean as clean

_MODULES = {
    "cleaning": ("clean", "CleanSettings"),
}
"""Package of a tool -> its names."""

__getattr__ = lazily(__name__, {name: package for package, names in _MODULES.items() for name in names})
