"""Kinds and sides that this version of adapt lists, shows, verifies and removes, and cannot use yet."""

from .. import __version__
from ..errors import AdapterError
from .entry import Entry, Kind, Side

KINDS: frozenset[Kind] = frozenset(("adapter", "merge", "ensemble", "model"))
SIDES: frozenset[Side] = frozenset(("both", "query"))


def check_usable(entry: Entry) -> None:
    """Refuse to encode, merge or train with what only a newer version can do that with.

    Raises:
        AdapterError: its kind, or the side that it changes, is not among those of this version.
    """
    if entry.kind in KINDS and entry.side in SIDES:
        return
    what = f"{'an' if entry.kind[0] in 'aeiou' else 'a'} {entry.what}"
    raise AdapterError(
        f"{entry.reference} is {what}, which adapt-embed {__version__} can list, verify and remove, but not use; "
        "to use it: pip install -U adapt-embed"
    )
