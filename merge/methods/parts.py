"""What a merge method is given for one module: each parent's part, and the settings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...lora import LoraModule
from .settings import MethodSettings

__all__ = ["MethodSettings", "Part", "modules", "weights"]


@dataclass(frozen=True, slots=True)
class Part:
    """One parent's part in one module.

    Attributes:
        module: Its update; of rank 0 where the parent leaves this module alone.
        weight: Its weight, any number.
        key: Names the parent's content and the module; what is drawn at random is drawn from it, and from nothing else but the seed.
        gram: Of the module's inputs under this parent, (in, in), sum over tokens of x x^T over their number; None where it carries none.
    """

    module: LoraModule
    weight: float
    key: str
    gram: torch.Tensor | None = None

    def generator(self, seed: int) -> torch.Generator:
        """Return a generator that depends on the parent's content, the module and the seed, and not on the parent's position."""
        digest = hashlib.sha256(f"{self.key} {seed}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def modules(parts: Sequence[Part]) -> list[LoraModule]:
    """Return the updates of parts."""
    return [part.module for part in parts]


def weights(parts: Sequence[Part]) -> list[float]:
    """Return the weights of parts."""
    return [part.weight for part in parts]
