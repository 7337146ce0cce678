"""Tables that judge texts: pairs of sentences with a score or a label each, and texts with the name of their class or cluster.

Each becomes rows of pairs. A pair that is judged to belong together is a positive, another one a negative; a score is kept beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .columns import PairRows, stated_by
from .dev_set import DEV_SEED
from .gather import TextRow
from .labelled import PAIR_COLUMNS, read_labelled_pairs, read_labelled_texts, read_split
from .read.reading import Reading, strictly
from .readers import read_heading
from .sentence_pairs import SENTENCE_COLUMNS, read_sentence_pairs
from .stated import stated_of

BLOCK = 5
"""So many texts of a class answer one another in the pairs; in a batch, all that are there of the class do."""


@dataclass(frozen=True, slots=True)
class JudgedTable:
    """A kind of table: the columns by which it is known, and what makes rows of pairs of one (of its split `train`, where it has splits)."""

    columns: tuple[str, ...]
    read: Callable[[Path, Reading | None], PairRows]


def judged_kind(path: Path, how: Reading | None = None) -> JudgedTable | None:
    """Return which kind of table a file is by its heading; None: of none of them.

    Raises:
        DataError: as `read_heading`.
    """
    heading = {column.strip().lower() for column in read_heading(path, (how or strictly()).aside())}
    return next((kind for kind in KINDS if heading.issuperset(kind.columns)), None)


def _scored(path: Path, how: Reading | None) -> PairRows:
    pairs = read_sentence_pairs(path, "train", how)
    middle = (min(pairs.scores) + max(pairs.scores)) / 2
    rows = [
        TextRow(where, first, (second,), pos_scores=(score,), weight=weight)
        if score > middle
        else TextRow(where, first, (), (second,), neg_scores=(score,), weight=weight)
        for (where, weight), first, second, score in zip(
            _weights(path, SENTENCE_COLUMNS, how), pairs.first, pairs.second, pairs.scores, strict=True
        )
    ]
    return PairRows(rows, (f"{path}: scored pairs; those above {middle:g}, the middle of the scores, count as answers in dev scores",))


def _labelled(path: Path, how: Reading | None) -> PairRows:
    pairs = read_labelled_pairs(path, "train", how)
    rows = [
        TextRow(where, first, (second,), weight=weight) if label else TextRow(where, first, (), (second,), weight=weight)
        for (where, weight), first, second, label in zip(
            _weights(path, PAIR_COLUMNS, how), pairs.first, pairs.second, pairs.labels, strict=True
        )
    ]
    return PairRows(rows, (f"{path}: labelled pairs, {sum(pairs.labels)} of {len(pairs)} with the label 1",))


def _of_classes(label: str) -> Callable[[Path, Reading | None], PairRows]:
    def read(path: Path, how: Reading | None) -> PairRows:
        table = read_labelled_texts(path, "train", label, how)
        classes: dict[str, dict[str, None]] = {}
        for text, name in zip(table.texts, table.labels, strict=True):
            classes.setdefault(name.strip(), {})[text] = None
        rows = [row for name, texts in classes.items() for row in _blocks(path, name, list(texts))]
        alone = sum(len(texts) == 1 for texts in classes.values())
        left_out = f"; {alone} are left out, each alone in its {label}" if alone else ""
        return PairRows(rows, (f"{path}: {len(rows)} texts, of which those of one {label} answer one another{left_out}",))

    return read


def _blocks(path: Path, name: str, texts: Sequence[str]) -> Iterator[TextRow]:
    """Yield a row for each text of a class, answered by the others of its block."""
    order = np.random.default_rng(DEV_SEED).permutation(len(texts))
    for start in range(0, len(order), BLOCK):
        # A last block of one text would have no answer: it joins the block before it.
        rows = order[start : start + BLOCK] if len(order) - start > 1 else order[max(0, start - BLOCK) :]
        for row in rows[-1:] if len(order) - start == 1 else rows:
            others = tuple(texts[other] for other in rows if other != row)
            if others:
                yield TextRow(str(path), texts[row], others, label=name)


def _weights(path: Path, columns: Sequence[str], how: Reading | None) -> Iterator[tuple[str, float | None]]:
    """Yield each row's place and what its column `weight` states."""
    for where, row in read_split(path, columns, "train", how):
        stated = {field: column for column in row if (field := stated_by(column)) == "weight"}
        yield where, stated_of(where, row, stated).get("weight")


KINDS = (
    JudgedTable(SENTENCE_COLUMNS, _scored),
    JudgedTable(PAIR_COLUMNS, _labelled),
    JudgedTable(("text", "label"), _of_classes("label")),
    JudgedTable(("text", "cluster"), _of_classes("cluster")),
)
