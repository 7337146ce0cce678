"""Cleaning: faults in texts mended, rows that would teach something wrong dropped, and everything else that looks odd told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .recipe import clean as clean
    from .settings import CleanSettings as CleanSettings
    from .table import RULES as RULES

__getattr__ = lazily(__name__, {"clean": "recipe", "CleanSettings": "settings", "RULES": "table"})
