"""Pairs -> train, dev and test, so that what is scored was not trained on. Importing this package loads nothing of it."""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .divide import Divided as Divided
    from .divide import split as split
    from .settings import SplitSettings as SplitSettings

__all__ = ["Divided", "SplitSettings", "split"]

__getattr__ = lazily(__name__, {"Divided": "divide", "SplitSettings": "settings", "split": "divide"})
