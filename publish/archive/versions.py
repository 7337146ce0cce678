"""What an archive of a reference holds: the version itself, and before it the members that an ensemble cannot do without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...base.fingerprint import fingerprint
from ...base.head import joined_sha256
from ...base.metadata import read_metadata
from ...ensemble import INSIDE, Member, changed_member, read_recipe
from ...errors import AdapterError
from ...references import Located
from ...registry import Entry, Registry, check_usable
from ..folder import CONFIG
from ..machine import this_machine
from ..portable import Names
from .packed import PackedVersion, pack


def archived_versions(located: Located, registry: Registry) -> tuple[PackedVersion, ...]:
    """Return what has to be in the archive of a reference, the version that it names last.

    Args:
        located: A version.
        registry: Where an ensemble's members lie.

    Raises:
        AdapterError: it is no version, this version of adapt cannot use it, a file of it is damaged, or a member is missing or changed.
        UnknownReferenceError: a member is no longer in the registry.
    """
    entry, folder = located.entry, located.folder
    if folder is None:
        raise AdapterError("base is not a version; to write it as a model of its own: adapt export base --merged DIR")
    if entry is None:
        raise AdapterError(f"{located.reference} is a folder that no registry wrote; register it first: adapt add {folder}")
    check_usable(entry)
    members = list(_members(entry, folder, registry)) if entry.kind == "ensemble" else []
    inside = {member.reference: member.reference for member, _ in members}
    names = Names(bases={}, versions=inside, machine=this_machine(registry.home))
    return tuple(pack(*each, names) for each in (*members, (entry, folder)))


def is_a_version(reference: str) -> bool:
    """Return whether a member is a version of its own: not the base, a repository of the Hub, or a folder inside the ensemble's."""
    return reference != "base" and not reference.startswith(("hf:", INSIDE))


def _members(ensemble: Entry, folder: Path, registry: Registry) -> Iterator[tuple[Entry, Path]]:
    for member in read_recipe(folder).members:
        if not is_a_version(member.reference):
            continue
        if Path(member.reference).is_absolute():
            raise AdapterError(
                f"{ensemble.reference} has the member {member.reference}, a folder outside the registry, which an archive cannot hold; "
                f"register it (adapt add {member.reference}), make the ensemble again with that version, and export that"
            )
        entry = registry.find_reference(member.reference)
        check_unchanged(ensemble.reference, member, registry.folder(entry))
        yield entry, registry.folder(entry)


def check_unchanged(ensemble: str, member: Member, folder: Path) -> None:
    """Hold a member's content, its factors or a whole model's weights, against what the ensemble was made with.

    Raises:
        AdapterError: it is damaged, or another.
    """
    from ...lora import LoraFile, factors_sha256

    head = read_metadata(folder).head
    is_model = not (folder / CONFIG).is_file() and (folder / "config.json").is_file()
    network = fingerprint(folder) if is_model else factors_sha256(dict(LoraFile(folder)))
    found = joined_sha256(network, None if head is None else head.load())
    if found != member.sha256:
        raise changed_member(ensemble, member, found)
