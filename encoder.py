"""Texts and a role -> (n, d) vectors: batches by length under a token budget, an adapter's weights laid over the base."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .base.load import Base, pool
from .errors import ConfigError, DataError, unknown_name
from .lora import LoraFactors, factors_sha256

Role = Literal["query", "document"]
Precision = Literal["auto", "fp32", "bf16"]
Vectors = NDArray[np.float32]

CPU_BATCH_TOKENS = 1024  # what lies between the layers stays in the cache: 8 % more tokens/s than 2048, in fp32 as in bf16
GPU_BATCH_TOKENS = 65536


class Encoder(Protocol):
    """Anything that turns texts into vectors."""

    def encode(self, texts: Sequence[str], role: Role = "document") -> Vectors:
        """Return (n, d) float32 vectors of length 1, in the order of `texts`."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokenised texts: one list of ids a text, and how many texts had to be truncated."""

    ids: list[list[int]]
    truncated: int


@dataclass(slots=True)
class LoraEncoder:
    """A base with at most one adapter over it.

    `document_factors` None means that documents get the same adapter as queries (`factors`); an empty dict leaves them to the base.
    `truncated` counts the texts cut so far, `on_batch` is told how many texts each batch held.
    """

    base: Base
    factors: LoraFactors | None = None
    document_factors: LoraFactors | None = None
    precision: Precision = "auto"
    max_tokens: int | None = None
    batch_tokens: int | None = None
    on_batch: Callable[[int], None] | None = None
    truncated: int = 0

    def encode(self, texts: Sequence[str], role: Role = "document") -> Vectors:
        """Return (n, d) float32 vectors of length 1, in the order of `texts`.

        Raises:
            DataError: a text is None or no string; its row is named.
        """
        if role not in get_args(Role):
            raise ValueError(unknown_name("role", role, get_args(Role)))
        tokens = tokenize(self.base, texts, role, self.max_tokens)
        self.truncated += tokens.truncated
        self._lay_over(role)
        vectors = np.empty((len(texts), self.base.spec.dimension), np.float32)
        budget = self.batch_tokens or (CPU_BATCH_TOKENS if self.base.device.type == "cpu" else GPU_BATCH_TOKENS)
        with torch.inference_mode():
            for rows in length_batches([len(ids) for ids in tokens.ids], budget):
                vectors[rows] = embed(self.base, [tokens.ids[row] for row in rows], self.precision).cpu().numpy()
                if self.on_batch:
                    self.on_batch(len(rows))
        return vectors

    def _lay_over(self, role: Role) -> None:
        factors = self.document_factors if role == "document" and self.document_factors is not None else self.factors
        if not factors:
            self.base.lay_over(None, {})
            return
        key, device = factors_sha256(factors), self.base.device
        if key != self.base.laid:
            self.base.lay_over(key, {name: module.delta().to(device) for name, module in factors.items()})


def tokenize(base: Base, texts: Sequence[str], role: Role, max_tokens: int | None = None) -> Tokens:
    """Tokenise texts with the base's instruction for the role, truncated to `max_tokens`, and never longer than the base reads.

    Raises:
        DataError: a text is None or no string; its row is named.
    """
    if isinstance(texts, str):
        raise TypeError("texts is one string; expected a list of them")
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise DataError(f"row {row} is {'empty (None)' if text is None else f'a {type(text).__name__}'}; every row must be a text")
    prompt = base.spec.prompt(role)
    longest = min(max_tokens or base.spec.max_tokens, base.spec.max_tokens)
    encodings = base.backend_tokenizer(longest).encode_batch([_clean(prompt + text) for text in texts])
    return Tokens([encoding.ids for encoding in encodings], sum(bool(encoding.overflowing) for encoding in encodings))


def _clean(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")


def length_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut rows, longest first, into batches whose padded size is at most `budget` tokens (a single text may exceed it)."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    batches: list[list[int]] = []
    for row in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


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
    return torch.nn.functional.normalize(pool(hidden.float(), mask, base.spec.pooling), dim=-1)


def uses_bf16(device: torch.device, precision: Precision) -> bool:
    """Say whether matrix products run in bfloat16: on request, or where the processor or GPU has it."""
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
        raise ConfigError(f"device {name!r} is not here; this machine has {', '.join(k for k, there in here.items() if there)}")
    return torch.device(name)
