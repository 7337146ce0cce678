"""What a name means at one moment: a version, and the hash of its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ...disk import file_sha256
from ...ensemble import find_mode
from ...errors import AdaptError
from ...references import Search, locate_reference
from ...registry import Entry, Registry, check_usable

BASE = "base"


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a name means now.

    Attributes:
        name: As it is asked for, such as `legal@best`.
        reference: The version, such as `legal@3`; of what is in no registry, as it was given.
        sha256: Of its content: its files, and for the base its weights.
    """

    name: str
    reference: str
    sha256: str


def pin(name: str, reference: str, search: Search) -> Pinned:
    """Return which version a reference names now, and the hash of its content; raises an `AdaptError`."""
    located = locate_reference(reference, search)
    if located.entry is not None:
        return Pinned(name, located.reference, content_of(located.entry))
    assert located.folder is not None
    return Pinned(name, located.reference, _hash(sorted(_weights(located.folder))))


def content_of(entry: Entry) -> str:
    """Return a hash of the files of a version and of the bases that they lie on."""
    return _hash([*(base.sha256 for base in entry.bases), *(f"{path} {file.sha256}" for path, file in sorted(entry.files.items()))])


def registry_names(registry: Registry, base_sha256: str) -> Iterator[tuple[str, Pinned]]:
    """Yield the names, versions and aliases of what has vectors and lies on a base."""
    entries = [entry for entry in registry.entries() if _is_served(entry, base_sha256)]
    known = {entry.reference: Pinned(entry.reference, entry.reference, content_of(entry)) for entry in entries}
    for name in dict.fromkeys(entry.name for entry in entries):
        newest = registry.find(name, None, base_sha256)
        if newest.reference in known:
            yield name, _called(known[newest.reference], name)
        for alias, version in sorted(registry.aliases(name).items()):
            if (found := known.get(f"{name}@{version}")) is not None:
                yield f"{name}@{alias}", _called(found, f"{name}@{alias}")
        yield from ((each.reference, known[each.reference]) for each in entries if each.name == name)


def _is_served(entry: Entry, base_sha256: str) -> bool:
    try:
        check_usable(entry)
    except AdaptError:
        return False
    is_alone = all(base.sha256 == base_sha256 for base in entry.bases)
    return is_alone and (entry.kind != "ensemble" or (entry.method is not None and find_mode(entry.method).has_vectors))


def _called(pinned: Pinned, name: str) -> Pinned:
    return Pinned(name, pinned.reference, pinned.sha256)


def _weights(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.suffix in (".safetensors", ".json") and path.is_file():
            yield f"{path.relative_to(folder)} {file_sha256(path)}"


def _hash(parts: Sequence[str]) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
