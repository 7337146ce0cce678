"""What lies in the registry: two layers of one format, the built-in one that is only read and the user's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RegistryError, UnknownReferenceError, did_you_mean, unknown_name
from ..names import fold, normalise, why_not_a_folder
from .entry import Entry
from .index import INDEX
from .layer import Layer, shipped_layer
from .reference_names import check_name, split_reference


@dataclass(frozen=True, slots=True)
class RegistryView:
    """The user's registry in `home` over the built-in one. Each call sees what is there now."""

    home: Path
    builtin: Layer = field(default_factory=shipped_layer)
    lock_timeout_s: float = 30.0

    @property
    def user(self) -> Layer:
        """The layer that is written."""
        return Layer(self.home / INDEX, self.home)

    def entries(self) -> list[Entry]:
        """List the entries of both layers by name and version; of one number in both, the user's alone."""
        own = self.user.index().entries
        hidden = {entry.reference for entry in own}
        shipped = [entry for entry in self.builtin.index().entries if entry.reference not in hidden]
        return sorted([*shipped, *own], key=lambda entry: (entry.name, entry.version))

    def is_builtin(self, entry: Entry) -> bool:
        """Return whether an entry ships with the package."""
        return entry not in self.user.index()

    def folder(self, entry: Entry) -> Path:
        """Return the folder of an entry.

        Raises:
            RegistryError: it is missing.
        """
        folder = (self.builtin if self.is_builtin(entry) else self.user).folder(entry)
        if not folder.is_dir():
            raise RegistryError(
                f"the folder of {entry.reference}, {folder}, is missing; restore it from a copy, or tidy up with: adapt verify --fix"
            )
        return folder

    def aliases(self, name: str) -> dict[str, int]:
        """Return the aliases of a name, each with its version; the user's come before the built-in ones."""
        return self.builtin.index().aliases.get(name, {}) | self.user.index().aliases.get(name, {})

    def aliases_of(self, entry: Entry) -> list[str]:
        """List the aliases of an entry."""
        return sorted(alias for alias, version in self.aliases(entry.name).items() if version == entry.version)

    def find(self, name: str, version: int | str | None = None, base_sha256: str | None = None) -> Entry:
        """Return a version by number or alias, or (None) the newest one, on the base with this fingerprint where one is given.

        The newest is the user's newest: one that ships is meant only where the user has none that fits.

        Raises:
            UnknownReferenceError: there is none; the message lists what there is.
        """
        entries, name = self.entries(), normalise(name)
        version = normalise(version) if isinstance(version, str) else version
        of_name = [entry for entry in entries if entry.name == name]
        if not of_name:
            raise UnknownReferenceError(
                unknown_name("adapter", name, sorted({entry.name for entry in entries})) + "; to make one: adapt train"
            )
        if version is not None:
            return self._by_version(of_name, version)
        fitting = [entry for entry in of_name if base_sha256 is None or entry.is_on(base_sha256)]
        if not fitting:
            have = ", ".join(f"{entry.reference} on {'+'.join(base.label for base in entry.bases)}" for entry in of_name)
            raise UnknownReferenceError(f"{name} has no version on the base in use (sha256 {str(base_sha256)[:12]}...); there is {have}")
        own = self.user.index()
        return ([entry for entry in fitting if entry in own] or fitting)[-1]

    def find_reference(self, reference: str) -> Entry:
        """Return what `NAME`, `NAME@VERSION` or `NAME@ALIAS` names.

        Raises:
            RegistryError: it is none of these.
            UnknownReferenceError: there is no such entry.
        """
        return self.find(*split_reference(reference))

    def find_to_remove(self, reference: str) -> Entry:
        """Return what a reference names that is to be removed: by its bare name alone where the user has but one version.

        Raises:
            RegistryError: the name has several versions, or as `find_reference`.
            UnknownReferenceError: there is no such entry.
        """
        entry = self.find_reference(reference)
        versions = [each.reference for each in self.user.index().entries if each.name == entry.name]
        if "@" not in reference and len(versions) > 1:
            raise RegistryError(f"{reference} has {len(versions)} versions; say which to remove: {', '.join(versions)}")
        return entry

    def _by_version(self, of_name: list[Entry], version: int | str) -> Entry:
        name, aliases = of_name[0].name, self.aliases(of_name[0].name)
        number = int(version) if isinstance(version, int) or (version.isascii() and version.isdigit()) else aliases.get(version)
        found = [entry for entry in of_name if entry.version == number]
        if not found:
            have = ", ".join([*(str(entry.version) for entry in of_name), *sorted(aliases)])
            raise UnknownReferenceError(
                f"{name} has no version or alias {str(version)!r}; it has {have}.{did_you_mean(str(version), aliases)}"
            )
        return found[-1]

    def check_new_name(self, name: str) -> None:
        """Refuse a name that cannot stand beside those that are here: to be asked before the work, and again when it is registered.

        Raises:
            RegistryError: it has other characters, means something else, names no folder on Windows, or differs from another only in case.
        """
        name = normalise(name)
        check_name(name)
        others = {entry.name for entry in self.entries()}
        if name not in others and (why := why_not_a_folder(name)):
            raise RegistryError(f"the name {name!r} {why}, so the registry could not be used there; choose another with --name")
        for other in others:
            if other != name and fold(other) == fold(name):
                raise RegistryError(
                    f"the name {name!r} differs from the registered {other!r} only in case, which not every file system distinguishes; choose another with --name"
                )
