"""Attention in bfloat16 on a CPU, where torch's fused kernel takes as long as in float32: two matrix products around one pass over the scores."""

import math
from typing import Any

import torch
from torch import Tensor, nn

NAME = "adapt_bf16"
"""What transformers knows this attention by, once `register` was called."""

_LEAST, _MOST = 1e-20, 1e30  # sums of exponentials between which bfloat16 neither overflows nor loses terms that count


def register() -> None:
    """Make the attention and its mask known to transformers; a second call does nothing new."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, key_mask)


def key_mask(*_: object, attention_mask: Tensor | None = None, **__: object) -> Tensor | None:
    """Return which keys count as (n, 1, 1, tokens) bool; None where all do."""
    if attention_mask is None or bool(attention_mask.all()):
        return None
    return attention_mask.bool()[:, None, None]


def attend(
    module: nn.Module,  # noqa: ARG001 - transformers gives it
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Weigh the values by the softmax of the scaled scores, over the keys that count.

    The weights are divided by their sum after the product with the values, where there are fewer numbers; the sum itself is a column of that
    product, and keys that do not count are rows of zeros in it. No maximum is subtracted first: where a sum shows that the exponentials
    left bfloat16's range, the scores go through torch's softmax instead.

    Args:
        module: Not used.
        query: (n, heads, tokens, width) bfloat16, as are `key` and `value`.
        key: As `query`.
        value: As `query`.
        attention_mask: What `key_mask` returned.
        scaling: Of the scores; None: the square root of the width, divided into one.

    Returns:
        (n, tokens, heads, width), and None for the weights.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    result: Tensor = _Attention.apply(query, key, value, attention_mask, scale)  # type: ignore[no-untyped-call]
    return result.transpose(1, 2), None


class _Attention(torch.autograd.Function):
    """Keeps the exponentials alone of what is as large as the scores, and makes their gradient in one pass.

    With w = exp(scores), s their sums over the keys, o the result and g its gradient over s, that of the scores is w * (g v' - sum(g * o)).
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:  # type: ignore[override]
        joined = _with_ones(value, mask)
        weights = torch.matmul(query * (scale * math.log2(math.e)), key.transpose(2, 3)).exp2_()  # (n, heads, tokens, tokens)
        mixed = weights @ joined  # (n, heads, tokens, width + 1)
        low, high = torch.aminmax(mixed[..., -1])
        if not (low > _LEAST and high < _MOST):  # a sum that is not a number fails both
            weights = _softmax(query * scale, key, mask)
            mixed = weights @ joined
        sums = mixed[..., -1:]
        result = mixed[..., :-1] / sums
        ctx.save_for_backward(query, key, joined, mask, weights, sums, result)
        ctx.scale = scale
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        query, key, joined, mask, weights, sums, result = ctx.saved_tensors
        grad = grad / sums
        of_value = weights.transpose(2, 3) @ grad
        of_weights = torch.cat((grad, -(grad * result).sum(-1, keepdim=True)), dim=-1)  # (n, heads, tokens, width + 1)
        of_scores = (of_weights @ joined.transpose(2, 3)).mul_(weights)  # (n, heads, tokens, tokens)
        of_query, of_key = of_scores @ key, of_scores.transpose(2, 3) @ query
        return (
            of_query.mul_(ctx.scale),
            of_key.mul_(ctx.scale),
            of_value if mask is None else of_value.mul_(mask.transpose(2, 3)),
            None,
            None,
        )


def _with_ones(value: Tensor, mask: Tensor | None) -> Tensor:
    """Append a column of ones, and set to zero the rows of the keys that do not count: (n, heads, tokens, width + 1)."""
    ones = value.new_ones(()).expand(*value.shape[:-1], 1)
    joined = torch.cat((value, ones), dim=-1)
    return joined if mask is None else joined.mul_(mask.transpose(2, 3))


def _softmax(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    scores = torch.matmul(query, key.transpose(2, 3))  # (n, heads, tokens, tokens)
    if mask is not None:
        scores.masked_fill_(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1)
