"""What hidden states depend on, by content: token ids, and the weights, layer and arithmetic that they go through."""

from __future__ import annotations

import hashlib
import json
from itertools import chain

import numpy as np
import torch

from ...base.load import Base
from ...choices import Precision
from ...disk import file_sha256
from ...encoders.forward import TokenIdsOfText, uses_bf16
from ...encoders.layer_cut import layers_of
from ...encoders.lora import ARITHMETIC
from ...versions import distribution_versions

_FORMAT = 1
_KEY_BYTES = 16


def states_space(base: Base, layer: int, precision: Precision) -> str:
    """Return the name of what the states that enter a layer depend on beside a text's token ids.

    Args:
        base: As it computes them. The weights below the layer are hashed as they are, whatever file they came from.
        layer: From 0.
        precision: Of the matrix products.
    """
    content = {
        "format": _FORMAT,
        "weights": _weights_hash(base, layer),
        "network": file_sha256(base.spec.folder / "config.json"),
        "layer": layer,
        "precision": "bf16" if uses_bf16(base.device, precision) else "fp32",
        "device": base.device.type,
        "attention": base.model.config._attn_implementation,
        "arithmetic": ARITHMETIC,
        "software": distribution_versions("torch", "transformers"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def text_key(ids: TokenIdsOfText) -> bytes:
    """Return the 16 bytes that a text is known by: a hash of its token ids, in which prompt, length and tokenizer have gone."""
    return hashlib.blake2b(np.asarray(ids, np.int32).tobytes(), digest_size=_KEY_BYTES).digest()


def _weights_hash(base: Base, layer: int) -> str:
    layers, found = layers_of(base), hashlib.blake2b(digest_size=_KEY_BYTES)
    assert layers is not None  # only what can be cut has states that are kept
    modules = (base.model.embeddings, *layers[:layer])
    for name, tensor in chain.from_iterable(module.state_dict().items() for module in modules):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return found.hexdigest()
