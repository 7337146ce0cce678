"""Names -> the versions that they mean now. What the registry changes counts from the next request on; nothing is loaded here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...disk import file_sha256
from ...errors import AdapterError, AdaptError, UnknownReferenceError
from ...names import normalise
from ...references import Resolved, Search, check_has_vectors, check_length, resolve_reference
from ...registry import Registry
from .given import is_place
from .pins import BASE, Pinned, pin, registry_names

LOOK_EVERY_S = 0.05
"""How often the registry's index is looked at: a change counts from then on."""
_SETTLED_S = 0.1
"""A file so young may change again within the same tick of the file system's clock."""


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
            raise UnknownReferenceError("unknown model; GET /v1/models lists the names that are served")
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
            if name in self._names and is_place(reference):
                yield name, self._names[name]  # it is not in the registry, and stays what it was at the start
                continue
            try:
                yield name, pin(name, reference, self.search)
            except UnknownReferenceError:
                if not self._names:
                    raise


def check_served(catalog: Catalog, max_tokens: int | None) -> dict[str, Resolved]:
    """Resolve every name that was given, and the base; raises an `AdaptError` where one cannot be served."""
    found = {name: catalog.resolve(catalog.find(name)) for name in (BASE, *catalog.given)}
    for resolved in found.values():
        check_length(resolved, max_tokens)
    return found


def _state_of(registry: Registry) -> tuple[int, ...]:
    """Return what changes with every write of the registry's index: inode, size, and the times of modification and change in nanoseconds."""
    try:
        status = registry.user.index_path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
