"""The stored vectors of a corpus, as training reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class CorpusVectors(Protocol):
    """Vectors of a corpus, one a passage, in parts that may be memory-mapped; rows have length 1."""

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The vectors one part after another, each (n, d), in float32 or bfloat16."""
        ...

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    @property
    def dimension(self) -> int:
        """Their width."""
        ...

    @property
    def content(self) -> str:
        """A hash of what made them."""
        ...

    def rows(self, indices: Tensor) -> Tensor:
        """Return some of them: (len, d) float32."""
        ...

    def check_unchanged(self) -> None:
        """Raise `AdaptError` where files have changed since they were opened."""
        ...


@dataclass(frozen=True, slots=True)
class HeldVectors:
    """Vectors in memory, or on a GPU; see `CorpusVectors`."""

    parts: tuple[Tensor, ...]
    content: str = ""

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(part) for part in self.parts)

    @property
    def dimension(self) -> int:
        """Their width."""
        return int(self.parts[0].shape[1])

    def rows(self, indices: Tensor) -> Tensor:
        """Return some of them: (len, d), in float32 or what is wider."""
        return gather_rows(self, indices)

    def check_unchanged(self) -> None:
        """Do nothing: nobody else changes them."""


def gather_rows(vectors: CorpusVectors, indices: Tensor) -> Tensor:
    """Return some rows of vectors in parts: (len, d), in float32, or in the parts' own type where that is wider."""
    first = vectors.parts[0]
    dtype = torch.promote_types(first.dtype, torch.float32)
    if len(vectors.parts) == 1:
        return first.index_select(0, indices.to(first.device)).to(dtype)
    found = first.new_empty((len(indices), vectors.dimension), dtype=dtype)
    indices = indices.to(first.device)
    start = 0
    for part in vectors.parts:
        inside = (indices >= start) & (indices < start + len(part))
        found[inside] = part.index_select(0, indices[inside] - start).to(dtype)
        start += len(part)
    return found
