"""The registry: entries, versions, aliases, lineage, and the checks. Nothing here needs a model or torch."""

from .entry import Entry, Kind, base_record, split_reference
from .layer import Layer
from .lineage import Lineage, children, lineage
from .store import Registry, Removal, open_registry
from .verify import Problem, VerifyReport

__all__ = [
    "Entry",
    "Kind",
    "Layer",
    "Lineage",
    "Problem",
    "Registry",
    "Removal",
    "VerifyReport",
    "base_record",
    "children",
    "lineage",
    "open_registry",
    "split_reference",
]
