"""What an entry is made of: its bases, files, parents, data and scores, each as a frozen record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import BaseError

if TYPE_CHECKING:
    from ..base.spec import BaseSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecord:
    """A base as what was made for it keeps it. Its fingerprint decides; the rest says where to look.

    Attributes:
        id: Its Hub id; None for weights of no known Hub revision.
        revision: The Hub revision that has these weights.
        sha256: The fingerprint of its weights.
        path: The absolute path of its folder on the machine where this was written; None where that is not needed or not known.
        name: What people call it.
    """

    id: str | None
    revision: str | None = None
    sha256: str
    path: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.name or self.id or f"sha256 {self.sha256[:12]}..."

    @property
    def loading_name(self) -> tuple[str | None, str | None]:
        """What peft and sentence-transformers find it by: Hub id and revision, else its folder's absolute path and None."""
        return (self.id, self.revision) if self.id else (next(map(str, self.folders()), self.path), None)

    @property
    def is_there(self) -> bool:
        """Whether it can still be found: it has a Hub id, or its folder is on this machine."""
        return bool(self.id) or next(self.folders(), None) is not None

    def folders(self) -> Iterator[Path]:
        """Yield the folders of this machine in which it may lie: as recorded, as cached at its revision, by name in `ADAPT_BASES`."""
        from ..base.places import snapshot_at

        if self.path is not None and is_base_folder(self.path):
            yield Path(self.path)
        found = self._find_by_name() if self.id is None else snapshot_at(self.id, self.revision)
        if found is not None:
            yield found.absolute()

    def _find_by_name(self) -> Path | None:
        from ..base.fingerprint import fingerprint
        from ..base.places import in_adapt_bases

        found = in_adapt_bases([self.name]) if self.name else None
        try:
            return found if found is not None and fingerprint(found) == self.sha256 else None
        except BaseError:  # without weights
            return None

    def without_needless_path(self) -> BaseRecord:
        """Leave the path out where Hub id and revision find the same folder again: in the Hub's cache, and in the embedded package."""
        from ..base.places import embedded_folder
        from ..hub.snapshots import snapshot_identity

        if self.id is None or self.path is None:
            return self
        embedded = embedded_folder()
        is_embedded = embedded is not None and embedded.resolve() == Path(self.path).resolve()
        is_snapshot = snapshot_identity(Path(self.path)) == (self.id, self.revision)
        return replace(self, path=None) if is_embedded or is_snapshot else self


def base_record(spec: BaseSpec) -> BaseRecord:
    """Return what is kept of a base that was found."""
    return BaseRecord(
        id=spec.hub_id, revision=spec.revision, sha256=spec.sha256, path=str(spec.folder), name=_version_in(spec) or spec.name
    )


def _version_in(spec: BaseSpec) -> str | None:
    """Return the reference of the version whose folder a base is, a whole model, which is called by its number there; None of any other."""
    from ..base.json_files import read_json

    try:
        own = read_json(spec.folder / "adapt.json") if spec.hub_id is None else {}
    except BaseError:
        return None
    return f"{own['name']}@{own['version']}" if own.keys() >= {"name", "version"} else None


class OnBase(Protocol):
    """What lies on a base: a parent of a merge, a member of an ensemble."""

    @property
    def base(self) -> BaseRecord:
        """The record of its base."""
        ...


_OnBase = TypeVar("_OnBase", bound=OnBase)


def find_on_other_base(all_of_them: Sequence[_OnBase]) -> _OnBase | None:
    """Return the first that lies on another base than the first of all does; None where all lie on one."""
    return next((each for each in all_of_them if each.base.sha256 != all_of_them[0].base.sha256), None)


def is_base_folder(path: str | None) -> bool:
    """Return whether this is the absolute path of a folder with a base in it, whatever the current directory is."""
    return path is not None and Path(path).is_absolute() and (Path(path) / "config.json").is_file()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A file of a version: the sha256 of its content, and its bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecord:
    """What a version was made from.

    Attributes:
        reference: Its full reference: `NAME@VERSION`, `base`, `hf:OWNER/REPO@REVISION`, or a folder's absolute path (`./NAME` where the
            record comes from another machine).
        sha256: Of its factors' content; of the base's weights where it has none.
        weight: Its share.
    """

    reference: str
    sha256: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecord:
    """What a version was trained on.

    Attributes:
        source: Where it came from: a path, `sample:DOMAIN/LANGUAGE`, `hub:SET`, `hf:SET` or `mteb:TASK`, each with `=WEIGHT` where it has one; several of
            them with ` + ` between them.
        fingerprint: The sha256 of its texts.
        language: `en` or `zh`.
        counts: What is counted -> how many.
        notes: Notes on the data.
        grams: Size and error of the Gram matrices, where they were measured.
        licence: The licence of the texts, by the Hub's id where it has one (`cc-by-4.0`); of several sources, theirs in their order with
            ` + ` between them; None where it is not known.
        drawn: How many training queries were drawn of more; None: all were taken.
    """

    source: str
    fingerprint: str | None = None
    language: str | None = None
    counts: dict[str, int] | None = None
    notes: tuple[str, ...] = ()
    grams: dict[str, Any] | None = None
    licence: str | None = None
    drawn: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRecord:
    """A measurement: the metric, and its value (0 to 1) of the base and of the version; None where it was not measured."""

    metric: str
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRecord:
    """Where a version lies on the Hub: a repository and the commit that holds it. It says nothing of what the version is.

    Attributes:
        repository: `OWNER/NAME`.
        revision: The commit, 40 hexadecimal digits.
        how: `pulled` where the version came from there, `pushed` where it was sent there.
        branch: What was asked for: a branch, a tag, or a pull request's `refs/pr/N`; None: `main`.
        tag: What the push named the commit; None: nothing.
    """

    repository: str
    revision: str
    how: str
    branch: str | None = None
    tag: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The repository and the branch: of what lies there, the newest commit is kept."""
        return self.repository, self.branch or "main"

    @property
    def reference(self) -> str:
        """How it is named from everywhere: `hf:OWNER/NAME@COMMIT`."""
        return f"hf:{self.repository}@{self.revision}"
