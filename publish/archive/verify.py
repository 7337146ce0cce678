"""An unpacked archive -> the versions in it, when every file is the one that its record names, and nothing else is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import disk
from ...base.router import ROUTER
from ...ensemble import INSIDE, RECIPE, Member, read_recipe
from ...errors import DataError, RegistryError
from ...json_text import parse_json
from ...names import to_name
from ...registry import Entry, check_usable, read_entry, split_reference
from ...registry.index import ENTRY
from ...registry.places import PLACES
from ..pull.contents import check_factors, check_model, check_tensor_files, plain_entry
from .layout import FORMAT, MANIFEST, MOST_TEXT_BYTES, ArchivedVersion
from .versions import check_unchanged, is_a_version


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedVersion:
    """A version of an archive, checked: its record, and the folder that its files lie in."""

    entry: Entry
    folder: Path


def read_versions(folder: Path) -> tuple[UnpackedVersion, ...]:
    """Check an unpacked archive, and return its versions, the exported one last.

    Raises:
        DataError: the manifest or a record is missing or malformed, a file is missing, is another than its record names or is not named, or
            an ensemble's members are not those in the archive.
        AdapterError: weights are damaged, or of a kind that this version of adapt cannot use.
    """
    named = _read_manifest(folder / MANIFEST)
    versions = tuple(UnpackedVersion(entry=_read_record(folder, each), folder=folder / each.folder) for each in named)
    _check_files(folder, versions)
    check_tensor_files(folder)
    for number, version in enumerate(versions):
        _check_content(version, {each.entry.reference: each for each in versions[:number]})
    return versions


def _read_manifest(path: Path) -> tuple[ArchivedVersion, ...]:
    content = _read_json(path, "it is no archive of adapt: it holds no " + MANIFEST)
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise DataError(f"its {MANIFEST} states no format")
    if content["format"] > FORMAT:
        raise DataError(
            f"it has format {content['format']}, and this version reads up to {FORMAT}; upgrade with: pip install -U adapt-embed"
        )
    try:
        named = tuple(ArchivedVersion(reference=each["reference"], sha256=each["sha256"]) for each in content["versions"])
        are_full = [bool((split_reference(each.reference)[1] or "").isdecimal()) for each in named]
    except (KeyError, TypeError, AttributeError, RegistryError) as e:
        raise DataError(f"its {MANIFEST} is malformed ({e})") from e
    if not named or not all(are_full) or len({each.reference for each in named}) < len(named):
        raise DataError(f"its {MANIFEST} is malformed: expected versions NAME@VERSION, each once")
    return named


def _read_record(folder: Path, named: ArchivedVersion) -> Entry:
    path = folder / named.folder / ENTRY
    content = _read_json(path, f"it lacks {named.folder}/{ENTRY}")
    if disk.file_sha256(path) != named.sha256:
        raise DataError(f"{named.folder}/{ENTRY} in it is not the one that {MANIFEST} names; fetch it again")
    if isinstance(content, dict) and content.get(PLACES):
        raise DataError(f"{named.folder}/{ENTRY} in it names places of another machine; an archive has none")
    try:
        entry = plain_entry(read_entry(path))
    except RegistryError as e:
        raise DataError(f"{named.folder}/{ENTRY} in it cannot be read: {e}") from e
    if entry.reference != named.reference:
        raise DataError(f"{named.folder}/{ENTRY} in it is the record of {entry.reference}, and {MANIFEST} names {named.reference}")
    check_usable(entry)
    return entry


def _read_json(path: Path, missing: str) -> object:
    if not path.is_file():
        raise DataError(missing)
    if path.stat().st_size > MOST_TEXT_BYTES:
        raise DataError(f"{path.name} in it is larger than any record")
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{path.name} in it is not JSON ({e})") from e


def _check_files(folder: Path, versions: tuple[UnpackedVersion, ...]) -> None:
    """Hold every file against its record, and refuse what no record names."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    for version in versions:
        place = version.folder.relative_to(folder).as_posix()
        there.discard(f"{place}/{ENTRY}")
        for path, recorded in version.entry.files.items():
            name = f"{place}/{path}"
            if name not in there:
                raise DataError(f"it lacks {name}, which the record of {version.entry.reference} names; fetch it again")
            there.remove(name)
            file = folder / name
            if file.stat().st_size != recorded.size or disk.file_sha256(file) != recorded.sha256:
                raise DataError(f"{name} in it is not the one that was exported: its sha256 differs from the record's; fetch it again")
    if there:
        raise DataError(f"it holds {min(there)!r}, which no record names")


def _check_content(version: UnpackedVersion, before: Mapping[str, UnpackedVersion]) -> None:
    """Read the weights as whoever uses them would, or find an ensemble's members among the versions before it."""
    if version.entry.kind == "model":
        check_model(version.folder)
        return
    if version.entry.kind != "ensemble":
        check_factors(version.folder)
        if (version.folder / ROUTER).is_file():
            from ...registry.router_folder import check_routes

            check_routes(version.folder)
        return
    from ...ensemble.register import read_projection

    recipe = read_recipe(version.folder)
    read_projection(version.folder, recipe)
    if [each.reference for each in recipe.members] != [each.reference for each in version.entry.parents]:
        raise DataError(f"{RECIPE} of {version.entry.reference} in it names other members than its record")
    for member in recipe.members:
        if member.reference.startswith(INSIDE):
            _check_inside(version, member)
        elif is_a_version(member.reference) and member.reference not in before:
            raise DataError(f"{version.entry.reference} needs its member {member.reference}, which is not in it")
        elif is_a_version(member.reference):
            check_unchanged(version.entry.reference, member, before[member.reference].folder)


def _check_inside(ensemble: UnpackedVersion, member: Member) -> None:
    """Check a member that lies in its ensemble's folder, whose files the ensemble's record names."""
    name = member.reference.removeprefix(INSIDE)
    if not name or name != to_name(name, ""):
        raise DataError(f"{ensemble.entry.reference} names its member {member.reference!r}, which is no folder inside it")
    check_factors(ensemble.folder / member.reference)
    check_unchanged(ensemble.entry.reference, member, ensemble.folder / member.reference)
