"""Token ids -> vectors: one batch through the network, and what it is computed on and in."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.load import Base, pool
from ..choices import Precision
from ..errors import ConfigError

TokenIdsOfText = Sequence[int] | NDArray[np.int32]

PLAIN = frozenset(("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert"))
"""Kinds of network (`model_type`) whose layers read nothing but the states, and whose attention is the softmax of scaled scores alone."""


def embed(base: Base, ids: Sequence[TokenIdsOfText], precision: Precision = "auto") -> Tensor:
    """Run one batch of token ids through the network: (n, d) float32 vectors of length 1, with gradients where they are on."""
    tokens, mask = as_tensors(base, ids)
    with torch.autocast(base.device.type, torch.bfloat16, enabled=uses_bf16(base.device, precision)):
        hidden = base.model(input_ids=tokens, attention_mask=mask).last_hidden_state
    return as_vectors(base, hidden.float(), mask)


def as_vectors(base: Base, hidden: Tensor, mask: Tensor) -> Tensor:
    """Pool states, (n, tokens, d) under a mask, (n, tokens), map them by the base's head where it has one, and bring them to length 1: (n, w)."""
    pooled = pool(hidden, mask, base.encoding.pooling)
    return torch.nn.functional.normalize(pooled if base.head is None else base.head.project(pooled), dim=-1)


def as_tensors(base: Base, ids: Sequence[TokenIdsOfText]) -> tuple[Tensor, Tensor]:
    """Return padded token ids and which of them count, both (n, tokens), on the device of the base, in one transfer."""
    padded = np.full((len(ids), max(map(len, ids))), -1)
    for row, values in zip(padded, ids, strict=True):
        row[: len(values)] = values
    tokens = torch.from_numpy(padded).to(base.device)
    mask = tokens >= 0
    return tokens.where(mask, int(base.tokenizer.pad_token_id)), mask.long()


def too_little_memory(device: torch.device, tokens: int) -> ConfigError:
    """Return the error of a device whose memory does not suffice for one text."""
    return ConfigError(f"{device} has too little free memory for one text of {tokens} tokens; lower --max-tokens, or use --device cpu")


def uses_bf16(device: torch.device, precision: Precision) -> bool:
    """Return whether matrix products run in bfloat16: on request, or where the processor or GPU has it."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def choose_device(name: str | None = None) -> torch.device:
    """Return the device called `name`, or the best one here: CUDA, MPS, CPU.

    Raises:
        ConfigError: the name is unknown, or that device is not here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name is None or name == "auto":
        return torch.device(next(kind for kind, there in here.items() if there))
    kind = name.split(":")[0]
    if not here.get(kind, False):
        raise ConfigError(f"device {name!r} is not available; this machine has {', '.join(k for k, there in here.items() if there)}")
    return torch.device(name)
