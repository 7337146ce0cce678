"""Which rows of a corpus's vectors answer which query, and which are to count neither for nor against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import hashes
from ..data.pairs import Corpus, Pairs, normalise
from ..errors import DataError
from ..plurals import count

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CorpusRows:
    """The rows of a corpus by what they are to the training queries.

    Attributes:
        row: Passage id -> its row, of every passage whose text is known.
        positive: Query id -> the rows that answer it, one for each text.
        excluded: Query id -> ascending, the rows that are not its negatives: all with a text that answers it or a query of the same text,
            and those that say what it says.
        copies: Ascending, the rows that repeat the text of an earlier one.
        named: Ascending, the rows of the passages that pairs name, as answers or as given negatives, and of what has their text.
        weight: Query id -> the weights of its pairs, in the order of its rows in `positive`; empty: 1 for all.
    """

    row: dict[str, int]
    positive: dict[str, Rows]
    excluded: dict[str, Rows]
    copies: Rows
    named: Rows
    weight: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def positives(self, query_ids: Sequence[str]) -> Tensor:
        """Return (2, p) int64: pairs of a query's place in the list and a row that answers it."""
        return _pairs([self.positive[qid] for qid in query_ids])

    def weights(self, query_ids: Sequence[str]) -> Tensor | None:
        """Return (p,) float32, the weights of the pairs of `positives`; None: 1 for all."""
        return torch.from_numpy(np.concatenate([self.weight[qid] for qid in query_ids])) if self.weight else None

    def exclusions(self, query_ids: Sequence[str]) -> Tensor:
        """Return (2, e) int64: pairs of a query's place in the list and a row that is not its negative, in the order of the rows."""
        found = _pairs([self.excluded[qid] for qid in query_ids])
        return found[:, torch.argsort(found[1], stable=True)]


@dataclass(frozen=True, slots=True)
class IndexRows:
    """The rows of an index: by passage id and, where the index keeps texts, the hash of each row's text (`hash_text`), in their order."""

    row_of: Mapping[str, int]
    hashes: NDArray[np.uint64] | None = None


def find_rows(pairs: Pairs, corpus: Corpus, index: IndexRows | None = None) -> CorpusRows:
    """Find the rows of a corpus that answer the queries of some pairs.

    Args:
        pairs: Training queries and what answers them.
        corpus: Passage id -> text.
        index: Where the vectors are those of an index; None: they are in the corpus's order.

    Raises:
        DataError: passages have no vector.
    """
    row = {pid: number for number, pid in enumerate(corpus)} if index is None else _rows_in(corpus, index.row_of)
    by_text = _texts_of(corpus, row) if index is None or index.hashes is None else _texts_in(corpus, row, index.hashes)
    key = {pid: hash_text(corpus[pid]) for pid in pairs.passage_ids()}
    asked = {qid: hash_text(text) for qid, text in pairs.queries.items()}
    answers: dict[int, set[int]] = {}
    for qid, query in asked.items():
        answers.setdefault(query, set()).update(key[pid] for pid in pairs.positives[qid])
    positive = {qid: by_text.first_rows({key[pid] for pid in pairs.positives[qid]}) for qid in pairs.queries}
    excluded = {qid: by_text.rows({*answers[query], query}) for qid, query in asked.items()}
    weight = {
        qid: by_text.values_of_rows({key[pid]: value for pid, value in sorted(of_query.items(), key=itemgetter(1))})
        for qid, of_query in pairs.relative_weights().items()
    }
    return CorpusRows(row, positive, excluded, by_text.copies(), by_text.rows(set(key.values())), weight)


def _rows_in(corpus: Corpus, row_of: Mapping[str, int]) -> dict[str, int]:
    missing = [pid for pid in corpus if pid not in row_of]
    if missing:
        raise DataError(
            f"{count(len(missing), 'passage')} of the {len(corpus)} of these data have no vector in the index (the first: {missing[0]!r}); "
            "embed them into it with: adapt index add"
        )
    return {pid: row_of[pid] for pid in corpus}


class _Texts:
    """The rows of a corpus by a hash of their folded texts: eight bytes a passage, and not the texts again."""

    def __init__(self, keys: NDArray[np.uint64], rows: Rows) -> None:
        order = np.lexsort((rows, keys))
        self._keys, self._rows = keys[order], rows[order]

    def rows(self, keys: set[int]) -> Rows:
        """Return all rows with one of some texts, ascending."""
        wanted = np.array(sorted(keys), np.uint64)
        starts, ends = (np.searchsorted(self._keys, wanted, side) for side in ("left", "right"))
        found = [self._rows[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.sort(np.concatenate(found))

    def first_rows(self, keys: set[int]) -> Rows:
        """Return the first row of each of some texts, ascending; every one of them is there."""
        return np.sort(self._rows[np.searchsorted(self._keys, np.array(sorted(keys), np.uint64))])

    def values_of_rows(self, values: Mapping[int, float]) -> NDArray[np.float32]:
        """Return the value of each of some texts, in the order of `first_rows`."""
        found = {int(self.first_rows({key})[0]): value for key, value in values.items()}
        return np.array([found[row] for row in sorted(found)], np.float32)

    def copies(self) -> Rows:
        """Return the rows whose text an earlier row has, ascending."""
        return np.sort(self._rows[1:][self._keys[1:] == self._keys[:-1]])


def _texts_of(corpus: Corpus, row: Mapping[str, int]) -> _Texts:
    keys = np.fromiter((hash_text(corpus[pid]) for pid in row), np.uint64, len(row))
    return _Texts(keys, np.fromiter(row.values(), np.int64, len(row)))


def _texts_in(corpus: Corpus, row: Mapping[str, int], hashes: NDArray[np.uint64]) -> _Texts:
    """The texts of an index; of the passages that the data have, the data's own, which may have been corrected since."""
    keys = hashes.copy()
    for pid, number in row.items():
        keys[number] = hash_text(corpus[pid])
    return _Texts(keys, np.arange(len(keys)))


def hash_text(text: str) -> int:
    """Return 64 bits of a text, folded in case and white space."""
    return hashes.hash_text(normalise(text))


def _pairs(rows: Sequence[Rows]) -> Tensor:
    owners = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    return torch.from_numpy(np.stack([owners, np.concatenate(rows)]))
