"""A LoRA layer as one step of the graph: it keeps its input once, makes no copy in another precision, and asks a GPU for few operations."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn

from ..base.load import Base
from ..choices import Precision
from ..encoders.forward import uses_bf16
from ..encoders.quick import quick_network


@contextmanager
def fast_layers(base: Base, precision: Precision) -> Iterator[None]:
    """Compute with the network as `quick_network` has it, and with the LoRA layers as one step each; at the end the base has its own again.

    On a CPU in float32 nothing changes: there, the products take nearly all of the time. Layers whose factors have dropout stay peft's,
    since what the factors read is another tensor than what the base reads, and so do those of DoRA, which scale the base's result.

    Args:
        base: With LoRA layers. Neither weights nor factors are to be changed while this lasts.
        precision: Of the matrix products.
    """
    is_half = uses_bf16(base.device, precision)
    is_worth_it = base.device.type == "cuda" or is_half
    layers = fused(base, torch.bfloat16 if is_half else torch.float32) if is_worth_it else nullcontext()
    with quick_network(base, precision, has_gradients=True), layers:
        yield


@contextmanager
def fused(base: Base, dtype: torch.dtype) -> Iterator[None]:
    """Have each LoRA layer that adds a plain pair of factors without dropout be one step of the graph; others stay peft's.

    Args:
        base: With LoRA layers. Neither weights nor factors are to be changed while this lasts.
        dtype: That the frozen matrices have.
    """
    layers = [module for module in base.model.modules() if isinstance(module, Linear) and _is_plain(module)]
    try:
        for layer, a, b in zip(layers, *_copies(layers, dtype), strict=True):
            layer.forward = functools.partial(_forward, layer, a, b)  # type: ignore[method-assign]
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)


def _is_plain(layer: Linear) -> bool:
    has_dropout = not all(isinstance(dropout, nn.Identity) for dropout in layer.lora_dropout.values())
    return not (layer.disable_adapters or layer.lora_variant or has_dropout)


def _factors(layer: Linear) -> tuple[nn.Parameter, nn.Parameter, float]:
    name = layer.active_adapters[0]
    return layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]


@torch.no_grad()
def _copies(layers: list[Linear], dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    """Return scale * A and B of each layer in a precision, made in a few operations for all layers together."""
    if not layers:
        return [], []
    all_a, all_b, scales = zip(*map(_factors, layers), strict=True)
    scale = torch.tensor(scales, dtype=torch.float32).repeat_interleave(torch.tensor([a.numel() for a in all_a]))
    flat_a = (torch.cat([a.flatten() for a in all_a]) * scale.to(all_a[0].device)).to(dtype)
    flat_b = torch.cat([b.flatten() for b in all_b]).to(dtype)
    return _split(flat_a, all_a), _split(flat_b, all_b)


def _split(flat: Tensor, like: tuple[Tensor, ...]) -> list[Tensor]:
    return [part.view(tensor.shape) for part, tensor in zip(torch.split(flat, [tensor.numel() for tensor in like]), like, strict=True)]


def _forward(layer: Linear, scaled_a: Tensor, cast_b: Tensor, values: Tensor) -> Tensor:
    base, (a, b, scale) = layer.get_base_layer(), _factors(layer)
    values = values.to(base.weight.dtype)
    result: Tensor = LoraProduct.apply(values, base.weight, base.bias, a, b, scaled_a, cast_b, scale)  # type: ignore[no-untyped-call]
    return result


class LoraProduct(torch.autograd.Function):
    """x W' + bias + scale (x A') B', with gradients for x, A and B alone.

    x, W and bias share a precision, in which `scaled_a` is scale * A and `cast_b` is B; A and B may have a higher one.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, _b: Tensor, scaled_a: Tensor, cast_b: Tensor, scale: float
    ) -> Tensor:
        """Return (..., out)."""
        rows = x.flatten(0, -2)  # (tokens, in)
        inner = rows @ scaled_a.T  # (tokens, rank)
        result = rows @ weight.T if bias is None else torch.addmm(bias, rows, weight.T)  # (tokens, out)
        result.addmm_(inner, cast_b.T)
        ctx.save_for_backward(rows, weight, scaled_a, cast_b, inner)
        ctx.scale, ctx.dtype = scale, a.dtype
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradient of each argument of `forward`, None where none is wanted."""
        rows, weight, scaled_a, cast_b, inner = ctx.saved_tensors
        of_result = grad.flatten(0, -2)  # (tokens, out)
        of_inner = of_result @ cast_b  # (tokens, rank), over scale
        of_a, of_b = (of_inner.T @ rows).to(ctx.dtype).mul_(ctx.scale), (of_result.T @ inner).to(ctx.dtype)
        of_x = (of_result @ weight).addmm_(of_inner, scaled_a).view(*grad.shape[:-1], -1) if ctx.needs_input_grad[0] else None
        return of_x, None, None, of_a, of_b, None, None, None
