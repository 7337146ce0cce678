"""What is to be pulled, and what became of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import RequestError
from ...hub.names import read_repository
from ...references import Search
from ...registry import Entry, open_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """What to pull.

    Attributes:
        repository: `OWNER/NAME`; also `hf:OWNER/NAME@REVISION`.
        revision: A branch, a tag or a commit; None: the one in `repository`, else `main`.
        name: Its name in the registry; None: the repository's.
        strict: Whether a version whose base is not on this machine is refused.
        where: The registry, and the base that the user named.
    """

    repository: str
    revision: str | None = None
    name: str | None = None
    strict: bool = False
    where: Search = field(default_factory=lambda: Search(registry=open_registry()))

    def __post_init__(self) -> None:
        found = read_repository(self.repository)
        if found is None:
            raise RequestError(f"{self.repository!r} is not a repository of the Hub; expected OWNER/NAME")
        if self.revision is not None and found[1] is not None:
            raise RequestError(f"{self.repository} names a revision already; omit --revision")
        object.__setattr__(self, "repository", found[0])
        object.__setattr__(self, "revision", self.revision or found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A version that lies in the registry.

    Attributes:
        entry: The version.
        repository: Where it comes from.
        revision: The commit.
        folder: Where it lies.
        is_new: Whether it was registered now; otherwise it was here.
        notes: What the user should know of it.
    """

    entry: Entry
    repository: str
    revision: str
    folder: Path
    is_new: bool = True
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """How the version is named."""
        return self.entry.reference

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        bases = [asdict(base) for base in self.entry.bases]
        return {
            "reference": self.entry.reference,
            "kind": self.entry.kind,
            "repository": self.repository,
            "revision": self.revision,
            "path": str(self.folder),
            "size": self.entry.size,
            "base": bases[0] if len(bases) == 1 else bases,
            "already_here": not self.is_new,
            "unchecked": list(self.entry.unchecked),
            "notes": list(self.notes),
        }
