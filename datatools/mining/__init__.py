"""Hard negatives: passages that rank high for a query and do not answer it. Importing this package loads nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .settings import MineSettings as MineSettings
    from .tool import mine as mine

__getattr__ = lazily(__name__, {"MineSettings": "settings", "mine": "tool"})
