"""Activation Gram matrices as data: what a module reads, summed up as x x^T, kept exactly or as a diagonal and a low rank."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..choices import GramRank as GramRank

_ROUNDS, _SPARE = 8, 16


@dataclass(frozen=True, slots=True)
class FullGram:
    """A Gram matrix kept exactly: `upper`, its upper triangle row by row, (in * (in + 1) / 2,) float32."""

    upper: Tensor

    @property
    def width(self) -> int:
        """The number of inputs."""
        return int((2 * len(self.upper) + 0.25) ** 0.5)

    def dense(self) -> Tensor:
        """Return the Gram matrix, (in, in) float32."""
        gram = torch.zeros(self.width, self.width)
        gram[_is_upper(self.width)] = self.upper
        return torch.where(_is_upper(self.width), gram, gram.T)


@dataclass(frozen=True, slots=True)
class LowRankGram:
    """A Gram matrix kept as its diagonal, and vectors^T diag(values) vectors beside it.

    `diagonal`: (in,) float32, exact. `values`: (rank,) float32. `vectors`: (rank, in) float16. The low rank never exceeds the
    diagonal, so that what they say is a diagonal of numbers that are not negative plus a low rank: positive semi-definite as the Gram is.
    """

    diagonal: Tensor
    values: Tensor
    vectors: Tensor

    @property
    def width(self) -> int:
        """The number of inputs."""
        return len(self.diagonal)

    def dense(self) -> Tensor:
        """Return the Gram matrix, (in, in) float32."""
        scaled = self.vectors.float() * self.values.sqrt()[:, None]  # (rank, in)
        gram = scaled.T @ scaled
        gram.diagonal().copy_(self.diagonal)
        return gram


StoredGram = FullGram | LowRankGram
StoredGrams = dict[str, StoredGram]
"""Module name -> Gram matrix of its inputs. Modules that read the same input hold the same object, which is written once."""


def store_gram(gram: Tensor, rank: GramRank) -> StoredGram:
    """Bring a Gram matrix into the form in which it is kept.

    The low rank is fitted to what stands beside the diagonal, by turns with the diagonal that it leaves (principal axes, as in
    factor analysis); each turn is one step of subspace iteration, since a full decomposition takes minutes where layers are wide.
    Source: https://arxiv.org/abs/0909.4061 (subspace iteration); the turns are minimum-residual factor analysis.

    Args:
        gram: (in, in) float32, symmetric and positive semi-definite.
        rank: Above 0; no more than `in` dimensions are kept.
    """
    if rank == "full":
        return FullGram(gram[_is_upper(len(gram))])
    values, vectors = _fit(gram, min(rank, len(gram)))
    return LowRankGram(gram.diagonal().clone(), values, _round_below(vectors, values, gram.diagonal()))


def blank_gram(width: int, rank: GramRank) -> StoredGram:
    """Return a stored Gram matrix without content (on torch's meta device), to learn its size."""
    if rank == "full":
        return FullGram(torch.empty(width * (width + 1) // 2, device="meta"))
    kept = min(rank, width)
    vectors = torch.empty(kept, width, dtype=torch.float16, device="meta")
    return LowRankGram(torch.empty(width, device="meta"), torch.empty(kept, device="meta"), vectors)


def gram_error(gram: Tensor, stored: StoredGram) -> float:
    """Return the relative error of what is kept, in the Frobenius norm; 0 of a Gram matrix that is zero."""
    norm = float(gram.norm())
    return float((stored.dense() - gram).norm()) / norm if norm else 0.0


def _is_upper(width: int) -> Tensor:
    return torch.ones(width, width, dtype=torch.bool).triu()


def _fit(gram: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return values (rank,) and orthonormal vectors (rank, in)."""
    start = torch.Generator().manual_seed(0)
    basis = torch.randn(len(gram), min(len(gram), rank + _SPARE), generator=start)
    rest = gram.clone()  # the Gram matrix without the diagonal that the low rank leaves
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(rest @ basis)[0]
        values, turns = torch.linalg.eigh(basis.T @ rest @ basis)  # ascending
        values, vectors = values.flip(0)[:rank].clamp(min=0), (basis @ turns.flip(1)[:, :rank]).T
        rest.diagonal().copy_(torch.minimum(_diagonal(values, vectors), gram.diagonal()))
    return values, vectors.contiguous()


def _round_below(vectors: Tensor, values: Tensor, diagonal: Tensor) -> Tensor:
    """Round to half precision; where the low rank would come out above the diagonal, shrink it to the diagonal first."""
    rounded = vectors.half()
    found = _diagonal(values, rounded.float())
    shrink = torch.where(found > diagonal, (diagonal / found).sqrt() * (1 - 2**-11), 1.0)  # 2**-11: what rounding can add
    return torch.where(found > diagonal, (vectors * shrink).half(), rounded)


def _diagonal(values: Tensor, vectors: Tensor) -> Tensor:
    return (vectors.square() * values[:, None]).sum(0)  # (in,)
