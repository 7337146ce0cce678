"""Passages that hold a query word for word: they say what it says, and are no negatives of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.pairs import TrainingData, normalise
from .candidates import Rows

_FEWEST_WORDS, _FEWEST_HAN = 5, 8
"""A shorter query, such as a name, stands in many passages that do not answer it."""


@dataclass(frozen=True, slots=True)
class WordForWord:
    """The training queries that are long enough to be looked for, folded, None for the others; and the passages, by their places."""

    queries: tuple[str | None, ...]
    passages: tuple[str, ...]

    def holds(self, queries: Rows, rows: Rows) -> NDArray[np.bool_]:
        """Return which passages hold the query of their pair, whatever the case and white space: (n,) and (n,) -> (n,)."""
        return np.fromiter(map(self._holds, queries.tolist(), rows.tolist()), np.bool_, len(rows))

    def _holds(self, query: int, row: int) -> bool:
        text = self.queries[query]
        return text is not None and text in normalise(self.passages[row])


def word_for_word(data: TrainingData) -> WordForWord:
    """Make the training queries and passages of data ready."""
    queries = (normalise(text) for text in data.train.queries.values())
    return WordForWord(tuple(text if _says_enough(text) else None for text in queries), tuple(data.corpus.values()))


def _says_enough(text: str) -> bool:
    return len(text.split()) >= _FEWEST_WORDS or sum("\u4e00" <= character <= "\u9fff" for character in text) >= _FEWEST_HAN
