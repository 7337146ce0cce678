"""Ensembles that have vectors: mean and concat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..choices import Role
from ..encoders.protocol import Encoded, OnBatch, Vectors
from .members import Ensemble, content_of_matrix


@dataclass(frozen=True, slots=True)
class EnsembleEncoder(Ensemble):
    """An Encoder over several members. `projection`, (whole, d), shortens the vectors; None: they stay whole."""

    projection: Vectors | None = None

    @property
    def dimension(self) -> int:
        """The width of its vectors: what the projection leaves, or what the members' vectors make together."""
        if self.projection is not None:
            return int(self.projection.shape[1])
        none = [np.zeros((0, member.dimension), np.float32) for member in self.members]
        return int(COMBINERS[self.mode](none, self.weights).shape[1])

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return the content of any ensemble, and of the projection; where the members' vectors of a role are the same, that of one of them."""
        if role is not None and self.mode == "mean":
            first, *others = (member.content(role) for member in self.members)
            if all(other == first for other in others):
                return first
        projection = None if self.projection is None else content_of_matrix(self.projection)
        return Ensemble.content(self, role) | {"projection": projection}

    def encode(self, texts: Sequence[str], role: Role = "document", *, on_batch: OnBatch | None = None) -> Encoded:
        """Return the vectors of texts, (n, d) float32 of length 1, in their order; truncated are those that a member truncated.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        each = self.encode_each(texts, role, on_batch)
        vectors = COMBINERS[self.mode]([own.vectors for own in each], self.weights)
        is_cut = np.any([own.is_cut for own in each], axis=0)
        return Encoded(vectors if self.projection is None else _normalised(vectors @ self.projection), is_cut)


def combine_mean(vectors: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Return the weighted mean of the members' vectors, each (n, d), at length 1; of the very same vectors these, bit for bit.

    Vectors that cancel out altogether have no direction: they stay zero, and are equally far from everything.
    """
    if all(own is vectors[0] for own in vectors):
        return vectors[0]
    total = np.zeros_like(vectors[0])
    for own, weight in zip(vectors, weights, strict=True):
        total += own * np.float32(weight)
    return _normalised(total)


def combine_concat(vectors: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Return the members' vectors side by side, (n, sum of d), each times the root of its weight.

    The dot product of two of them is sum of weight * cosine, exactly; with weights of the sum 1 their length is 1.
    """
    return np.concatenate([own * np.float32(weight**0.5) for own, weight in zip(vectors, weights, strict=True)], axis=1)


def _normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    normalised: Vectors = vectors / np.maximum(lengths, 1e-12)
    return normalised


COMBINERS: dict[str, Callable[[Sequence[Vectors], Sequence[float]], Vectors]] = {"mean": combine_mean, "concat": combine_concat}
"""Mode -> the members' vectors and their weights put together."""
