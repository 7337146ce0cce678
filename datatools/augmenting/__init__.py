"""Augmentation: new training queries, made of the queries and passages that are there. Importing this package loads no method."""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .settings import AugmentSettings as AugmentSettings
    from .tool import augment as augment

__all__ = ["AugmentSettings", "augment"]

__getattr__ = lazily(__name__, {"AugmentSettings": "settings", "augment": "tool"})
