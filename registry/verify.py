"""Check the registry against its index: every file against its hash, what a version needs elsewhere, and what no index names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import disk
from ..errors import RegistryError
from ..names import normalise
from .entry import Entry
from .guard import index_lock, readable_errors
from .index import ENTRY, DamagedIndexError, Index
from .needs import lost_bases, lost_members
from .records import FileRecord
from .reference_names import RESERVED
from .staging import discard, leftovers, new_temporary, write_index
from .stored import NewerFormatError, read_entry
from .view import RegistryView

if TYPE_CHECKING:
    from .layer import Layer

ProblemKind = Literal["missing", "changed", "extra", "folder gone", "orphan", "leftover", "alias", "index", "base", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it should be: what, where, how, what was done about it (None: nothing), and whether `--fix` repairs it."""

    kind: ProblemKind
    where: str
    detail: str
    fixed: str | None = None
    is_fixable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked, and what was found."""

    versions: int
    files: int
    problems: tuple[Problem, ...]

    @property
    def unfixed(self) -> tuple[Problem, ...]:
        """The problems that are still there."""
        return tuple(problem for problem in self.problems if problem.fixed is None)

    @property
    def is_clean(self) -> bool:
        """Whether no problem is left."""
        return not self.unfixed

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        problems = [asdict(problem) for problem in self.problems]
        return {"versions": self.versions, "files": self.files, "is_clean": self.is_clean, "problems": problems}


def verify_registry(registry: RegistryView, fix: bool) -> VerifyReport:
    """See `Registry.verify`."""
    shipped = registry.builtin.index().entries
    problems = [_of_shipped(problem) for entry in shipped for problem in check_entry(registry.builtin, entry)]
    with ExitStack() as stack:
        if fix:
            stack.enter_context(readable_errors(registry.home))
        try:
            entries = registry.user.index().entries
        except DamagedIndexError as e:
            if not fix or not registry.home.is_dir():
                return _report(
                    shipped,
                    [*problems, Problem(kind="index", where=str(registry.user.index_path), detail=str(e), is_fixable=True)],
                )
            problems += _rebuild(registry, str(e))
            entries = registry.user.index().entries
        in_versions = {entry.reference: list(check_entry(registry.user, entry)) for entry in entries}
        problems += _check_surroundings(registry, in_versions, fix) if registry.home.is_dir() else []
    return _report((*shipped, *entries), problems)


def _of_shipped(problem: Problem) -> Problem:
    """Say of a version that ships what mends it: the package's own files are nothing that `fix` may touch."""
    what = problem.detail.partition("; ")[0]
    return replace(
        problem,
        detail=f"{what}; it ships with the package: install that again (pip install --force-reinstall adapt-embed)",
        is_fixable=False,
    )


def check_entry(layer: Layer, entry: Entry) -> Iterator[Problem]:
    """Yield what is wrong with the folder of one version."""
    folder = layer.folder(entry)
    there = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if not path.is_dir()}
    if not there:
        yield Problem(kind="folder gone", where=entry.reference, detail=f"{folder} is missing or empty", is_fixable=True)
        return
    for name, expected in entry.files.items():
        if name not in there:
            yield Problem(kind="missing", where=entry.reference, detail=f"{folder / name} is missing; restore it from a copy")
        elif how := _difference(there[name], expected):
            yield Problem(
                kind="changed", where=entry.reference, detail=f"{folder / name} {how}; restore it from a copy, or remove this version"
            )
    if _read_entry(folder) != entry:
        yield Problem(kind="changed", where=entry.reference, detail=f"{folder / ENTRY} differs from the index")
    for name in there.keys() - entry.files.keys() - {ENTRY}:
        yield Problem(kind="extra", where=entry.reference, detail=f"{folder / name} was not registered; move it away")
    for detail in lost_bases(entry, folder):
        yield Problem(kind="base", where=entry.reference, detail=detail)


def _difference(path: Path, expected: FileRecord) -> str | None:
    try:
        size = path.stat().st_size
        if size != expected.size:
            return f"has {size:,} bytes, {expected.size:,} were registered"
        found = disk.file_sha256(path)
    except OSError as e:
        return f"cannot be read ({e.strerror})"
    return None if found == expected.sha256 else f"has sha256 {found[:12]}..., {expected.sha256[:12]}... was registered"


def _read_entry(folder: Path) -> Entry | None:
    try:
        return read_entry(folder / ENTRY)
    except RegistryError:
        return None


def _check_surroundings(registry: RegistryView, in_versions: dict[str, list[Problem]], fix: bool) -> list[Problem]:
    """Under the lock, where it is free: drop what was found in versions removed meanwhile, and add what no version holds."""
    with ExitStack() as stack:
        try:
            stack.enter_context(index_lock(registry.home, registry.lock_timeout_s))
        except OSError:
            if fix:
                raise
        index = registry.user.index()
        present = {entry.reference for entry in index.entries}
        problems = [problem for reference, found in in_versions.items() if reference in present for problem in found]
        if fix:
            problems = [_drop_what_is_gone(registry, problem) for problem in problems]
        problems += _lost_members(registry)
        problems += _dangling_aliases(registry, fix)
        problems += _orphans(registry, index, fix)
        return problems + _leftovers(registry.home, fix)


