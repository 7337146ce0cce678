"""The registry itself: what changes the user's layer, each change whole or not at all."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from .. import disk
from ..errors import RegistryError, UnknownReferenceError, unknown_name
from ..names import normalise
from .entry import Entry
from .guard import index_lock, readable_errors
from .index import ENTRY, Index
from .layer import LEFT_OUT
from .lineage import children
from .records import HubRecord
from .reference_names import check_alias
from .staging import discard, new_temporary, record_files, staged, write_index
from .stored import as_read, entry_file
from .verify import VerifyReport, verify_registry
from .view import RegistryView


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

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        aliases, children = list(self.aliases), list(self.children)
        return {"removed": self.entry.reference, "aliases": aliases, "children": children, "freed_bytes": self.freed_bytes}


Draft = tuple[Entry, Callable[[Path], None]]
"""A version that has no number yet, and what fills its folder."""


@dataclass(frozen=True, slots=True)
class Registry(RegistryView):
    """The user's registry in `home` over the built-in one. Each call sees what is there now."""

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
            filled = _filled(draft, folder)
            with index_lock(self.home, self.lock_timeout_s):
                (entry,) = self._adopt([(filled, folder)], lambda _: None)
                return entry

    def add_with_members(self, members: Sequence[Draft], whole: Callable[[Sequence[Entry]], Draft]) -> list[Entry]:
        """Register several new versions and one that is made of them, all or none, as `add` does.

        Args:
            members: A draft each, and what fills its folder.
            whole: The members with their numbers -> the draft that names them, and what fills its folder, which is done under the lock.

        Returns:
            The members in their order, then the one that is made of them.

        Raises:
            RegistryError: as `add`.
        """
        with readable_errors(self.home), ExitStack() as stack:
            folders = [stack.enter_context(staged(self.home, self.lock_timeout_s)) for _ in range(len(members) + 1)]
            filled = []
            for (draft, write), folder in zip(members, folders, strict=False):
                write(folder)
                filled.append((_filled(draft, folder), folder))

            def last(numbered: Sequence[Entry]) -> tuple[Entry, Path]:
                draft, write = whole(numbered)
                write(folders[-1])
                return _filled(draft, folders[-1]), folders[-1]

            with index_lock(self.home, self.lock_timeout_s):
                return self._adopt(filled, last)

    def _adopt(self, drafts: Sequence[tuple[Entry, Path]], last: Callable[[Sequence[Entry]], tuple[Entry, Path] | None]) -> list[Entry]:
        """Number the drafts, move their folders into place, and enter all into the index at once; `last` makes one more of the numbered."""
        before = index = self.user.index()
        numbered: list[tuple[Entry, Path]] = []
        for draft, folder in drafts:
            numbered.append((self._numbered(index, draft), folder))
            index = index.with_entry(numbered[-1][0])
        if (made := last([entry for entry, _ in numbered])) is not None:
            numbered.append((self._numbered(index, made[0]), made[1]))
            index = index.with_entry(numbered[-1][0])
        if not self.user.index_path.exists():
            write_index(self.home, before)  # an index before the first folder: a folder without one means that it was lost
        entries = [entry for entry, _ in numbered]
        try:
            for entry, folder in numbered:
                self._move_in(entry, folder)
            write_index(self.home, index)
        except BaseException:
            for entry in entries:
                if entry not in self.user.index():
                    discard(self.home, self.user.folder(entry))
            raise
        return entries

    def _numbered(self, index: Index, draft: Entry) -> Entry:
        self.check_new_name(draft.name)
        return as_read(replace(draft, version=self._next_version(index, draft.name)))

    def _move_in(self, entry: Entry, folder: Path) -> None:
        disk.write_file(folder / ENTRY, entry_file(entry))
        disk.sync_folder(folder)
        target = self.user.folder(entry)
        disk.make_folder(target.parent)
        disk.move(folder, target)
        disk.sync_folder(target.parent)
        disk.sync_folder(self.home)

    def _next_version(self, index: Index, name: str) -> int:
        """Return the number after all that were ever given, in either layer; a folder that no index names keeps its number to itself."""
        given = [entry.version for entry in (*self.builtin.index().entries, *index.entries) if entry.name == name]
        folders = [int(path.name) for path in (self.home / name).glob("*") if path.name.isascii() and path.name.isdigit()]
        return max([0, index.numbers.get(name, 0), *given, *folders]) + 1

    def _change(self, change: Callable[[Index], Index]) -> None:
        """Write the index that `change` makes of the present one, under the lock."""
        with readable_errors(self.home):
            disk.make_folder(self.home)
            with index_lock(self.home, self.lock_timeout_s):
                write_index(self.home, change(self.user.index()))

    def record_hub(self, entry: Entry, record: HubRecord) -> Entry:
        """Keep where a version lies on the Hub; return it with that. What ships with the package is not written, and is returned as it is.

        Raises:
            RegistryError: the registry cannot be written.
            UnknownReferenceError: the version is missing.
        """
        return self._change_entry(entry, lambda known: known.with_hub(record))

    def record_checked(self, entry: Entry, base_sha256: str, *, pooling: str | None, prompts: dict[str, str]) -> Entry:
        """Keep that a version that came unchecked was held against its base; return it with that, and with how texts go in.

        Args:
            entry: The version.
            base_sha256: The base that it was held against.
            pooling: What decides where the entry does not say it; as are the prompts.
            prompts: Role -> the instruction before each text.

        Raises:
            RegistryError: the registry cannot be written.
            UnknownReferenceError: the version is missing.
        """

        def checked(known: Entry) -> Entry:
            left = tuple(each for each in known.unchecked if each != base_sha256)
            says = {} if known.pooling or known.kind == "ensemble" else {"pooling": pooling, "prompts": prompts}
            return replace(known, unchecked=left, **says)  # type: ignore[arg-type]

        return self._change_entry(entry, checked)

    def _change_entry(self, entry: Entry, make: Callable[[Entry], Entry]) -> Entry:
        """Write what `make` makes of the present entry of a version, into the index and beside its files; what ships stays as it is."""
        if self.is_builtin(self.find(entry.name, entry.version)):
            return entry
        changed: list[Entry] = []

        def change(index: Index) -> Index:
            known = make(self.find(entry.name, entry.version))
            changed.append(known)
            disk.replace_file(self.user.folder(known) / ENTRY, entry_file(known), temporary=self._temporary())
            return index.with_entry_changed(known)

        self._change(change)
        return changed[0]

    def _temporary(self) -> Path:
        temporary = new_temporary(self.home)
        disk.make_folder(temporary.parent)
        return temporary

    def set_alias(self, entry: Entry, alias: str) -> int | None:
        """Let an alias name this version; return the version it named before, or None.

        Raises:
            RegistryError: the alias does not fit, or the registry cannot be written.
            UnknownReferenceError: the version is missing.
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
            UnknownReferenceError: the user has no such alias.
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
            UnknownReferenceError: it is missing already.
        """
        with readable_errors(self.home):
            disk.make_folder(self.home)
            with index_lock(self.home, self.lock_timeout_s):
                index = self.user.index()
                removal = self._what_goes(index, entry, force)
                write_index(self.home, index.without_entry(entry))
                discard(self.home, self.user.folder(entry))
        return removal

    def _what_goes(self, index: Index, entry: Entry, force: bool) -> Removal:
        if entry not in index:
            if entry in self.builtin.index():
                raise RegistryError(
                    f"{entry.reference} ships with the package and cannot be removed; to leave out all that ship: {LEFT_OUT}"
                )
            raise UnknownReferenceError(f"{entry.reference} is no longer in the registry")
        aliases = tuple(sorted(alias for alias, version in index.aliases.get(entry.name, {}).items() if version == entry.version))
        made_from_it = children(self, entry)
        broken = tuple(child.reference for child in made_from_it if child.kind == "ensemble")
        needs = [f"the alias {entry.name}@{alias}" for alias in aliases] + [child.reference for child in made_from_it]
        if needs and not force:
            freeing = "".join(f"to remove the alias: adapt alias {entry.reference} {alias} --remove; " for alias in aliases)
            raise RegistryError(
                f"{entry.reference} is needed by {', '.join(needs)}; {freeing}to remove it anyway: adapt rm {entry.reference} --force"
            )
        return Removal(
            entry=entry,
            aliases=aliases,
            children=tuple(child.reference for child in made_from_it),
            broken=broken,
            freed_bytes=entry.size,
        )

    def verify(self, fix: bool = False) -> VerifyReport:
        """Check every file against its hash and look for what does not belong; with `fix`, tidy up what holds nothing.

        Raises:
            RegistryError: the index is of a newer format, or the registry cannot be written while `fix` is on.
        """
        return verify_registry(self, fix)


def _filled(draft: Entry, folder: Path) -> Entry:
    """Return a draft with the record of the files in its folder."""
    return replace(draft, files=record_files(folder), bases=tuple(base.without_needless_path() for base in draft.bases))


def open_registry(home: Path | None = None) -> Registry:
    """Open the registry in `home`, else in `ADAPT_HOME`, else in the platform's folder of user data."""
    import platformdirs

    return Registry(Path(home or os.environ.get("ADAPT_HOME") or platformdirs.user_data_dir("adapt-embed")).expanduser().absolute())
