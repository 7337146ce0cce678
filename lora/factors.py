"""LoRA factors as data: delta W = scale * B @ A. A change of a bias is the update of a matrix of one column."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class LoraModule:
    """One module's update. `a`: (rank, in), `b`: (out, rank), both float32; delta W = scale * b @ a."""

    a: Tensor
    b: Tensor
    scale: float

    @property
    def rank(self) -> int:
        """The inner dimension of the factors."""
        return self.a.shape[0]

    def delta(self) -> Tensor:
        """Return delta W, (out, in), float32."""
        return self.scale * (self.b @ self.a)


LoraFactors = dict[str, LoraModule]
"""Module name in the base (`encoder.layer.0.attention.self.query`) -> its update; or the name of a bias (`....query.bias`) -> its update."""

BIAS = ".bias"
"""How the names of biases end."""


def is_bias(name: str) -> bool:
    """Return whether a name of factors is that of a bias."""
    return name.endswith(BIAS)


def bias_update(difference: Tensor) -> LoraModule:
    """Return the change of a bias, (n,) float32, as an update: b is that column, (n, 1), a is [[1]], and the scale 1."""
    return LoraModule(torch.ones(1, 1), difference[:, None].contiguous(), 1.0)


def largest_rank(factors: Mapping[str, LoraModule]) -> int | None:
    """Return the largest rank of the changed matrices; None where biases alone are changed."""
    return max((module.rank for name, module in factors.items() if not is_bias(name)), default=None)


def module_shape(name: str, modules: Iterable[LoraModule]) -> tuple[int, int]:
    """Return the one shape, (out, in), of the matrix that all of these change; at least one is needed.

    Raises:
        ConfigError: they change a module of that name in different shapes.
    """
    shapes = {(module.b.shape[0], module.a.shape[1]) for module in modules}
    if len(shapes) > 1:
        raise ConfigError(
            f"the adapters change {name} in different shapes ({', '.join(map(str, sorted(shapes)))}); they were made for different bases"
        )
    return shapes.pop()


def factors_sha256(factors: Mapping[str, LoraModule]) -> str:
    """Return a hash of the content of factors: names, shapes, values and scales, independent of storage."""
    digest = hashlib.sha256()
    for name in sorted(factors):
        module = factors[name]
        digest.update(f"{name} {tuple(module.a.shape)} {tuple(module.b.shape)} {module.scale!r}\n".encode())
        digest.update(module.a.contiguous().numpy().tobytes())
        digest.update(module.b.contiguous().numpy().tobytes())
    return digest.hexdigest()
