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
class Anchor:
    """The frozen base's own vectors of a batch's texts, (q, d) and (p, d), length 1, without gradients."""

    queries: Tensor
    passages: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedBatch:
    """A batch as a loss sees it. Where vectors come from, live or kept, is not its business: those without gradients get none.

    Attributes:
        queries: (q, d) float32, length 1.
        passages: (p, d) float32, length 1.
        relation: Which passage answers which query.
        targets: (q, p) float32, a similarity of each pair or a teacher's score; NaN where none is known. None: there are none.
        weights: (q, p) float32, 0 or more, what each pair's part of the loss is multiplied by; None: 1 for all.
        anchor: What the base makes of the same texts; None: it was not asked for.
    """

    queries: Tensor
    passages: Tensor
    relation: Relation
    targets: Tensor | None = None
    weights: Tensor | None = None
    anchor: Anchor | None = None


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
    """

    vectors: CorpusVectors
    positive: Tensor
    excluded: Tensor
    copies: Tensor
    weights: Tensor | None = None
    drawn: Drawn | None = None
