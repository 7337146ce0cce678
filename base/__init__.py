"""The frozen base: which ones are known, where they lie, what they are, and how they are loaded."""

from typing import TYPE_CHECKING

from .encoding import BaseOptions, encoding_of
from .known import KNOWN_BASES, KnownBase, Pooling, known_base
from .link import link_base, unlink_base
from .resolve import find_base, resolve_base
from .spec import BaseSpec, EncodingSpec, ResolvedBase

if TYPE_CHECKING:
    from .load import Base, load_base

__all__ = [
    "KNOWN_BASES",
    "Base",
    "BaseOptions",
    "BaseSpec",
    "EncodingSpec",
    "KnownBase",
    "Pooling",
    "ResolvedBase",
    "encoding_of",
    "find_base",
    "known_base",
    "link_base",
    "load_base",
    "resolve_base",
    "unlink_base",
]


def __getattr__(name: str) -> object:
    """Import what needs torch when it is asked for: finding a base must not take seconds."""
    if name in ("Base", "load_base"):
        from . import load

        return getattr(load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