def _drop_what_is_gone(registry: RegistryView, problem: Problem) -> Problem:
    if problem.kind != "folder gone":
        return problem
    index = registry.user.index()
    entry = next(entry for entry in index.entries if entry.reference == problem.where)
    aliases = [alias for alias, version in index.aliases.get(entry.name, {}).items() if version == entry.version]
    write_index(registry.home, index.without_entry(entry))
    disk.remove_tree(registry.user.folder(entry))  # nothing but empty folders, if it is there at all
    return replace(problem, fixed=f"removed from the index{' with the aliases ' + ', '.join(sorted(aliases)) if aliases else ''}")


def _lost_members(registry: RegistryView) -> list[Problem]:
    layers, entries = (registry.builtin, registry.user), registry.user.index().entries
    there = {entry.reference for layer in layers for entry in layer.index().entries if layer.folder(entry).is_dir()}
    return [Problem(kind="member", where=entry.reference, detail=detail) for entry in entries for detail in lost_members(entry, there)]


def _dangling_aliases(registry: RegistryView, fix: bool) -> list[Problem]:
    known = {entry.reference for entry in registry.entries()}
    problems = []
    for name, aliases in registry.user.index().aliases.items():
        for alias, version in aliases.items():
            if f"{name}@{version}" not in known:
                problem = Problem(
                    kind="alias", where=f"{name}@{alias}", detail=f"names {name}@{version}, which is not there", is_fixable=True
                )
                if fix:
                    write_index(registry.home, registry.user.index().with_alias(name, alias, None))
                problems.append(replace(problem, fixed="removed" if fix else None))
    return problems


def _version_folders(home: Path) -> list[Path]:
    """List the folders NAME/VERSION that hold an entry's file, whatever the index says of them."""
    found = (path.parent for path in home.glob(f"[!.]*/*/{ENTRY}") if path.parent.name.isascii() and path.parent.name.isdigit())
    return sorted(_as_registered(folder) for folder in found)


def _as_registered(folder: Path) -> Path:
    """Return a version folder by its name's own spelling: some file systems list names in decomposed form."""
    registered = folder.parent.parent / normalise(folder.parent.name) / folder.name
    return registered if registered.is_dir() else folder


def _orphans(registry: RegistryView, index: Index, fix: bool) -> list[Problem]:
    indexed = {registry.user.folder(entry) for entry in index.entries}
    problems = []
    for folder in _version_folders(registry.home):
        if folder in indexed:
            continue
        entry = _read_entry(folder)
        if entry is None or registry.user.folder(entry) != folder:
            problems.append(
                Problem(
                    kind="orphan",
                    where=str(folder),
                    detail=f"is not in any index, and its {ENTRY} does not match; inspect it, then move it away",
                )
            )
            continue
        if fix:
            discard(registry.home, folder)
        detail = "is not in any index: a command was killed here, or an older registry.json was put back"
        problems.append(Problem(kind="orphan", where=str(folder), detail=detail, fixed="removed" if fix else None, is_fixable=True))
    return problems


def _leftovers(home: Path, fix: bool) -> list[Problem]:
    empty = [path for path in sorted(home.glob("[!.]*")) if path.is_dir() and path.name not in RESERVED and not any(path.iterdir())]
    found = [*leftovers(home), *empty]
    if fix:
        for path in found:
            disk.remove_tree(path) if path.is_dir() else disk.remove_file(path)
    return [
        Problem(
            kind="leftover",
            where=str(path),
            detail="was left by a command that was killed",
            fixed="removed" if fix else None,
            is_fixable=True,
        )
        for path in found
    ]


def _rebuild(registry: RegistryView, how: str) -> list[Problem]:
    """Rebuild the index from the version folders; the damaged one is kept beside it."""
    path = registry.user.index_path
    with index_lock(registry.home, registry.lock_timeout_s):
        _refuse_newer(registry.home)
        entries = [
            entry for folder in _version_folders(registry.home) if (entry := _read_entry(folder)) and registry.user.folder(entry) == folder
        ]
        index = Index()
        for entry in sorted(entries, key=lambda entry: (entry.name, entry.version)):
            index = index.with_entry(entry)
        fixed = f"rebuilt from {len(entries)} version folders; its aliases are lost"
        if path.exists():
            aside = new_temporary(registry.home).name[:6]
            disk.move(path, path.with_name(f"{path.name}.damaged-{aside}"))
            fixed += f", the damaged file is kept as {path.name}.damaged-{aside}"
        write_index(registry.home, index)
    return [Problem(kind="index", where=str(path), detail=how, fixed=fixed, is_fixable=True)]


def _refuse_newer(home: Path) -> None:
    """Leave the index alone where a version is among the folders that it would be written without.

    Raises:
        NewerFormatError: one was written by a newer version of adapt.
    """
    for folder in _version_folders(home):
        try:
            read_entry(folder / ENTRY)
        except NewerFormatError as e:
            raise NewerFormatError(f"{folder / ENTRY} cannot be read: {e}") from e
        except RegistryError:
            continue  # reported as what it is: a folder whose entry does not fit


def _report(entries: tuple[Entry, ...], problems: list[Problem]) -> VerifyReport:
    return VerifyReport(versions=len(entries), files=sum(len(entry.files) for entry in entries), problems=tuple(problems))
