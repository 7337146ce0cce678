"""What may name a version or an alias, and how a reference is taken apart."""

import re

from ..errors import RegistryError
from ..names import RULE, is_name, normalise

_LIKE_A_VERSION = re.compile(r"[vV]?\d+")
RESERVED = ("base", "registry.json", "runs")
"""Names that mean something else: the reference to a base, the index, and the folder of unfinished training runs."""


def check_name(name: str) -> None:
    """Refuse what cannot name an entry.

    Raises:
        RegistryError: the name has other characters, or means something else.
    """
    if not is_name(name):
        raise RegistryError(f"the name {name!r} is not valid; names have {RULE}")
    if name.lower() in RESERVED:
        raise RegistryError(f"the name {name!r} is taken: it has another meaning here; choose another with --name")


def check_alias(alias: str) -> None:
    """Refuse what cannot be an alias.

    Raises:
        RegistryError: it has other characters, or looks like a version.
    """
    if not is_name(alias):
        raise RegistryError(f"the alias {alias!r} is not valid; aliases have {RULE}")
    if _LIKE_A_VERSION.fullmatch(alias):
        raise RegistryError(f"the alias {alias!r} looks like a version number; choose a word, such as 'best'")


def split_reference(reference: str) -> tuple[str, str | None]:
    """Split `NAME`, `NAME@VERSION` or `NAME@ALIAS` into the name and what follows the @ (None: nothing does), both in NFC.

    Raises:
        RegistryError: it is none of these.
    """
    name, at, version = normalise(reference).partition("@")
    check_name(name)
    if at and not is_name(version):
        raise RegistryError(f"{reference!r} is not a reference; expected NAME, NAME@VERSION or NAME@ALIAS")
    return name, version if at else None
