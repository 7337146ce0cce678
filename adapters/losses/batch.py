"""What a loss is given: the vectors of a batch, and what is known of each pair of them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
