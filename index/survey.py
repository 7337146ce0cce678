"""A corpus read once before it is embedded: how many rows and bytes, and whether its ids are its own. Nothing but 8 bytes a row is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..data.corpus_files import CorpusFile, Passage
from ..errors import DataError
from ..events import Events
from .folder import IndexFolder
from .shard import hash_ids

_READ_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Survey:
    """What a corpus is before it is embedded.

    Attributes:
        rows: How many passages.
        characters: Of all their texts.
        bytes: Of all their ids and texts in UTF-8.
        empty: How many have no text.
    """

    rows: int
    characters: int
    bytes: int
    empty: int


def survey(corpus: CorpusFile, index: IndexFolder | None, events: Events) -> Survey:
    """Read a corpus through.

    Args:
        corpus: What is to be embedded.
        index: What it is added to; None: it becomes a new one.
        events: Told what is done.

    Raises:
        DataError: it is malformed or has no rows, an id comes twice, or is in the index already.
    """
    events.stage(f"reading {corpus.path.name}")
    hashes: list[NDArray[np.uint64]] = []
    rows = characters = size = empty = 0
    for passages in in_portions(corpus.passages(index.count if index else 0), _READ_AT_ONCE):
        hashes.append(hash_ids([each.id for each in passages]))
        rows += len(passages)
        characters += sum(len(each.text) for each in passages)
        size += sum(len(part.encode("utf-8", "replace")) for each in passages for part in (each.id, each.text))
        empty += sum(not each.text.strip() for each in passages)
    if not rows:
        raise DataError(f"{corpus.path} holds no rows; expected a corpus with a passage in each")
    _refuse_twice(corpus, np.concatenate(hashes), index)
    return Survey(rows, characters, size, empty)


def in_portions(passages: Iterator[Passage], size: int) -> Iterator[list[Passage]]:
    """Yield so many passages at once, the last time fewer."""
    while portion := list(islice(passages, size)):
        yield portion


def _refuse_twice(corpus: CorpusFile, hashes: NDArray[np.uint64], index: IndexFolder | None) -> None:
    """Refuse an id that comes twice or is in the index: those whose hashes are equal are read again and compared.

    Raises:
        DataError: there is one.
    """
    ordered = np.sort(hashes)
    doubtful = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    if index is not None:
        there = np.zeros(len(hashes), np.bool_)
        for shard in index.shards:
            there |= shard.find(hashes) >= 0
        doubtful |= set(hashes[there].tolist())
    if not doubtful:
        return
    seen: dict[str, str] = {}
    for row, passage in enumerate(corpus.passages(index.count if index else 0)):
        if int(hashes[row]) not in doubtful:
            continue
        if passage.id in seen:
            raise DataError(f"{passage.where}: the id {passage.id!r} occurs twice, first in {seen[passage.id]}; give each row its own")
        if index is not None and index.rows_of([passage.id])[0] is not None:
            raise DataError(
                f"{passage.where}: the id {passage.id!r} is in {index.path} already; an index cannot change a row: leave out what is there, "
                "or build a new one"
            )
        seen[passage.id] = passage.where
