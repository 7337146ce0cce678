"""Checked versions of an archive -> versions of the registry, all or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...ensemble import Recipe, read_recipe, write_recipe
from ...registry import BaseRecord, Entry, Registry
from ...registry.store import Draft
from ..portable import elsewhere
from .verify import UnpackedVersion

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "biases.safetensors", "model.safetensors")

Place = Callable[[BaseRecord], BaseRecord]
"""A base's record -> the same with the folder where it lies on this machine."""


def find_same(registry: Registry, version: UnpackedVersion, name: str | None = None) -> Entry | None:
    """Return a version of the registry that is this one already: of the same name, made at the same time, with the same weights."""
    entry = version.entry
    for each in registry.entries():
        is_same = (each.name, each.kind, each.side, each.created) == (name or entry.name, entry.kind, entry.side, entry.created)
        if is_same and _content(each) == _content(entry):
            return each
    return None


def _content(entry: Entry) -> object:
    weights = [entry.files.get(name) for name in _WEIGHTS]
    parents = sorted((parent.sha256 or "", parent.weight or 0.0) for parent in entry.parents)
    return {base.sha256 for base in entry.bases}, weights, parents, entry.method, entry.pooling, entry.prompts


def register_versions(registry: Registry, versions: Sequence[UnpackedVersion], name: str | None, place: Place) -> tuple[Entry, ...]:
    """Register the versions of an archive; those members that are here already are used as they are.

    Args:
        registry: Where they go.
        versions: Checked, the exported one last.
        name: That one's name here; None: the one that it had.
        place: Where bases lie on this machine.

    Returns:
        What was added, the exported one last.

    Raises:
        RegistryError: the registry cannot be written, or a name does not fit beside another.
    """
    *members, main = versions
    known = {each.entry.reference: find_same(registry, each) for each in members}
    new = [each for each in members if known[each.entry.reference] is None]
    here = {reference: entry.reference for reference, entry in known.items() if entry is not None}

    def whole(added: Sequence[Entry]) -> Draft:
        now = here | {each.entry.reference: entry.reference for each, entry in zip(new, added, strict=True)}
        return _draft(main, place, name, now)

    if not members:
        return (registry.add(*_draft(main, place, name, {})),)
    return tuple(registry.add_with_members([_draft(each, place, None, {}) for each in new], whole))


def _draft(version: UnpackedVersion, place: Place, name: str | None, members: Mapping[str, str]) -> Draft:
    """Return the draft of a version, and what fills its folder; `members` are the names that an ensemble's members have here."""
    entry = version.entry
    parents = tuple(replace(each, reference=members.get(each.reference) or elsewhere(each.reference)) for each in entry.parents)
    bases = tuple(map(place, entry.bases))
    needed = [] if entry.kind == "model" else [base for base in bases if base.sha256 not in entry.models]
    unchecked = tuple(base.sha256 for base in needed if base.path is None)
    draft = replace(entry, name=name or entry.name, version=0, files={}, parents=parents, bases=bases, unchecked=unchecked)
    return draft, partial(_fill, version, bases, members, place)


def _fill(version: UnpackedVersion, bases: Sequence[BaseRecord], members: Mapping[str, str], place: Place, folder: Path) -> None:
    for path in version.entry.files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(version.folder / path, target)
    if version.entry.kind == "ensemble":
        write_recipe(_renamed(read_recipe(version.folder), members, place), folder)
    else:
        from ..pull.version import name_base

        for path in version.entry.files:
            if Path(path).name == _CONFIG:  # of the route of documents too
                name_base((folder / path).parent, bases[0])


def _renamed(recipe: Recipe, members: Mapping[str, str], place: Place) -> Recipe:
    named = [
        replace(each, reference=members.get(each.reference, each.reference), base=place(replace(each.base, path=None)))
        for each in recipe.members
    ]
    return replace(recipe, members=tuple(named))
