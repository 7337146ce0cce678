"""Where a version comes from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import AdaptError
from ..shown_text import one_line
from .entry import Entry
from .view import RegistryView


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A version and its parents, with the weight it had in its child; `entry` is None where it is not in the registry (any more)."""

    reference: str
    weight: float | None
    entry: Entry | None
    parents: tuple[Lineage, ...]

    def to_dict(self) -> dict:
        """Return it as JSON can hold it."""
        return {
            "reference": self.reference,
            "weight": self.weight,
            "present": self.entry is not None,
            "parents": [parent.to_dict() for parent in self.parents],
        }

    def draw(self) -> Iterator[str]:
        """Yield a line for the version, and below it a branch for each of its parents."""
        yield f"{one_line(self.reference)}  {one_line(self._what())}" + ("" if self.weight is None else f"  weight {self.weight:g}")
        for number, parent in enumerate(self.parents, start=1):
            first, *below = parent.draw()
            is_last = number == len(self.parents)
            yield f"{'└── ' if is_last else '├── '}{first}"
            yield from (f"{'    ' if is_last else '│   '}{line}" for line in below)

    def _what(self) -> str:
        if self.entry:
            return f"{self.entry.kind}, {self.entry.method or 'no method'}, {self.entry.domain or 'no domain'}"
        if self.reference == "base":
            return "as it is"
        return "outside the registry" if "/" in self.reference or "\\" in self.reference else "not in this registry"


def lineage(registry: RegistryView, entry: Entry) -> Lineage:
    """Follow the parents of a version up to those that have none."""
    return _node(registry, entry.reference, None, frozenset())


def children(registry: RegistryView, entry: Entry) -> list[Entry]:
    """List the versions that were made from this one, or that lie on the whole model that it is."""
    folder = registry.user.folder(entry).resolve() if entry.kind == "model" else None
    return [
        child
        for child in registry.entries()
        if any(parent.reference == entry.reference for parent in child.parents)
        or any(folder is not None and base.path is not None and Path(base.path).resolve() == folder for base in child.bases)
    ]


def _node(registry: RegistryView, reference: str, weight: float | None, seen: frozenset[str]) -> Lineage:
    try:
        entry = registry.find_reference(reference)
    except AdaptError:
        entry = None
    above = seen | {reference}
    parents = [] if entry is None else [parent for parent in entry.parents if parent.reference not in above]
    nodes = tuple(_node(registry, parent.reference, parent.weight, above) for parent in parents)
    return Lineage(reference=reference, weight=weight, entry=entry, parents=nodes)
