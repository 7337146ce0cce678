"""What is known of one version or of one base, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.spec import ResolvedBase
from ..registry import Entry, Lineage, Registry, children, lineage
from .width import vector_width


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """One version, and what stands around it.

    Attributes:
        entry: What the registry holds of it.
        aliases: Its aliases.
        is_builtin: Whether it ships with the package.
        folder: Where its files are.
        lineage: What it was made from.
        children: What was made from it.
        on_other_bases: Where it was named without a version: those of its name that lie on none of its bases.
    """

    entry: Entry
    aliases: tuple[str, ...]
    is_builtin: bool
    folder: Path
    lineage: Lineage
    children: tuple[str, ...]
    on_other_bases: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return self.entry.as_dict() | {
            "reference": self.entry.reference,
            "aliases": list(self.aliases),
            "builtin": self.is_builtin,
            "folder": str(self.folder),
            "size": self.entry.size,
            "dimension": vector_width(self.entry),
            "dims": list(self.entry.dims),
            "lineage": self.lineage.to_dict(),
            "children": list(self.children),
        }


def describe_version(registry: Registry, reference: str) -> VersionFacts:
    """Return all that is known of a version.

    Raises:
        UnknownReferenceError: there is no such version.
        RegistryError: it is not a name of one.
    """
    entry = registry.find_reference(reference)
    others = [each for each in registry.entries() if each.name == entry.name and not any(each.is_on(base.sha256) for base in entry.bases)]
    return VersionFacts(
        entry=entry,
        aliases=tuple(registry.aliases_of(entry)),
        is_builtin=registry.is_builtin(entry),
        folder=registry.folder(entry),
        lineage=lineage(registry, entry),
        children=tuple(child.reference for child in children(registry, entry)),
        on_other_bases=() if "@" in reference else tuple(each.reference for each in others),
    )


def describe_base(found: ResolvedBase) -> dict[str, object]:
    """Return what is known of a base, and how texts go into it, as JSON can hold it."""
    spec, encoding = found.spec, found.encoding
    return {
        "reference": "base",
        "name": spec.name,
        "alias": spec.alias,
        "hub_id": spec.hub_id,
        "revision": spec.revision,
        "sha256": spec.sha256,
        "folder": str(spec.folder),
        "found_in": spec.found_in,
        "pooling": encoding.pooling,
        "prompts": encoding.prompts,
        "dimension": found.dimension,
        "max_tokens": encoding.max_tokens,
        "language": spec.language,
    }
