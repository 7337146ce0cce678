"""Tables with labels: texts of classes or clusters, and pairs that belong together or do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .read.reading import Reading
from .readers import Table, filled_text_of, read_table

SPLIT_COLUMN = "split"
PAIR_COLUMNS = ("sentence1", "sentence2", "label")
_BELONGS = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts, each with the name of its class or cluster."""

    texts: list[str]
    labels: list[str]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Pairs of sentences, each with 1 (they belong together) or 0."""

    first: list[str]
    second: list[str]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.labels)


def read_split(path: Path, columns: Sequence[str], split: str, how: Reading | None = None) -> Table:
    """Read the rows of one split: those that the column `split` names, or all where there is no such column.

    Raises:
        DataError: as `read_table`, or no row is of that split.
    """
    table = read_table(path, columns, how=how)
    if SPLIT_COLUMN not in table.rows[0][1]:
        return table
    names = table[SPLIT_COLUMN]
    rows = [row for row, name in zip(table.rows, names, strict=True) if name == split]
    if not rows:
        raise DataError(f"{path} has no row with {split!r} in the column {SPLIT_COLUMN}; there are {', '.join(sorted(set(names)))}")
    return Table(rows)


def read_labelled_texts(path: Path, split: str, label: str = "label", how: Reading | None = None) -> LabelledTexts:
    """Read the columns `text` and `label` (or `cluster`) of one split.

    Raises:
        DataError: as `read_split`, or a text or a label is empty.
    """
    table = read_split(path, ("text", label), split, how)
    labels = table[label]
    for (where, _), name in zip(table, labels, strict=True):
        if not name.strip():
            raise DataError(f"{where}: the text under {label!r} is empty; fill it or remove the row")
    return LabelledTexts([filled_text_of(where, row, "text") for where, row in table], labels)


def read_labelled_pairs(path: Path, split: str, how: Reading | None = None) -> LabelledPairs:
    """Read the columns `sentence1`, `sentence2` and `label` of one split.

    Raises:
        DataError: as `read_split`, a sentence is empty, or a label is none of 0 and 1.
    """
    table = read_split(path, PAIR_COLUMNS, split, how)
    first, second = ([filled_text_of(where, row, column) for where, row in table] for column in PAIR_COLUMNS[:2])
    labels = [_belongs(where, cell) for (where, _), cell in zip(table, table["label"], strict=True)]
    return LabelledPairs(first, second, labels)


def _belongs(where: str, cell: str) -> int:
    try:
        return _BELONGS[cell.strip().lower()]
    except KeyError:
        raise DataError(f"{where}: expected 0 or 1 under 'label', found {cell!r}") from None
