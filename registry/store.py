"""The registry itself: two layers of one format, the built-in one that is only read and the user's."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .. import disk
from ..errors import RegistryError, UnknownReferenceError, did_you_mean, unknown_name
from ..names import fold, normalise, why_not_a_folder
from .entry import Entry, check_alias, check_name, split_reference
from .guard import index_lock, readable_errors
from .index import ENTRY, INDEX, Index
from .layer import BUILTIN, Layer
from .lineage import children
from .staging import discard, new_temporary, record_files, staged
from .verify import VerifyReport, verify_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What `remove` did: the entry, the aliases that went with it, the children it was taken from, and the bytes freed.

    `broken` are those of the children that cannot be used without it: the ensembles.
    """

    entry: Entry
    aliases: tuple[str, ...]
    children: tuple[str, ...]
    broken: tuple[str, ...]
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class Registry:
    """The user's registry in `home` over the built-in one. Each call sees what is there now."""

    home: Path
    builtin: Layer = BUILTIN
    lock_timeout_s: float = 30.0

    @property
    def user(self) -> Layer:
        """The layer that is written."""
        return Layer(self.home / INDEX, self.home)

    def entries(self) -> list[Entry]:
        """List the entries of both layers by name and version; of one number in both, the built-in one comes first."""
        both = [*self.builtin.index().entries, *self.user.index().entries]
        return sorted(both, key=lambda entry: (entry.name, entry.version))

    def is_builtin(self, entry: Entry) -> bool:
        """Say whether an entry ships with the package."""
        return entry not in self.user.index()

    def folder(self, entry: Entry) -> Path:
        """Return the folder of an entry.

        Raises:
            RegistryError: it has gone.
        """
        folder = (self.builtin if self.is_builtin(entry) else self.user).folder(entry)
        if not folder.is_dir():
            raise RegistryError(
                f"the folder of {entry.reference}, {folder}, has gone; restore it from a copy, or tidy up with: adapt verify --fix"
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
            have = ", ".join(f"{entry.reference} on {'+'.join(str(base.get('name')) for base in entry.bases)}" for entry in of_name)
            raise UnknownReferenceError(f"{name} has no version on the base in use (sha256 {str(base_sha256)[:12]}...); there is {have}")
        return fitting[-1]

    def find_reference(self, reference: str) -> Entry:
        """Return what `NAME`, `NAME@VERSION` or `NAME@ALIAS` names.

        Raises:
            RegistryError: it is none of these.
            UnknownReferenceError: there is no such entry.
        """
        return self.find(*split_reference(reference))

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

    def add(self, draft: Entry, write: Callable[[Path], None]) -> Entry:
        """Register a new version: `write` fills an empty folder, and the registry hashes, numbers and adopts it.

        A kill at any moment leaves the registry without the version or with it whole.

        Raises:
            RegistryError: the disk is full or read-only, the registry is locked or damaged, or the name does not fit beside another.
        """
        if draft.version or draft.files:
            raise ValueError("a draft has neither version nor files; the registry gives them")
        with readable_errors(self.home), staged(self.home, self.lock_timeout_s) as folder:
            write(folder)
            filled = replace(draft, files=record_files(folder))
            with index_lock(self.home, self.lock_timeout_s):
                return self._adopt(filled, folder)

    def _adopt(self, draft: Entry, folder: Path) -> Entry:
        index = self.user.index()
        self.check_new_name(draft.name)
        if not self.user.index_path.exists():
            self.write_index(index)  # an index before the first folder: a folder without one means that it was lost
        entry = Entry.from_dict(json.loads(replace(draft, version=self._next_version(index, draft.name)).to_json()))
        disk.write_file(folder / ENTRY, entry.to_json())
        disk.sync_folder(folder)
        target = self.user.folder(entry)
        try:
            disk.make_folder(target.parent)
            disk.move(folder, target)
            disk.sync_folder(target.parent)
            disk.sync_folder(self.home)
            self.write_index(index.with_entry(entry))
        except BaseException:
            if entry not in self.user.index():
                discard(self.home, target)
            raise
        return entry

    def _next_version(self, index: Index, name: str) -> int:
        """Return the number after all that were ever given, in either layer; a folder that no index names keeps its number to itself."""
        given = [entry.version for entry in (*self.builtin.index().entries, *index.entries) if entry.name == name]
        folders = [int(path.name) for path in (self.home / name).glob("*") if path.name.isascii() and path.name.isdigit()]
        return max([0, index.numbers.get(name, 0), *given, *folders]) + 1

    def check_new_name(self, name: str) -> None:
        """Refuse a name that cannot stand beside those that are here: to be asked before the work, and again when it is registered.

        Raises:
            RegistryError: it has other characters, means something else, names no folder on Windows, or differs from another in case alone.
        """
        name = normalise(name)
        check_name(name)
        others = {entry.name for entry in self.entries()}
        if name not in others and (why := why_not_a_folder(name)):
            raise RegistryError(f"the name {name!r} {why}, so that the registry could not be taken there; choose another with --name")
        for other in others:
            if other != name and fold(other) == fold(name):
                raise RegistryError(
                    f"the name {name!r} differs from the registered {other!r} in case alone, which not every disk can tell apart; choose another with --name"
                )

    def write_index(self, index: Index) -> None:
        """Replace the user's index at once. Meant to be called under the index lock."""
        temporary = new_temporary(self.home)
        disk.make_folder(temporary.parent)
        disk.replace_file(self.user.index_path, index.to_json(), durability="name", temporary=temporary)

    def _change(self, change: Callable[[Index], Index]) -> None:
        """Write the index that `change` makes of the present one, under the lock."""
        with readable_errors(self.home):
            disk.make_folder(self.home)
            with index_lock(self.home, self.lock_timeout_s):
                self.write_index(change(self.user.index()))

    def set_alias(self, entry: Entry, alias: str) -> int | None:
        """Let an alias name this version; return the version it named before, or None.

        Raises:
            RegistryError: the alias does not fit, or the registry cannot be written.
            UnknownReferenceError: the version has gone.
        """
        alias = normalise(alias)
        check_alias(alias)
        before = self.aliases(entry.name).get(alias)

        def change(index: Index) -> Index:
            self.find(entry.name, entry.version)
            return index.with_alias(entry.name, alias, entry.version)

        self._change(change)
        return before

    def remove_alias(self, name: str, alias: str) -> int:
        """Take an alias away; return the version it named.

        Raises:
            UnknownReferenceError: there is no such alias of the user's.
        """
        name, alias = normalise(name), normalise(alias)
        versions: list[int] = []

        def change(index: Index) -> Index:
            aliases = index.aliases.get(name, {})
            if alias not in aliases:
                raise UnknownReferenceError(unknown_name(f"alias of {name}", alias, sorted(aliases)))
            versions.append(aliases[alias])
            return index.with_alias(name, alias, None)

        self._change(change)
        return versions[0]

    def remove(self, entry: Entry, force: bool = False) -> Removal:
        """Remove a version and its files; with `force` although an alias or a child needs it.

        Raises:
            RegistryError: something needs it, it ships with the package, or the registry cannot be written.
            UnknownReferenceError: it has gone already.
        """
        with readable_errors(self.home):
            disk.make_folder(self.home)
            with index_lock(self.home, self.lock_timeout_s):
                index = self.user.index()
                removal = self._what_goes(index, entry, force)
                self.write_index(index.without_entry(entry))
                discard(self.home, self.user.folder(entry))
        return removal

    def _what_goes(self, index: Index, entry: Entry, force: bool) -> Removal:
        if entry not in index:
            if entry in self.builtin.index():
                raise RegistryError(f"{entry.reference} ships with the package and cannot be removed")
            raise UnknownReferenceError(f"{entry.reference} is not in the registry any more")
        aliases = tuple(sorted(alias for alias, version in index.aliases.get(entry.name, {}).items() if version == entry.version))
        made_from_it = children(self, entry)
        broken = tuple(child.reference for child in made_from_it if child.kind == "ensemble")
        needs = [f"the alias {entry.name}@{alias}" for alias in aliases] + [child.reference for child in made_from_it]
        if needs and not force:
            freeing = "".join(f"to take the alias away: adapt alias {entry.reference} {alias} --remove; " for alias in aliases)
            raise RegistryError(
                f"{entry.reference} is needed by {', '.join(needs)}; {freeing}to remove it all the same: adapt rm {entry.reference} --force"
            )
        return Removal(
            entry=entry,
            aliases=aliases,
            children=tuple(child.reference for child in made_from_it),
            broken=broken,
            freed_bytes=entry.size,
        )

    def verify(self, fix: bool = False) -> VerifyReport:
        """Hold every file against its hash and look for what does not belong; with `fix`, tidy up what holds nothing.

        Raises:
            RegistryError: the index is of a newer format, or the registry cannot be written while `fix` is on.
        """
        return verify_registry(self, fix)


def open_registry(home: Path | None = None) -> Registry:
    """Open the registry in `home`, else in `ADAPT_HOME`, else in the platform's folder of user data."""
    import platformdirs

    return Registry(Path(home or os.environ.get("ADAPT_HOME") or platformdirs.user_data_dir("adapt-embed")).expanduser().absolute())
