"""What adapters add to a module's result, each to its own rows of a batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.load import Base
from ..lora import LoraFactors, is_bias
from ..lora.factors import BIAS

Pair = tuple[Tensor, Tensor]
"""The factors of one module, ready for products: (in, rank), and (rank, out) with the scale in it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter adds to one module's result.

    Attributes:
        factors: What is multiplied with the module's input; None: nothing.
        bias: What is added to each token's result, (out,); None: nothing.
    """

    factors: Pair | None = None
    bias: Tensor | None = None


AddsToResult = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]
"""A hook of torch: given a module, its inputs and its result, which it changes in place."""


def make_ready(factors: LoraFactors, base: Base, dtype: torch.dtype) -> dict[str, Change]:
    """Return what factors change in a base, by module, on its device and in the precision of the products.

    Raises:
        AdapterError: they are not of this base.
    """
    base.network.check_fits({name: (module.b.shape[0], module.a.shape[1]) for name, module in factors.items()})

    def ready(factor: Tensor) -> Tensor:
        return factor.T.contiguous().to(base.device, dtype)

    pairs = {name: (ready(module.a), ready(module.scale * module.b)) for name, module in factors.items() if not is_bias(name)}
    biases = {name.removesuffix(BIAS): module.delta()[:, 0].to(base.device) for name, module in factors.items() if is_bias(name)}
    return {name: Change(pairs.get(name), biases.get(name)) for name in pairs.keys() | biases.keys()}


def adding(rows_in_batch: int, spans: Sequence[tuple[slice, Change]]) -> AddsToResult:
    """Return a hook that adds to a module's result, span of rows by span, the product of its input with a pair of factors, and a bias."""

    def add(_module: nn.Module, inputs: tuple[Tensor, ...], result: Tensor) -> None:
        values = inputs[0].reshape(rows_in_batch, -1, inputs[0].shape[-1])  # (n, tokens, in)
        results = result.view(rows_in_batch, -1, result.shape[-1])  # (n, tokens, out)
        for rows, change in spans:
            if change.factors is not None:
                down, up = change.factors
                inner = values[rows].flatten(0, 1).to(down.dtype) @ down  # (tokens of the span, rank)
                results[rows].flatten(0, 1).addmm_(inner, up)
            if change.bias is not None:
                results[rows] += change.bias.to(results.dtype)

    return add
