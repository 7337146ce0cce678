"""Tables of local data: how the layout of a kind of task is recognised, and what it is read from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mteb.abstasks import AbsTask

from ...data.readers import Naming


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One split of local data: where the user pointed, the table that holds the split, and what the task is called."""

    place: Path
    table: Path
    name: str
    split: str
    language: str


@dataclass(frozen=True, slots=True)
class TableLayout:
    """A layout of tables: what it is for, its columns, what makes a task of it, and what its columns may be called otherwise."""

    kind: str
    columns: tuple[str, ...]
    read: Callable[[Source], AbsTask]
    named: Naming = list

    def share(self, heading: Sequence[str]) -> float:
        """Return which share of its columns a table has."""
        return len(set(self.named(heading)) & set(self.named(self.columns))) / len(self.columns)
