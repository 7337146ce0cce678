"""How long texts are in a base's tokens, and how many of them the base cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..report import examples_of

if TYPE_CHECKING:
    from .tokens import BaseTokens

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Lengths of texts, in tokens with those that the base adds: instruction, first and last one.

    Attributes:
        texts: How many were measured.
        mean: Of their lengths, as are `median`, `p95` (95 % are no longer) and `longest`.
        max_tokens: Where they are cut.
        cut: How many are longer.
        lost: The share of all their tokens that is never read.
        examples: Beginnings of the longest of those that are cut.
    """

    texts: int
    mean: float
    median: float
    p95: float
    longest: int
    max_tokens: int
    cut: int
    lost: float
    examples: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def measure_lengths(texts: Sequence[str], tokens: BaseTokens, role: str) -> Lengths:
    """Measure texts, at least one.

    Args:
        texts: What is measured.
        tokens: Of a base.
        role: `query` or `document`, which decides the instruction and the longest text.
    """
    lengths = np.concatenate([tokens.lengths(texts[start : start + _AT_ONCE], role) for start in range(0, len(texts), _AT_ONCE)])
    longest = tokens.longest(role)
    longest_first = np.argsort(-lengths, kind="stable")
    return Lengths(
        texts=len(texts),
        mean=float(lengths.mean()),
        median=float(np.median(lengths)),
        p95=float(np.percentile(lengths, 95)),
        longest=int(lengths.max()),
        max_tokens=longest,
        cut=int((lengths > longest).sum()),
        lost=float(np.maximum(lengths - longest, 0).sum() / lengths.sum()),
        examples=examples_of(texts[row] for row in longest_first if lengths[row] > longest),
    )
