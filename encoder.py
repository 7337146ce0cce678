"""Texts and a role -> (n, d) vectors: batches by length under a token budget, an adapter's weights laid over the base."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, get_args, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .base.load import Base, pool
from .choices import Precision as Precision
from .choices import Role as Role
from .errors import ConfigError, DataError, unknown_name
from .lora import LoraFactors, factors_sha256

Vectors = NDArray[np.float32]

CPU_BATCH_TOKENS = 1024  # what lies between the layers stays in the cache: 8 % more tokens/s than 2048, in fp32 as in bf16
GPU_BATCH_TOKENS = 65536


Ranking = list[tuple[int, float]]
"""Rows of passages with their scores, the best first."""


class Encoder(Protocol):
    """Anything that turns texts into vectors."""

    def encode(self, texts: Sequence[str], role: Role = "document") -> Vectors:
        """Return (n, d) float32 vectors of length 1, in the order of `texts`."""
        ...


@runtime_checkable
class Searcher(Protocol):
    """Anything that ranks passages for queries, without vectors of its own."""

    def search(self, queries: Sequence[str], passages: Sequence[str], top_k: int) -> list[Ranking]:
        """Return for each query the `top_k` best passages (all of them, where they are fewer)."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokenised texts: one list of ids a text, and which texts had to be truncated."""

    ids: list[list[int]]
    is_cut: list[bool]

    @property
    def truncated(self) -> int:
        """How many texts had to be truncated."""
        return sum(self.is_cut)


@dataclass(slots=True)
class Work:
    """What an encoder has really computed so far: texts, and the seconds that they took, tokenising included."""

    texts: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class LoraEncoder:
    """A base with at most one adapter over it.

    `document_factors` None means that documents get the same adapter as queries (`factors`); an empty dict leaves them to the base.
    `truncated` counts the texts cut so far, `on_batch` is told how many texts each batch held. `work` is what was computed so far.
    """

    base: Base
    factors: LoraFactors | None = None
    document_factors: LoraFactors | None = None
    precision: Precision = "auto"
    max_tokens: int | None = None
    batch_tokens: int | None = None
    on_batch: Callable[[int], None] | None = None
    truncated: int = 0
    work: Work = field(default_factory=Work, compare=False)

    def encode(self, texts: Sequence[str], role: Role = "document") -> Vectors:
        """Return (n, d) float32 vectors of length 1, in the order of `texts`.

        Raises:
            DataError: a text is None or no string; its row is named.
        """
        each = encode_each([self], texts, role, self.on_batch)
        self.truncated += each.truncated
        return each.vectors[0]

    @property
    def batch_budget(self) -> int:
        """The padded tokens that a batch may hold."""
        return self.batch_tokens or default_batch_tokens(self.base.device)

    def _run(self, ids: list[list[int]], batches: list[list[int]], role: Role, tell: Callable[[int], None]) -> Vectors:
        self._lay_over(role)
        vectors = np.empty((len(ids), self.base.spec.dimension), np.float32)
        with torch.inference_mode():
            for rows in batches:
                vectors[rows] = self._embed([ids[row] for row in rows])
                tell(len(rows))
        return vectors

    def _embed(self, ids: list[list[int]]) -> Vectors:
        """Embed a batch; where the GPU's memory runs out, in halves."""
        with contextlib.suppress(torch.OutOfMemoryError):
            return embed(self.base, ids, self.precision).cpu().numpy()
        if len(ids) == 1:
            raise ConfigError(
                f"{self.base.device} has too little free memory for one text of {len(ids[0])} tokens; lower --max-tokens, or use --device cpu"
            )
        half = len(ids) // 2
        return np.concatenate([self._embed(ids[:half]), self._embed(ids[half:])])

    def _lay_over(self, role: Role) -> None:
        factors = self.document_factors if role == "document" and self.document_factors is not None else self.factors
        if not factors:
            self.base.lay_over(None, {})
            return
        key, device = factors_sha256(factors), self.base.device
        if key != self.base.laid:
            self.base.lay_over(key, {name: module.delta().to(device) for name, module in factors.items()})


@dataclass(frozen=True, slots=True)
class EachEncoded:
    """The same texts as several encoders see them: (n, d) vectors of each, and how many texts at least one of them truncated."""

    vectors: list[Vectors]
    truncated: int


def encode_each(
    encoders: Sequence[LoraEncoder], texts: Sequence[str], role: Role, on_batch: Callable[[int], None] | None = None
) -> EachEncoded:
    """Encode texts with several encoders: those on one base share its tokenising and its batches.

    Args:
        encoders: One or more, on one base or on several.
        texts: What to encode.
        role: Of all of them.
        on_batch: Told how many texts are done since it was last told; a text is done when its share of all encoders' work is.

    Raises:
        DataError: a text is None or no string; its row is named.
    """
    if role not in get_args(Role):
        raise ValueError(unknown_name("role", role, get_args(Role)))
    tell = _Shares(len(encoders), on_batch)
    vectors: dict[int, Vectors] = {}
    is_cut = np.zeros(len(texts), bool)
    for group in _alike(encoders):
        first, started = encoders[group[0]], time.perf_counter()
        tokens = tokenize(first.base, texts, role, first.max_tokens)
        is_cut |= np.array(tokens.is_cut, bool)
        batches = length_batches([len(ids) for ids in tokens.ids], first.batch_budget)
        tokenising = time.perf_counter() - started
        for number in group:
            started = time.perf_counter()
            vectors[number] = encoders[number]._run(tokens.ids, batches, role, tell)
            encoders[number].work.texts += len(texts)
            encoders[number].work.seconds += tokenising + time.perf_counter() - started
    return EachEncoded([vectors[number] for number in range(len(encoders))], int(is_cut.sum()))


def _alike(encoders: Sequence[LoraEncoder]) -> list[list[int]]:
    """Return the numbers of encoders in groups that tokenise and batch alike."""
    groups: dict[tuple[int, int | None, int], list[int]] = {}
    for number, encoder in enumerate(encoders):
        groups.setdefault((id(encoder.base), encoder.max_tokens, encoder.batch_budget), []).append(number)
    return list(groups.values())


@dataclass(slots=True)
class _Shares:
    """Passes the batches of several encoders on as whole texts: n texts in all, not n for each encoder."""

    encoders: int
    tell: Callable[[int], None] | None
    done: int = 0
    told: int = 0

    def __call__(self, texts: int) -> None:
        self.done += texts
        new = self.done // self.encoders - self.told
        if self.tell and new:
            self.told += new
            self.tell(new)


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
    longest = min(max_tokens or base.spec.longest(role), base.spec.longest(role))
    encodings = base.backend_tokenizer(longest).encode_batch([_clean(prompt + text) for text in texts])
    return Tokens([encoding.ids for encoding in encodings], [bool(encoding.overflowing) for encoding in encodings])


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


def default_batch_tokens(device: torch.device) -> int:
    """Return the padded tokens that a batch holds at most where nothing else is said."""
    return CPU_BATCH_TOKENS if device.type == "cpu" else GPU_BATCH_TOKENS


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
