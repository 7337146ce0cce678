"""A base's network once more, with other values of some parameters."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from .load import Base, Network


@torch.no_grad()
def copy_base(base: Base, parameters: Mapping[str, Tensor], name: str) -> Base:
    """Return a base of its own weights, which shares nothing with the one that it is made from but the tokenizer.

    Args:
        base: An adapter that lies over its weights is taken off.
        parameters: The values that differ, by name.
        name: What the weights are called.

    Raises:
        ValueError: the network has no parameter of such a name and shape.
    """
    base.network.merge_weights(None, {})
    model = copy.deepcopy(base.model)
    own, digest = dict(model.named_parameters()), hashlib.sha256(base.spec.sha256.encode())
    for path, tensor in sorted(parameters.items()):
        if path not in own or own[path].shape != tensor.shape:
            raise ValueError(f"{path} {tuple(tensor.shape)} is not a parameter of {base.spec.name}")
        own[path].copy_(tensor)
        digest.update(path.encode() + tensor.contiguous().numpy().tobytes())
    spec = replace(base.spec, sha256=digest.hexdigest(), hub_id=None, revision=None, alias=None, called=name)
    return replace(base, network=Network(spec, model))
