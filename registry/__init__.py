"""The registry: entries, versions, aliases, lineage, and the checks. Nothing here needs a model or torch."""

from .entry import Entry, Kind, Side
from .layer import Layer
from .lineage import Lineage, children, lineage
from .records import BaseRecord, DataRecord, FileRecord, HubRecord, ParentRecord, ScoreRecord, base_record, find_on_other_base
from .reference_names import split_reference
from .store import Registry, Removal, open_registry
from .stored import read_entry
from .usable import check_usable
from .verify import Problem, VerifyReport

__all__ = [
    "BaseRecord",
    "DataRecord",
    "Entry",
    "FileRecord",
    "HubRecord",
    "Kind",
    "Layer",
    "Lineage",
    "ParentRecord",
    "Problem",
    "Registry",
    "Removal",
    "ScoreRecord",
    "Side",
    "VerifyReport",
    "base_record",
    "check_usable",
    "children",
    "find_on_other_base",
    "lineage",
    "open_registry",
    "read_entry",
    "split_reference",
]
