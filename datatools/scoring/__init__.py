"""Teacher scores: how well positives and negatives answer, by a cross-encoder or a reference. Importing this package loads nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .settings import ScoreSettings as ScoreSettings
    from .tool import score as score

__getattr__ = lazily(__name__, {"ScoreSettings": "settings", "score": "tool"})
