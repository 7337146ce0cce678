"""How wide the vectors of a version are, without anything being loaded."""

from __future__ import annotations

from pathlib import Path

from ..base.json_files import read_json
from ..base.known import find_known
from ..base.resolve import width_of
from ..ensemble import find_mode
from ..errors import BaseError
from ..registry import Entry
from ..registry.records import is_base_folder


def vector_width(entry: Entry) -> int | None:
    """Return the width of a version's vectors: that of its head or ensemble, else its base's; None where it has none, or the base is not here."""
    if entry.kind == "ensemble" and not find_mode(str(entry.method)).has_vectors:
        return None
    known = find_known(hub_id=entry.bases[0].id) if entry.bases[0].id else None
    return entry.dimension or (known.dimension if known else _of_folder(entry))


def _of_folder(entry: Entry) -> int | None:
    """Return the width that the base's folder states, where its record says which that is."""
    path = entry.bases[0].path
    try:
        return width_of(read_json(Path(path) / "config.json")) if path is not None and is_base_folder(path) else None
    except BaseError:  # it is damaged, which whoever opens it is told
        return None
