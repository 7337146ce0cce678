"""What the user names -> an encoder: a folder (`locate.py`), its base (`resolve.py`), vectors (`open.py`).

Each goes through a table. Nothing is loaded before opening, and torch is imported then.
"""

from .dims import check_dim, trained_dims
from .locate import LOCATORS, locate_reference, locate_references, read_entry
from .members import as_member
from .open import (
    OPENERS,
    EncoderSettings,
    LoadedBases,
    check_has_vectors,
    check_length,
    open_encoder,
    open_lora,
    open_reference,
    read_factors,
)
from .resolve import base_of, of_base, resolve_located, resolve_reference, resolve_references
from .types import Located, Resolved, Search

__all__ = [
    "LOCATORS",
    "OPENERS",
    "EncoderSettings",
    "LoadedBases",
    "Located",
    "Resolved",
    "Search",
    "as_member",
    "base_of",
    "check_dim",
    "check_has_vectors",
    "check_length",
    "locate_reference",
    "locate_references",
    "of_base",
    "open_encoder",
    "open_lora",
    "open_reference",
    "read_entry",
    "read_factors",
    "resolve_located",
    "resolve_reference",
    "resolve_references",
    "trained_dims",
]
