"""What nDCG loses when vectors are kept in bfloat16: measured while an index is built of a folder that has judgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ..data.beir import BeirFolder
from ..data.draw import draw
from ..data.query_files import read_answers, read_query_file
from ..encoders.protocol import Encoder, Vectors
from ..errors import DataError
from .search import Nearest, nearer_of
from .vectors import in_memory

_TOP = 10
_MOST_QUERIES = 500
_SPLITS = ("dev", "test")


@dataclass(slots=True)
class Rounding:
    """The first ten rows of judged queries, by exact vectors and by rounded ones, of all shards so far.

    Attributes:
        queries: (q, d) float32.
        answers: For each query: id of a row -> grade.
        found: Of exact and of rounded vectors: the rows' numbers and cosines.
        ids: Row -> id, of rows that were among the first ten.
    """

    queries: torch.Tensor
    answers: list[dict[str, int]]
    found: list[Nearest | None] = field(default_factory=lambda: [None, None])
    ids: dict[int, str] = field(default_factory=dict)

    def add(self, start: int, ids: Sequence[str], vectors: Vectors) -> None:
        """Take the rows of a shard into account.

        Args:
            start: The number of its first row.
            ids: Of its n rows.
            vectors: (n, d) float32, as they were computed.
        """
        exact = torch.from_numpy(vectors)
        for place, rows in enumerate((exact, exact.bfloat16().float())):
            self.found[place] = nearer_of(self.queries, in_memory(rows, ""), _TOP, start, self.found[place])
        self.ids |= {row: ids[row - start] for each in self.found if each for row in each.rows.flatten().tolist() if row >= start}

    def describe(self) -> str:
        """Return both scores as a line."""
        exact, rounded = (self._ndcg(each) for each in self.found if each is not None)
        return (
            f"in bf16, nDCG@{_TOP} of {len(self.answers)} judged queries is {rounded:.4f}, and in fp32 it would be {exact:.4f} "
            f"({rounded - exact:+.4f})"
        )

    def _ndcg(self, found: Nearest) -> float:
        discounts = 1 / np.log2(np.arange(2, _TOP + 2))
        scores = []
        for rows, answers in zip(found.rows.tolist(), self.answers, strict=True):
            gains = [answers.get(self.ids[row], 0) for row in rows]
            best = sorted(answers.values(), reverse=True)[:_TOP]
            scores.append(float(np.dot(gains, discounts[: len(gains)]) / np.dot(best, discounts[: len(best)])))
        return float(np.mean(scores))


def open_rounding(corpus: Path, encoder: Encoder) -> Rounding | None:
    """Embed some of the judged queries of a BEIR folder, of its dev split, else of test; None: it has none.

    Args:
        corpus: What the index is built of.
        encoder: What embeds it.
    """
    folder = BeirFolder(corpus.expanduser())
    split = next((each for each in _SPLITS if each in folder.splits), None)
    if split is None or not (folder.path / "queries.jsonl").is_file():
        return None
    try:
        answers, queries = read_answers(folder.path / "qrels" / f"{split}.tsv"), read_query_file(folder.path)
    except DataError:  # what is measured beside must not stop a build
        return None
    judged = draw([each for each in answers if each in queries], _MOST_QUERIES, 0)
    if not judged:
        return None
    embedded = encoder.encode([queries[each] for each in judged], "query").vectors
    return Rounding(torch.from_numpy(embedded), [answers[each] for each in judged])
