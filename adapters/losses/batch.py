"""What a loss is given: the vectors of a batch, and what is known of each pair of them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..corpus.vectors import CorpusVectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Which passage answers which query.

    Attributes:
        positive: (q, p) bool, the pairs to pull together.
        ignored: (q, p) bool, the pairs that are not negatives: other positives of the query, and duplicates of them.
        frequency: (p,) float32, how often each passage is drawn, 1 or more; None: all alike.
    """

    positive: Tensor
    ignored: Tensor
    frequency: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVectors:
    """What another encoder makes of a batch's texts, (q, w) and (p, w), length 1, without gradients; its width w is its own."""

    queries: Tensor
    passages: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedBatch:
    """A batch as a loss sees it. Where vectors come from, live or kept, is not its business: those without gradients get none.

    Attributes:
        queries: (q, d) float32, length 1.
        passages: (p, d) float32, length 1.
        relation: Which passage answers which query.
        negatives: (q, p) bool, the pairs that the data themselves give as negatives; None: it is not known which.
        targets: (q, p) float32, a similarity of each pair or a teacher's score; NaN where none is known. None: there are none.
        weights: (q, p) float32, 0 or more, what each pair's part of the loss is multiplied by; None: 1 for all.
        anchor: What the frozen base makes of the same texts; None: it was not asked for.
        guide: What the encoder makes of them that judges which negatives are none; None: there is no such encoder.
    """

    queries: Tensor
    passages: Tensor
    relation: Relation
    negatives: Tensor | None = None
    targets: Tensor | None = None
    weights: Tensor | None = None
    anchor: OtherVectors | None = None
    guide: OtherVectors | None = None

    @property
    def cosines(self) -> Tensor:
        """Of each query and each passage, (q, p)."""
        return self.queries @ self.passages.T

    def weights_at(self, queries: Tensor, passages: Tensor) -> Tensor:
        """Return the weights of some pairs, (n,), by the numbers of their queries and passages, (n,) each."""
        return self.queries.new_ones(len(queries)) if self.weights is None else self.weights[queries, passages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What of a corpus stands for all of it: each query's nearest passages, and a uniform sample of the whole.

    `nearest`: (q, n) int64, rows, each once a query. `sample`: (m,) int64, rows without repetition, the same for all queries.
    """

    nearest: Tensor
    sample: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusTargets:
    """What the queries of a batch are compared with: a whole corpus's stored vectors.

    Attributes:
        vectors: Of the corpus, (n, d), length 1.
        positive: (2, p) int64, pairs of a query's number in the batch and the row of a passage that answers it; each text once.
        excluded: (2, e) int64, such pairs that are not negatives, in the order of the rows: the positives, and what has the same text.
        copies: (c,) int64, ascending: rows that repeat the text of another one, and count for no query.
        weights: (p,) float32, what the loss of each positive pair is multiplied by; None: 1 for all.
        drawn: What is compared in place of all rows; None: all are.
        log_shares: (n,) float32, the logarithm of what each row counts for as a negative, which its logits are raised by; None: 0 for all.
    """

    vectors: CorpusVectors
    positive: Tensor
    excluded: Tensor
    copies: Tensor
    weights: Tensor | None = None
    drawn: Drawn | None = None
    log_shares: Tensor | None = None
