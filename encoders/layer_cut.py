"""A network cut before one of its layers: what comes below gives hidden states, and what comes from there on begins with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..base.load import Base
from ..choices import Precision
from .forward import TokenIdsOfText, as_tensors, as_vectors, uses_bf16

LAYERS = {
    "bert": "encoder",
    "roberta": "encoder",
    "xlm-roberta": "encoder",
    "camembert": "encoder",
    "distilbert": "transformer",
}
"""Kind of network (`model_type`) that can be cut -> the module whose list `layer` holds its layers, all that is between its embeddings and
its last states."""


def layers_of(base: Base) -> nn.ModuleList | None:
    """Return the layers of a network; None where it is of a kind that is not cut."""
    stack = LAYERS.get(base.model.config.model_type)
    return None if stack is None else base.model.get_submodule(stack).layer


def first_trained_layer(base: Base) -> int:
    """Return the number of the first layer, from 0, that a gradient goes into; their count, where all that is trained comes after them.

    0 where the embeddings are trained, and for kinds that are not cut.
    """
    layers = layers_of(base)
    if layers is None or _is_trained(base.model.embeddings):
        return 0
    return next((number for number, layer in enumerate(layers) if _is_trained(layer)), len(layers))


def _is_trained(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def states_before(base: Base, ids: Sequence[TokenIdsOfText], layer: int, precision: Precision = "auto") -> Tensor:
    """Return the hidden states that enter a layer, (n, tokens, d), in the precision that they are computed in; without gradients.

    Args:
        base: As `quick_network` has it, or plain.
        ids: Of one batch; the states of padding are of no use.
        layer: From 0; the number of layers stands for the last states.
        precision: Of the matrix products.
    """
    tokens, mask = as_tensors(base, ids)
    with torch.no_grad(), _layers(base, slice(layer)), _autocast(base, precision):
        states: Tensor = base.model(input_ids=tokens, attention_mask=mask).last_hidden_state
    return states


def embed_states(base: Base, states: Sequence[Tensor], layer: int, precision: Precision = "auto") -> Tensor:
    """Run one batch through the network from a layer on: (n, d) float32 vectors of length 1, with gradients where they are on.

    Args:
        base: Its embeddings and the layers below are not computed.
        states: What `states_before` gave for the tokens of each text, (tokens, d).
        layer: That they enter.
        precision: Of the matrix products.
    """
    padded = nn.utils.rnn.pad_sequence(list(states), batch_first=True).to(base.device)  # (n, tokens, d)
    lengths = torch.tensor([len(each) for each in states])
    mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long().to(base.device)  # (n, tokens)
    with _layers(base, slice(layer, None)), _given_embeddings(base), _autocast(base, precision):
        hidden = base.model(inputs_embeds=padded, attention_mask=mask).last_hidden_state
    return as_vectors(base, hidden.float(), mask)


def _autocast(base: Base, precision: Precision) -> torch.autocast:
    return torch.autocast(base.device.type, torch.bfloat16, enabled=uses_bf16(base.device, precision))


@contextmanager
def _layers(base: Base, kept: slice) -> Iterator[None]:
    """Have the network consist of some of its layers."""
    stack = base.model.get_submodule(LAYERS[base.model.config.model_type])
    whole = stack.layer
    try:
        stack.layer = whole[kept]
        yield
    finally:
        stack.layer = whole


@contextmanager
def _given_embeddings(base: Base) -> Iterator[None]:
    """Have the network take what it is given for the output of its embeddings."""
    embeddings = base.model.embeddings
    try:
        embeddings.forward = _pass_on
        yield
    finally:
        del embeddings.forward


def _pass_on(input_ids: None = None, inputs_embeds: Tensor | None = None, *_: object, **__: object) -> Tensor | None:  # noqa: ARG001
    return inputs_embeds
