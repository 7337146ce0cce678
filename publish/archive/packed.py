"""A version of this machine -> what of it goes anywhere: its entry and files without a path, each file held against its recorded hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...ensemble import RECIPE, Recipe, read_recipe, recipe_file
from ...registry import Entry, FileRecord
from ...registry.places import PLACES
from ...registry.stored import entry_file, to_stored
from ..folder import README, check_registered, goes_along
from ..portable import Names, portable
from ..scrub import scrub_file


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedVersion:
    """A version that can go anywhere.

    Attributes:
        entry: What is known of it, with the hashes of `files`.
        files: Path in its folder -> the file as it is, or the content that stands in its stead.
    """

    entry: Entry
    files: Mapping[str, Path | bytes]

    @property
    def record(self) -> bytes:
        """The content of its `adapt.json`."""
        return entry_file(self.entry)

    @property
    def size(self) -> int:
        """The bytes of its files and of its record."""
        return self.entry.size + len(self.record)


def pack(entry: Entry, folder: Path, names: Names) -> PackedVersion:
    """Return a version without a path of this machine in it; files that name none stay as they are, byte for byte.

    Args:
        entry: The version.
        folder: Where its files lie.
        names: What versions are called in the archive, and whose paths are taken out.

    Raises:
        AdapterError: a file is missing, or is another than was registered.
    """
    labels = {base.path: base.label for base in entry.bases if base.path}
    known = {path: name for name, path in to_stored(entry)[PLACES].items() if path not in labels} | labels
    for path, as_registered in entry.files.items():
        check_registered(folder / path, as_registered)
    files = {
        path: scrub_file(folder / path, known, names.machine) or folder / path
        for path in entry.files
        if goes_along(path, entry.kind) or path == README
    }
    if entry.kind == "ensemble":
        files[RECIPE] = recipe_file(without_paths(read_recipe(folder)))
    recorded = {path: _record(file, entry.files[path].sha256) for path, file in files.items()}
    return PackedVersion(entry=replace(portable(entry, names), files=recorded, unchecked=()), files=files)


def without_paths(recipe: Recipe) -> Recipe:
    """Return a recipe whose members' bases are named by their fingerprints alone."""
    return replace(recipe, members=tuple(replace(each, base=replace(each.base, path=None)) for each in recipe.members))


def _record(content: Path | bytes, sha256: str) -> FileRecord:
    """Return the record of new content, or of a file that is as it was registered, with that hash."""
    if isinstance(content, bytes):
        return FileRecord(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return FileRecord(sha256=sha256, size=content.stat().st_size)
