"""A LoRA layer as one step of the graph: it keeps its input once, makes no copy in another precision, and asks a GPU for few operations."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Compute with the frozen matrices cast once, and with the LoRA layers as one step each; the base has its own again afterwards.

    On a CPU in float32 nothing changes: there, the products take nearly all of the time. Layers whose factors have dropout stay peft's,
    since what the factors read is another tensor than what the base reads.

    Args:
        base: With LoRA layers. Neither weights nor layers are to be changed while this lasts.
        precision: Of the matrix products.
    """
    is_worth_it = base.device.type == "cuda" or uses_bf16(base.device, precision)
    layers = [module for module in base.model.modules() if isinstance(module, Linear) and _is_plain(module)] if is_worth_it else []
    with quick_network(base, precision):
        try:
            for layer in layers:
                layer.forward = functools.partial(_forward, layer)  # type: ignore[method-assign]
            yield
        finally:
            for layer in layers:
                del layer.forward


def _is_plain(layer: Linear) -> bool:
    return not layer.disable_adapters and all(isinstance(dropout, nn.Identity) for dropout in layer.lora_dropout.values())


def _forward(layer: Linear, values: Tensor) -> Tensor:
    name, base = layer.active_adapters[0], layer.get_base_layer()
    factors = layer.lora_A[name].weight, layer.lora_B[name].weight
    values = values.to(base.weight.dtype)
    result: Tensor = LoraProduct.apply(values, base.weight, base.bias, *factors, layer.scaling[name])  # type: ignore[no-untyped-call]
    return result


class LoraProduct(torch.autograd.Function):
    """x W' + bias + scale (x A') B', with gradients for x, A and B alone. x, W and bias share a precision; that of A and B may be higher."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:  # type: ignore[override]
        """Return (..., out)."""
        rows = x.flatten(0, -2)  # (tokens, in)
        a, b = a.to(x.dtype), (scale * b).to(x.dtype)
        inner = rows @ a.T  # (tokens, rank)
        result = rows @ weight.T if bias is None else torch.addmm(bias, rows, weight.T)  # (tokens, out)
        result.addmm_(inner, b.T)
        ctx.save_for_backward(rows, weight, a, b, inner)
        ctx.scale = scale
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradient of each argument of `forward`, None where none is wanted."""
        rows, weight, a, b, inner = ctx.saved_tensors
        of_result = grad.flatten(0, -2)  # (tokens, out)
        of_inner = of_result @ b  # (tokens, rank)
        of_a, of_b = (of_inner.T @ rows).float(), (of_result.T @ inner).float().mul_(ctx.scale)
        if not ctx.needs_input_grad[0]:
            return None, None, None, of_a, of_b, None
        return (of_result @ weight).addmm_(of_inner, a).view(*grad.shape[:-1], -1), None, None, of_a, of_b, None
