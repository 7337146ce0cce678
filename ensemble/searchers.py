"""Ensembles that rank and have no vectors: reciprocal rank fusion, and the largest cosine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..encoders.protocol import OnBatch, Ranked, Ranking, Vectors
from .members import Ensemble
from .modes import RRF_K

_BLOCK = 64
"""Queries that are ranked at once: what bounds the memory, with the number of passages."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EnsembleSearcher(Ensemble):
    """A Searcher over several members. Every passage is ranked by every member, so that the result is exact."""

    @property
    def dimension(self) -> None:
        """None: it has no vectors."""
        return

    def search(self, queries: Sequence[str], passages: Sequence[str], top_k: int, *, on_batch: OnBatch | None = None) -> Ranked:
        """Return for each query the `top_k` best passages; of equal ones, the earlier come first.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        asked, there = self.encode_each(queries, "query", on_batch), self.encode_each(passages, "document", on_batch)
        rankings: list[Ranking] = []
        for start in range(0, len(queries), _BLOCK):
            cosines = [
                own.vectors[start : start + _BLOCK] @ theirs.vectors.T for own, theirs in zip(asked, there, strict=True)
            ]  # (block, passages) each
            rankings += _best(FUSIONS[self.mode](cosines, self.weights), top_k)
        return Ranked(rankings, *(np.any([own.is_cut for own in each], axis=0) for each in (asked, there)))


def fuse_ranks(cosines: Sequence[Vectors], weights: Sequence[float]) -> Scores:
    """Return sum over members of weight / (60 + rank), (queries, passages), rank 1 being the largest cosine.

    Source: https://doi.org/10.1145/1571941.1572114 (Cormack, Clarke, Büttcher 2009), which has no weights and fuses the top of each
    ranking; here a member's share scales its term, and every passage has a rank. Passages with one cosine share the better rank.
    """
    return sum((weight / (RRF_K + _ranks(own)) for own, weight in zip(cosines, weights, strict=True)), start=np.zeros(cosines[0].shape))


def fuse_largest(cosines: Sequence[Vectors], weights: Sequence[float]) -> Scores:
    """Return the largest of the members' cosines, (queries, passages), each scaled by its weight over the largest weight.

    Equal weights leave cosines as they are; a member of weight 0 takes no part.
    """
    largest = max(weights)
    scores: Scores = np.max([own * (weight / largest) for own, weight in zip(cosines, weights, strict=True) if weight > 0], axis=0)
    return scores


def _ranks(cosines: Vectors) -> NDArray[np.int64]:
    """Return 1 + the number of passages with a larger cosine, row by row."""
    ascending = np.sort(cosines, axis=1)
    not_larger = [np.searchsorted(row, own, side="right") for row, own in zip(ascending, cosines, strict=True)]
    ranks: NDArray[np.int64] = 1 + cosines.shape[1] - np.stack(not_larger)
    return ranks


def _best(scores: Scores, top_k: int) -> list[Ranking]:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]  # (queries, top_k)
    return [[(int(row), float(own[row])) for row in rows] for own, rows in zip(scores, order, strict=True)]


FUSIONS: dict[str, Callable[[Sequence[Vectors], Sequence[float]], Scores]] = {"rrf": fuse_ranks, "max": fuse_largest}
"""Mode -> the members' cosines and their weights -> scores to rank by."""
