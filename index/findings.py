"""What the base finds in a corpus before anything is trained: whether the queries are the problem, or the documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..data.pairs import Pairs
from ..data.preflight import PreflightWarning
from ..encoders.protocol import Encodes
from ..plurals import count
from .hidden import Hidden
from .nearest import InParts
from .rows import CorpusRows
from .vectors import blocks

DEPTHS = (1, 10, 100)
FAR_SHARE = 0.25
"""From this share of the queries on whose answers are not among the first 100, the documents are said to be the problem."""
_QUERIES, _ROWS = 256, 65536


class Vectors(InParts, Protocol):
    """Vectors of a corpus, of which single rows can be asked for."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def rows(self, indices: Tensor) -> Tensor:
        """Return some of them: (len, d) float32."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFindings:
    """What the base finds of the training queries' answers in the whole corpus.

    Attributes:
        queries: How many were asked.
        found: Depth -> the share of the queries that have an answer among the first so many passages.
        unnamed: How many passages no pair names.
        sharing: How many queries share an answer with another one.
    """

    queries: int
    found: dict[int, float]
    unnamed: int
    sharing: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"found": {str(depth): share for depth, share in self.found.items()}}

    def describe(self) -> str:
        """Say it in a line."""
        first, ten, hundred = (f"{self.found[depth]:.0%}" for depth in DEPTHS)
        return (
            f"of {count(self.queries, 'training query')} the base finds an answer first for {first}, among the first 10 for {ten}, among the "
            f"first 100 for {hundred}; no pair names {count(self.unnamed, 'passage')}; {count(self.sharing, 'query')} share an answer"
        )

    def warnings(self) -> Iterator[PreflightWarning]:
        """Give what will go wrong with training queries alone."""
        far = 1 - self.found[DEPTHS[-1]]
        if far >= FAR_SHARE:
            message = (
                f"for {far:.0%} of the queries no answer is among the first 100: there the documents are the problem and not the queries, and "
                "training queries alone mends little of it; see whether these documents are cut (max_tokens), in another language or answer "
                "at all, or train both sides"
            )
            yield PreflightWarning("far-answers", message)


def find_answers(encoder: Encodes, pairs: Pairs, corpus: Vectors, rows: CorpusRows) -> CorpusFindings:
    """Search the whole corpus for the answers of the training queries, exactly, a block at a time.

    Args:
        encoder: The base alone.
        pairs: The training queries.
        corpus: Its vectors.
        rows: Of these pairs.
    """
    ids = list(pairs.queries)
    queries = torch.from_numpy(encoder.encode([pairs.queries[qid] for qid in ids], "query").vectors)
    named = Counter(row for answers in rows.positive.values() for row in answers.tolist())
    return CorpusFindings(
        queries=len(ids),
        found=found_within(answer_ranks(queries, ids, corpus, rows)),
        unnamed=corpus.count - len(rows.named),
        sharing=sum(any(named[row] > 1 for row in answers.tolist()) for answers in rows.positive.values()),
    )


def found_within(ranks: Tensor) -> dict[int, float]:
    """Return, for each of `DEPTHS`, the share of the queries whose best answer has at most this rank; (q,), at least one."""
    return {depth: float((ranks <= depth).double().mean()) for depth in DEPTHS}


def answer_ranks(queries: Tensor, query_ids: Sequence[str], corpus: Vectors, rows: CorpusRows) -> Tensor:
    """Return the rank of each query's best answer among what is no answer to it, (q,) int64, from 1; `_QUERIES` at a time.

    Args:
        queries: (q, d), length 1, at least one.
        query_ids: Of their rows.
        corpus: Its vectors.
        rows: Of pairs with these queries.
    """
    queries = queries.to(corpus.parts[0].device)
    starts = range(0, len(query_ids), _QUERIES)
    return torch.cat([_best_ranks(queries[at : at + _QUERIES], query_ids[at : at + _QUERIES], corpus, rows) for at in starts])


def _best_ranks(queries: Tensor, query_ids: Sequence[str], corpus: Vectors, rows: CorpusRows) -> Tensor:
    owner, row = rows.positives(query_ids)
    owner = owner.to(queries.device)
    cosines = (queries[owner] * corpus.rows(row).to(queries)).sum(1)
    best = queries.new_full((len(queries),), -torch.inf).scatter_reduce(0, owner, cosines, "amax")
    nearer, hidden = torch.zeros_like(best, dtype=torch.int64), Hidden(rows.exclusions(query_ids), torch.from_numpy(rows.copies))
    for first, block in blocks(corpus.parts, _ROWS, queries.dtype):
        scores = queries @ block.T
        hidden.hide(scores, first)
        nearer += (scores > best.unsqueeze(1)).sum(1)
    return nearer + 1
