"""Pairs of sentences with a similarity each: a folder with a table LANGUAGE-SPLIT.tsv of score, sentence1 and sentence2."""

import math
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .draw import draw
from .labelled import read_split
from .read.reading import Reading
from .readers import text_of

SENTENCE_COLUMNS = ("score", "sentence1", "sentence2")
_FILES = "[a-z][a-z]-*.tsv"


@dataclass(frozen=True, slots=True)
class SentencePairs:
    """Pairs of sentences with a similarity each, on any scale."""

    first: list[str]
    second: list[str]
    scores: list[float]

    def __len__(self) -> int:
        return len(self.scores)


def sentence_pairs_file(folder: Path, *, split: str, language: str) -> Path:
    """Return the table of one split in one language.

    Raises:
        DataError: it is not there; the message lists those that are.
    """
    path = folder / f"{language}-{split}.tsv"
    if not path.is_file():
        raise DataError(f"{path} does not exist; there are {', '.join(sorted(file.name for file in folder.glob(_FILES))) or 'none'}")
    return path


def read_sentence_pairs(path: Path, split: str = "test", how: Reading | None = None) -> SentencePairs:
    """Read a table of score, sentence1 and sentence2; where it has a column `split`, the rows of that split.

    Raises:
        DataError: it is absent, lacks a column or the split, or a score is not a number.
    """
    pairs, table = SentencePairs([], [], []), read_split(path, SENTENCE_COLUMNS, split, how)
    for (where, row), score in zip(table, table["score"], strict=True):
        pairs.scores.append(_number(where, score))
        pairs.first.append(text_of(where, row, "sentence1"))
        pairs.second.append(text_of(where, row, "sentence2"))
    return pairs


def draw_sentence_pairs(pairs: SentencePairs, count: int, seed: int) -> SentencePairs:
    """Draw `count` pairs without replacement, in their order; all of them where there are no more."""
    if count >= len(pairs):
        return pairs
    rows = draw(range(len(pairs)), count, seed)
    return SentencePairs([pairs.first[row] for row in rows], [pairs.second[row] for row in rows], [pairs.scores[row] for row in rows])


def _number(where: str, cell: str) -> float:
    try:
        if math.isfinite(value := float(cell)):
            return value
    except ValueError:
        pass  # reported below
    raise DataError(f"{where}: expected a number under 'score', found {cell!r}")
