"""The frozen base: which ones are known, where they lie, what they are, and how they are loaded."""

from .known import KNOWN_BASES, KnownBase, Pooling, known_base
from .link import link_base, unlink_base
from .load import Base, load_base
from .resolve import BaseSpec, resolve_base

__all__ = [
    "KNOWN_BASES",
    "Base",
    "BaseSpec",
    "KnownBase",
    "Pooling",
    "known_base",
    "link_base",
    "load_base",
    "resolve_base",
    "unlink_base",
]
