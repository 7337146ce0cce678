"""What a merge method is given for one module: each parent's part, and the settings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...errors import ConfigError
from ...lora import LoraModule


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSettings:
    """What methods can be told beside the weights. A method reads those that its row in `METHODS` names.

    Attributes:
        density: Share of elements that sparsifying keeps, above 0 and at most 1; 1 keeps all, whatever the others say.
        spread: DELLA: how far the probability of keeping an element may lie from `density`, 0 to 1; at most to 0 or 1.
        outliers: Breadcrumbs: share of the largest elements that is dropped, 0 to below 1; at most what `density` leaves to drop.
        seed: Of what is drawn at random: another seed, another mask.
    """

    density: float = 0.5
    spread: float = 0.1
    outliers: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ConfigError(f"density is {self.density}; expected a share above 0 and at most 1")
        if not 0 <= self.spread <= 1:
            raise ConfigError(f"spread is {self.spread}; expected 0 to 1")
        if not 0 <= self.outliers < 1:
            raise ConfigError(f"outliers is {self.outliers}; expected 0 or more, and below 1")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed is {self.seed}; it must be at least 0 and below 2**32")


def modules(parts: Sequence[Part]) -> list[LoraModule]:
    """Return the updates of parts."""
    return [part.module for part in parts]


def weights(parts: Sequence[Part]) -> list[float]:
    """Return the weights of parts."""
    return [part.weight for part in parts]
