"""What a push will send, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...registry import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """A push, planned or done.

    Attributes:
        entry: The version.
        repo: Where it goes.
        url: The address of the repository.
        branch: Of the commit.
        files: Path -> bytes of everything that the version is on the Hub.
        card: The text of the card.
        questions: What is to be decided before it is shared.
        left_out: Files of the version that are not sent.
        commit: What holds it now; None: nothing was sent.
        changed: The paths that the commit adds or changes.
        deleted: The paths that it removes.
        is_new: Whether the repository was made.
        tag: What the commit is called.
        pull_request: The address of the pull request; None: the commit is on the branch.
        warnings: The Hub's own, of the card.
    """

    entry: Entry
    repo: str
    url: str
    branch: str
    files: Mapping[str, int]
    card: str
    questions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    commit: str | None = None
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    is_new: bool = False
    tag: str | None = None
    pull_request: str | None = None
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(self.files.values())

    @property
    def is_unchanged(self) -> bool:
        """Whether the Hub had all of it already, so that no commit was made."""
        return self.commit is not None and not self.changed and not self.deleted

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "reference": self.entry.reference,
            "repository": self.repo,
            "url": self.url,
            "branch": self.branch,
            "commit": self.commit,
            "unchanged": self.is_unchanged,
            "created": self.is_new,
            "tag": self.tag,
            "pull_request": self.pull_request,
            "files": dict(self.files),
            "size": self.size,
            "changed": list(self.changed),
            "deleted": list(self.deleted),
            "left_out": list(self.left_out),
            "questions": list(self.questions),
            "warnings": list(self.warnings),
            "card": self.card,
        }
