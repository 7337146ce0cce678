"""What a version needs outside its own folder: its base, and an ensemble's members. No network, no weights are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from .entry import Entry
from .records import BaseRecord, is_base_folder

CONFIG, RECIPE = "adapter_config.json", "ensemble.json"
_MODEL_FILES = (CONFIG, "config.json", "adapt.json")
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def lost_bases(entry: Entry, folder: Path) -> Iterator[str]:
    """Yield what is wrong with how a version names its base, and what to do."""
    if not any((folder / name).is_file() for name in (CONFIG, RECIPE)):
        return  # there is nothing in it to be loaded
    if entry.kind == "ensemble":
        remedy = "make the ensemble again: adapt ensemble"
    else:
        base = entry.bases[0].id or next(map(str, entry.bases[0].folders()), "FOLDER")
        remedy = f"register it again on a copy of that base: adapt add {folder} --name {entry.name} --base {base}"
    lost = [record for record in entry.bases if not record.is_there and record.sha256 not in entry.models]
    for record in lost:
        yield (f"lies on {record.label}, which has no Hub id, and {_where(record)}; put it back, or {remedy}")
    named = None if lost else _named(folder)
    if named and not _can_be_loaded(named, entry.bases[0]):
        yield f"names the base {named!r} in its {CONFIG}, by which peft and sentence-transformers do not find it; {remedy}"


def _where(record: BaseRecord) -> str:
    return f"its folder {record.path} no longer exists" if record.path else "no folder that ADAPT_BASES names has it"


def _named(folder: Path) -> str | None:
    try:
        named = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError):
        return None
    return named if isinstance(named, str) else None


def _can_be_loaded(named: str, record: BaseRecord) -> bool:
    """Return whether a name leads to a base from every directory: a Hub id, or the absolute path of a folder that is there."""
    return named == record.id or bool(_HUB_ID.fullmatch(named)) or is_base_folder(named)


def lost_members(entry: Entry, there: set[str]) -> Iterator[str]:
    """Yield the missing members of an ensemble, `there` being the versions that have a folder.

    A base is looked for by `lost_bases`; what lies on the Hub is not looked for, and what lies inside is among the ensemble's own files.
    """
    for reference in [parent.reference for parent in entry.parents] if entry.kind == "ensemble" else []:
        if reference == "base" or reference.startswith(("hf:", "./members/")) or reference in there:
            continue
        is_path = Path(reference).is_absolute()
        if is_path and any((Path(reference) / name).is_file() for name in _MODEL_FILES):
            continue
        gone = "whose folder no longer exists" if is_path else "which is no longer in the registry"
        yield (
            f"needs its member {reference}, {gone}; restore it, or make the ensemble again (adapt ensemble) "
            f"and remove this one: adapt rm {entry.reference}"
        )
