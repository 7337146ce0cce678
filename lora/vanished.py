"""Rank components that are zero: they change nothing, and need not be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from .factors import LoraFactors, LoraModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparsity:
    """How much of some factors is zero.

    Attributes:
        zeros: Numbers that are exactly zero.
        numbers: All of them.
        vanished: Rank components that change nothing.
        components: All of them.
    """

    zeros: int
    numbers: int
    vanished: int
    components: int

    def describe(self) -> str:
        """Say it in a line."""
        return f"{self.zeros / self.numbers:.1%} of the factors' numbers are zero; {self.vanished:,} of {self.components:,} rank components change nothing"


def measure_sparsity(factors: Mapping[str, LoraModule]) -> Sparsity:
    """Count what is zero in factors."""
    tensors = [tensor for module in factors.values() for tensor in (module.a, module.b)]
    return Sparsity(
        zeros=sum(int((tensor == 0).sum()) for tensor in tensors),
        numbers=sum(tensor.numel() for tensor in tensors),
        vanished=sum(int((~_counts(module)).sum()) for module in factors.values()),
        components=sum(module.rank for module in factors.values()),
    )


def cut_vanished(factors: Mapping[str, LoraModule]) -> LoraFactors:
    """Leave out the rank components that change nothing; a module of which nothing would be left keeps one, so that it has a rank.

    The scale of each module is what a file of its new rank gives back.
    """
    return {name: _cut(module) for name, module in factors.items()}


def _counts(module: LoraModule) -> torch.Tensor:
    """Which components have a number other than zero in both factors, (rank,) bool."""
    return module.a.any(dim=1) & module.b.any(dim=0)


def _cut(module: LoraModule) -> LoraModule:
    kept = _counts(module).nonzero().flatten()
    if len(kept) == 0:
        kept = torch.tensor([0])
    rank = len(kept)
    return LoraModule(module.a[kept].contiguous(), module.b[:, kept].contiguous(), module.scale * rank / rank)
