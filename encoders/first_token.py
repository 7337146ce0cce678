"""Pooling by the first token reads one state of the last layer: there, the other states serve as keys and values alone."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ..base.load import Base

LIKE_BERT = frozenset(("bert", "roberta", "xlm-roberta", "camembert", "electra"))
"""Kinds of network (`model_type`) whose layers have the modules that BERT's have, under the same names."""


@contextmanager
def first_token_alone(base: Base) -> Iterator[None]:
    """Let the last layer of a `LIKE_BERT` kind compute the state of the first token alone, where the pooling is `cls`.

    The network then returns (n, 1, d) states, the first of those that it would return. Nothing else changes.
    """
    if base.encoding.pooling != "cls" or base.model.config.model_type not in LIKE_BERT:
        yield
        return
    attention = base.model.encoder.layer[-1].attention
    hook = attention.output.register_forward_pre_hook(lambda _module, inputs: (inputs[0], inputs[1][:, :1]))
    attention.self.forward = functools.partial(_attend, attention.self)
    try:
        yield
    finally:
        del attention.self.forward
        hook.remove()


def _attend(module: Any, states: Tensor, attention_mask: Tensor | None = None, **_: Any) -> tuple[Tensor, Tensor | None]:
    """Attend as the module does, from the first token: (n, tokens, d) -> (n, 1, d)."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    def heads(linear: nn.Module, values: Tensor) -> Tensor:
        result: Tensor = linear(values).unflatten(-1, (-1, module.attention_head_size)).transpose(1, 2)
        return result  # (n, heads, tokens, width)

    attend = ALL_ATTENTION_FUNCTIONS[module.config._attn_implementation]
    query, key, value = heads(module.query, states[:, :1]), heads(module.key, states), heads(module.value, states)
    mask = None if attention_mask is None else attention_mask[:, :, :1]  # (n, 1, 1, tokens)
    mixed, weights = attend(module, query, key, value, mask, dropout=0.0, scaling=module.scaling)
    return mixed.flatten(2), weights
