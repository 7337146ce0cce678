"""What an index is and what a build did, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What was built: the index as it is now, how many rows are new, how many of those an interrupted run had computed, and the seconds."""

    path: Path
    manifest: Manifest
    added: int
    kept: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return describe_index(self.path, self.manifest) | {"added": self.added, "kept": self.kept, "seconds": round(self.seconds, 3)}


def describe_index(path: Path, manifest: Manifest) -> dict[str, Any]:
    """Return what is known of an index as JSON can hold it."""
    made = manifest.encoder
    return {
        "index": str(path),
        "reference": manifest.reference,
        "base": manifest.base_labels,
        "base_sha256": [base.sha256 for base in manifest.bases],
        "rows": manifest.count,
        "dimension": manifest.dimension,
        **({} if manifest.dim is None else {"dim": manifest.dim}),
        "vectors": manifest.vectors,
        "texts": manifest.has_texts,
        "pooling": made.get("pooling"),
        "prompt": made.get("prompt"),
        "max_tokens": made.get("max_tokens"),
        "size": manifest.size,
        "shards": len(manifest.shards),
        "content": manifest.content,
    }
