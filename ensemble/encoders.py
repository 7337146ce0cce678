"""Ensembles that have vectors: mean and concat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..encoder import Role, Vectors
from .members import Ensemble


@dataclass(slots=True)
class EnsembleEncoder(Ensemble):
    """An Encoder over several members. `projection`, (whole, d), shortens the vectors; None: they stay whole."""

    projection: Vectors | None = None

    def encode(self, texts: Sequence[str], role: Role = "document") -> Vectors:
        """Return (n, d) float32 vectors of length 1, in the order of `texts`.

        Raises:
            DataError: a text is None or no string; its row is named.
        """
        vectors = COMBINERS[self.mode](self.encode_each(texts, role), self.weights)
        return vectors if self.projection is None else _normalised(vectors @ self.projection)


def combine_mean(vectors: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Return the weighted mean of the members' vectors, each (n, d), at length 1.

    Vectors that cancel out altogether have no direction: they stay zero, and are equally far from everything.
    """
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
