"""How a repository of the Hub is named: `OWNER/NAME`, with `hf:` before it where other things can be named too, and a revision after `@`."""

import re

_REPOSITORY = re.compile(r"(?:hf:)?([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?", re.ASCII)
_OWNER = re.compile(r"[\w-][\w.-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def read_repository(text: str) -> tuple[str, str | None] | None:
    """Return `OWNER/NAME` and the revision that a text names (None: `main`); None where it names no repository."""
    match = _REPOSITORY.fullmatch(text)
    return (match[1], match[2]) if match else None


def is_owner(text: str) -> bool:
    """Return whether a text may be the name of a user or an organisation."""
    return _OWNER.fullmatch(text) is not None


def is_commit(text: str | None) -> bool:
    """Return whether a revision is a commit, and so stays what it is."""
    return text is not None and _COMMIT.fullmatch(text) is not None
