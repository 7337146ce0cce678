"""Texts without labels: the passages of corpora, each once, some of them held out. A corpus is read row by row, and as many as are wanted are kept."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError
from ..files import near_files
from ..plurals import count
from .corpus_files import CorpusFile, Field, find_corpus
from .hashes import hash_text
from .pairs import normalise
from .read.encodings import find_encoding
from .read.files import open_text, reading, table_suffix
from .read.held_out_rows import HeldOutRows
from .read.reading import Reading
from .read_options import ReadOptions

MOST_HELD_OUT = 500
FEW_TEXTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledTexts:
    """Texts to train on, and others to measure on.

    Attributes:
        train: Each once, in an order that depends on the seed and the texts alone.
        held_out: The same for every seed and every order of the rows.
        read: How many different texts there were.
        notes: What was left out.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    read: int
    notes: tuple[str, ...] = ()


def check_corpus(path: Path, columns: Mapping[Field, str | None], encoding: str | None = None) -> None:
    """Refuse a corpus that cannot be read; at most its first row is read.

    Raises:
        DataError: as `read_texts`.
    """
    if not _is_lines(path):
        find_corpus(path, columns, Reading(ReadOptions(encoding=encoding)))
    elif not path.expanduser().is_file():
        raise DataError(f"the corpus {path} does not exist.{near_files(path)}")


def read_texts(
    path: Path, columns: Mapping[Field, str | None], encoding: str | None = None, held_out: HeldOutRows | None = None
) -> tuple[Iterator[str], tuple[str, ...]]:
    """Return the texts of a corpus one after another, and notes on how it is read.

    Args:
        path: What `find_corpus` takes, or a .txt file of a text a line (also with .gz or .zst).
        columns: Field -> the column that the user named for it.
        encoding: As Python names it; None: as a byte-order mark or the bytes of the whole file show.
        held_out: Counts the rows that are left out, as a column `split` keeps them for choosing or testing; None: all rows are read.

    Raises:
        DataError: it is absent, empty, of another kind, or has no column of texts; while it is read, a row is malformed, or all are held out.
    """
    how = Reading(ReadOptions(encoding=encoding), held_out=held_out)
    if _is_lines(path):
        check_corpus(path, columns)
        with reading(path):
            found_encoding = find_encoding(path.expanduser(), how)
        return _lines(path.expanduser(), found_encoding), how.notes
    found = find_corpus(path, columns, how)
    return _passages(found, held_out or HeldOutRows()), (*how.notes, *found.notes)


def take_texts(texts: Iterable[str], *, most: int | None, held_out: float, seed: int) -> UnlabelledTexts:
    """Draw what is trained on and what is held out. Texts that differ in case and white space alone are one; empty ones are left out.

    Args:
        texts: All there are.
        most: At most so many are kept, those held out included; None: all.
        held_out: The share of those that are kept which is held out, at least one and at most 500.
        seed: Draws those that are kept where there are more, and orders those that are trained on.

    Raises:
        DataError: there are fewer than two different texts.
    """
    drawn, aside = _Least(most), _Least(MOST_HELD_OUT)
    seen, copies, empty = set[int](), 0, 0
    for text in texts:
        known, key = len(seen), normalise(text)
        if not key:
            empty += 1
            continue
        seen.add(hash_text(key))
        if len(seen) == known:
            copies += 1
            continue
        drawn.add(hash_text(f"{seed}\n{key}"), text)
        aside.add(hash_text(f"held out\n{key}"), text)
    if len(seen) < 2:
        raise DataError(f"the corpus holds {count(len(seen), 'text')}; at least 2 different ones are needed, better {FEW_TEXTS} and more")
    kept = min(len(seen), most or len(seen))
    away = aside.texts()[: min(MOST_HELD_OUT, max(1, round(held_out * kept)))]
    held = set(away)
    train = [text for text in drawn.texts() if text not in held][: kept - len(away)]
    notes = (
        *([f"{count(copies, 'text')} that {'repeats' if copies == 1 else 'repeat'} another left out"] if copies else []),
        *([f"{count(empty, 'empty text')} left out"] if empty else []),
        *([f"{kept:,} of {len(seen):,} texts drawn with seed {seed} (texts={most})"] if kept < len(seen) else []),
    )
    return UnlabelledTexts(train=tuple(train), held_out=tuple(away), read=len(seen), notes=notes)


@dataclass(slots=True)
class _Least:
    """Of all texts that are added, those with the least keys: `most` of them, or all where that is None."""

    most: int | None
    _heap: list[tuple[int, str]] = field(default_factory=list, init=False)

    def add(self, key: int, text: str) -> None:
        if self.most is None or len(self._heap) < self.most:
            heapq.heappush(self._heap, (-key, text))
        else:
            heapq.heappushpop(self._heap, (-key, text))

    def texts(self) -> list[str]:
        """Return them by their keys, the least first."""
        return [text for _, text in sorted(self._heap, reverse=True)]


def _is_lines(path: Path) -> bool:
    return table_suffix(path) == ".txt" and not path.expanduser().is_dir()


def _passages(corpus: CorpusFile, held_out: HeldOutRows) -> Iterator[str]:
    kept = 0
    for passage in corpus.passages():
        kept += 1
        yield passage.text
    held_out.check(str(corpus.path), kept)


def _lines(path: Path, encoding: str) -> Iterator[str]:
    with reading(path), open_text(path, encoding=encoding, errors="strict") as file:
        for line in file:
            yield line.rstrip("\n")
