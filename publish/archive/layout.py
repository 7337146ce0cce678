"""What an archive looks like: `adapt-archive.json`, and a folder NAME/VERSION for each version, with its `adapt.json` and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MANIFEST = "adapt-archive.json"
FORMAT = 1
GZIPPED = (".gz", ".tgz")
"""Endings of an archive that is compressed; any other one is a plain tar file."""

MOST_FILES = 2000
MOST_BYTES = 4 << 30
"""Of everything in an archive, unpacked; an adapter with its tokenizer has some 20 MB, Gram matrices of a large base a few hundred."""
MOST_TEXT_BYTES = 64 << 20
"""Of a JSON file that is read whole; a tokenizer for many languages has 17 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedVersion:
    """A version as the manifest names it: `NAME@VERSION` where it was exported, and the sha256 of its `adapt.json`."""

    reference: str
    sha256: str

    @property
    def folder(self) -> str:
        """Where it lies in the archive."""
        return self.reference.replace("@", "/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive holds: the versions in the order in which they can be registered, the exported one last."""

    versions: tuple[ArchivedVersion, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"format": FORMAT, "versions": [{"reference": each.reference, "sha256": each.sha256} for each in self.versions]}
