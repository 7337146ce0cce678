"""Token ids -> vectors: one batch through the network, and what it is computed on and in."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..base.load import Base, pool
from ..choices import Precision
from ..errors import ConfigError


def embed(base: Base, ids: Sequence[Sequence[int]], precision: Precision = "auto") -> Tensor:
    """Run one batch of token ids through the network: (n, d) float32 vectors of length 1, with gradients where they are on."""
    width = max(len(row) for row in ids)
    tokens = torch.full((len(ids), width), int(base.tokenizer.pad_token_id))  # (n, tokens)
    mask = torch.zeros((len(ids), width), dtype=torch.long)
    for row, values in enumerate(ids):
        tokens[row, : len(values)] = torch.tensor(values)
        mask[row, : len(values)] = 1
    tokens, mask = tokens.to(base.device), mask.to(base.device)
    with torch.autocast(base.device.type, torch.bfloat16, enabled=uses_bf16(base.device, precision)):
        hidden = base.model(input_ids=tokens, attention_mask=mask).last_hidden_state
    return torch.nn.functional.normalize(pool(hidden.float(), mask, base.encoding.pooling), dim=-1)


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
