"""A network as it computes fastest: matrices cast once for many batches, states in bfloat16, nothing computed that no vector reads."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..base.load import Base
from ..choices import Precision
from . import attention
from .first_token import first_token_alone
from .forward import PLAIN, uses_bf16

_GPU_ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""All but cuDNN's, which plans anew for each shape of a batch: half a second a training step on an H200."""


@contextmanager
def quick_network(base: Base, precision: Precision = "auto", *, has_gradients: bool = False) -> Iterator[None]:
    """Let the network compute as fast as it can; at the end the base has its own weights again, bit for bit, and attends as before.

    In bfloat16 the frozen matrices are held cast, so that autocast, under which the network runs, finds nothing to cast in them. The states
    of `PLAIN` kinds stay in bfloat16 between the layers, and on a CPU these kinds attend by `attention.attend`. On a GPU, and in bfloat16
    on a CPU, the last layer computes what the pooling reads. On a CPU in float32 nothing changes: its products take nearly all of the time.

    Args:
        base: Its weights are not to be changed while this lasts.
        precision: Of matrix products.
        has_gradients: Whether gradients go back through the network. In float32 on a GPU it then attends as transformers has it: torch's fused
            kernels add some gradients in no fixed order, and those of one query for many keys gave other bits each time on an H200.
    """
    is_half, is_plain, is_gpu = uses_bf16(base.device, precision), base.model.config.model_type in PLAIN, base.device.type == "cuda"
    is_exact = is_gpu and has_gradients and not is_half
    with ExitStack() as stack:
        if is_half:
            for module in base.model.modules():
                if isinstance(module, nn.Linear) and not module.weight.requires_grad:
                    stack.enter_context(_held_cast(module))
        if is_half and is_plain:
            hook = base.model.embeddings.register_forward_hook(lambda _module, _inputs, states: states.bfloat16())
            stack.callback(hook.remove)
        if is_half and is_plain and base.device.type == "cpu":
            stack.enter_context(_own_attention(base))
        if is_gpu:
            stack.enter_context(sdpa_kernel(_GPU_ATTENTION))
        if is_gpu and is_plain and not is_exact:
            stack.callback(base.model.register_forward_pre_hook(_with_key_mask, with_kwargs=True).remove)
        if (is_gpu and not is_exact) or (is_half and base.device.type == "cpu"):
            stack.enter_context(first_token_alone(base))
        yield


def _with_key_mask(_: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the network the mask that its attention takes, (n, 1, 1, tokens) bool, which costs fewer operations than making one from ours."""
    return inputs, options | {"attention_mask": options["attention_mask"][:, None, None].bool()}


@contextmanager
def _held_cast(module: nn.Linear) -> Iterator[None]:
    weight, bias = module.weight, module.bias
    try:
        module.weight, module.bias = _half(weight), bias if bias is None or bias.requires_grad else _half(bias)
        yield
    finally:
        module.weight, module.bias = weight, bias


def _half(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().to(torch.bfloat16), requires_grad=False)


@contextmanager
def _own_attention(base: Base) -> Iterator[None]:
    before = base.model.config._attn_implementation
    attention.register()
    base.model.set_attn_implementation(attention.NAME)
    try:
        yield
    finally:
        base.model.set_attn_implementation(before)
