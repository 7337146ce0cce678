"""Names -> the versions that they mean now. What the registry changes counts from the next request on; nothing is loaded here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ...disk import file_sha256
from ...ensemble import find_mode
from ...errors import AdapterError, AdaptError, RequestError, UnknownReferenceError
from ...names import normalise
from ...references import Resolved, Search, base_of, check_has_vectors, check_length, locate_reference, resolve_reference
from ...registry import Entry, Registry, check_usable

BASE = "base"
LOOK_EVERY_S = 0.05
"""How often the registry's index is looked at: a change counts from then on."""
_SETTLED_S = 0.1
"""A file so young may change again within the same tick of the file system's clock."""


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


@dataclass(slots=True)
class Catalog:
    """The names that requests may use.

    Attributes:
        search: Where references are looked for.
        base: What `base` names.
        given: Name -> reference, of what was given at the start besides the base.
        is_registry: Whether all of the registry that lies on the base is served.
    """

    search: Search
    base: Resolved
    given: Mapping[str, str] = field(default_factory=dict)
    is_registry: bool = False
    _state: tuple[int, ...] | None = None
    _look_at: float = 0.0
    _names: dict[str, Pinned] = field(default_factory=dict)
    changes: int = 0

    def names(self) -> list[str]:
        """List the names, `base` first."""
        self._refresh()
        return list(self._names)

    def find(self, name: str) -> Pinned:
        """Return what a name means now.

        Raises:
            UnknownReferenceError: it is none of the names.
        """
        self._refresh()
        found = self._names.get(name) or self._names.get(normalise(name))
        if found is None:
            raise UnknownReferenceError(f"unknown model; GET /v1/models lists the {len(self._names)} names that are served")
        return found

    def resolve(self, pinned: Pinned) -> Resolved:
        """Return what is to be loaded; raises an `AdaptError` where it is no longer there."""
        if pinned.reference == BASE:
            return self.base
        resolved = resolve_reference(pinned.reference, self.search)
        check_has_vectors(resolved)
        return resolved

    def check_unchanged(self, pinned: Pinned, resolved: Resolved) -> None:
        """Refuse what is on the disk under a pinned version's name, where it is not the content that was pinned.

        Raises:
            AdapterError: its files changed since.
        """
        if pinned.reference == BASE or resolved.folder is None:
            return
        files = {} if resolved.entry is None else resolved.entry.files
        try:
            is_same = pin(pinned.name, pinned.reference, self.search).sha256 == pinned.sha256
            is_same = is_same and all(file_sha256(resolved.folder / name) == file.sha256 for name, file in files.items())
        except OSError:
            is_same = False
        if not is_same:
            raise AdapterError(
                f"the files in {resolved.folder} are not those that {pinned.reference} had when it was first served; restore them from a copy, "
                "or restart the server"
            )

    def _refresh(self) -> None:
        """Read the names again where the registry's index has changed since; an index that cannot be read leaves them as they are."""
        if (now := time.monotonic()) < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        state = _state_of(self.search.registry)
        if state == self._state:
            return
        before = self._names
        try:
            self._names = {BASE: Pinned(BASE, BASE, self.base.base.sha256)} | dict(self._read())
        except AdaptError:
            if not before:
                raise
        self._state = state if time.time() - max(state[2:], default=0) / 1e9 > _SETTLED_S else None
        self.changes += bool(before) and before != self._names

    def _read(self) -> Iterator[tuple[str, Pinned]]:
        if self.is_registry:
            yield from registry_names(self.search.registry, self.base.base.sha256)
        for name, reference in self.given.items():
            if name in self._names and _is_place(reference):
                yield name, self._names[name]  # it is not in the registry, and stays what it was at the start
                continue
            try:
                yield name, pin(name, reference, self.search)
            except UnknownReferenceError:
                if not self._names:
                    raise


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


def name_given(references: Sequence[str]) -> dict[str, str]:
    """Return what requests call the references that were given: a folder or a repository by its own name, anything else as it was given.

    Raises:
        RequestError: two have one name.
    """
    names: dict[str, str] = {}
    for reference in references:
        if reference == BASE:
            continue
        bare = reference.partition("@")[0] if reference.startswith("hf:") else reference
        name = normalise(Path(bare).name if _is_place(reference) else reference)
        if names.get(name, reference) != reference or name == BASE:
            raise RequestError(f"{reference} and {names.get(name, BASE)} would both be served as {name!r}; rename one of the folders")
        names[name] = reference
    return names


def find_base(references: Sequence[str], search: Search) -> Resolved:
    """Return what `base` names: the base of the first reference that is not it, or of the registry's newest version, unless one was named.

    Raises:
        AdaptError: as `resolve_reference`.
    """
    others = [reference for reference in references if reference != BASE]
    if search.base is not None:
        return resolve_reference(BASE, search)
    if others:
        return base_of(resolve_reference(others[0], search))
    for entry in sorted(search.registry.entries(), key=lambda entry: entry.created, reverse=True) if not references else ():
        try:
            return base_of(resolve_reference(entry.reference, search))
        except AdaptError:
            continue  # its base is not on this machine
    return resolve_reference(BASE, search)


def check_served(catalog: Catalog, max_tokens: int | None) -> dict[str, Resolved]:
    """Resolve every name that was given, and the base; raises an `AdaptError` where one cannot be served."""
    found = {name: catalog.resolve(catalog.find(name)) for name in (BASE, *catalog.given)}
    for resolved in found.values():
        check_length(resolved, max_tokens)
    return found


def _is_served(entry: Entry, base_sha256: str) -> bool:
    try:
        check_usable(entry)
    except AdaptError:
        return False
    is_alone = all(base.sha256 == base_sha256 for base in entry.bases)
    return is_alone and (entry.kind != "ensemble" or (entry.method is not None and find_mode(entry.method).has_vectors))


def _is_place(reference: str) -> bool:
    return "/" in reference or os.sep in reference or reference.startswith(("hf:", ".", "~"))


def _called(pinned: Pinned, name: str) -> Pinned:
    return Pinned(name, pinned.reference, pinned.sha256)


def _state_of(registry: Registry) -> tuple[int, ...]:
    """Return what changes with every write of the registry's index: inode, size, and the times of modification and change in nanoseconds."""
    try:
        status = registry.user.index_path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _weights(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.suffix in (".safetensors", ".json") and path.is_file():
            yield f"{path.relative_to(folder)} {file_sha256(path)}"


def _hash(parts: Sequence[str]) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
