"""From the log of a shop's search and its catalogue to training pairs: position bias estimated and corrected, nobody's data in the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .clicks import click_pairs as click_pairs
    from .settings import ClickSettings as ClickSettings

__getattr__ = lazily(__name__, {"click_pairs": "clicks", "ClickSettings": "settings"})
