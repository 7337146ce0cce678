"""Texts for different adapters in one batch: each row goes through the base once, and through the factors of its own adapter.

Nothing is merged and nothing swapped, so that a server answers for many adapters in one forward pass. Rows are sorted by adapter, so that
the rows of one are multiplied with its factors in one product.

Source: the idea is that of https://arxiv.org/abs/2310.18547 (Punica), whose kernels gather the factors of each row; here rows are sorted
instead, and the products are torch's own.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch

from ..choices import Role
from ..errors import ConfigError, DataError
from ..plurals import count
from .batching import length_batches
from .forward import embed, too_little_memory
from .lora import LoraEncoder
from .protocol import Encoded, OnBatch, Tokens, Vectors, Work
from .quick import quick_network
from .row_by_row import ReadyFactors, Span, row_by_row
from .tokens import check_texts


@dataclass(frozen=True, slots=True)
class MixedEncoder:
    """Several adapters over one network, and the base among them where it is one.

    Attributes:
        members: Two or more on the same network, that pool and compute alike, under one projection head or none; each has its own instruction,
            lengths and tokenizer.
        work: What was computed so far in mixed batches.
    """

    members: tuple[LoraEncoder, ...]
    work: Work = field(default_factory=Work, compare=False)
    _ready: ReadyFactors = field(default_factory=ReadyFactors, init=False, compare=False)

    def __post_init__(self) -> None:
        first, *others = self.members
        for other in others:
            if other.base.network is not first.base.network:
                raise ConfigError(
                    f"the adapters lie on {first.base.spec.name} and {other.base.spec.name}, loaded apart; one batch goes through one network "
                    "(a whole model is a network of its own)"
                )
            if (other.base.encoding.pooling, other.precision) != (first.base.encoding.pooling, first.precision):
                raise ConfigError("the adapters pool or compute differently; what goes through the network in one batch does so alike")
            if _head(other) != _head(first):
                raise ConfigError(
                    "the adapters have projection heads of their own, and one batch goes through one head or none; encode with them one by one"
                )

    @property
    def dimension(self) -> int:
        """The width of the vectors."""
        return self.members[0].dimension

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return all that the vectors of a role depend on, member by member: each row's are those of its member."""
        return {"mixed": [member.content(role) for member in self.members]}

    def encode(self, texts: Sequence[str], adapters: Sequence[int], role: Role = "query", *, on_batch: OnBatch | None = None) -> Encoded:
        """Return the vectors of texts, (n, d) float32 of length 1, in their order.

        Where all texts are for one adapter, or for several that give texts of this role the same vectors (documents, of adapters for
        queries alone), they go the ordinary way, merged into the weights.

        Args:
            texts: What to encode.
            adapters: For each text, which of `members` encodes it.
            role: Of all of them.
            on_batch: Called after each batch with the number of its texts.

        Raises:
            DataError: a text is None or not a string, or the adapters are not one for each text; the row is named.
        """
        check_texts(texts, role)
        self._check(texts, adapters)
        alone = self._alone(adapters, role)
        if alone is not None:
            return alone.encode(texts, role, on_batch=on_batch)
        started, tokens = time.perf_counter(), self._tokenize(texts, adapters, role)
        first, vectors = self.members[0], np.empty((len(texts), self.dimension), np.float32)
        first.base.network.merge_weights(None, {})
        with torch.inference_mode(), quick_network(first.base, first.precision):
            for batch in length_batches([len(ids) for ids in tokens.ids], first.batch_budget):
                rows = sorted(batch, key=lambda row: adapters[row])
                vectors[rows] = self._embed([tokens.ids[row] for row in rows], [adapters[row] for row in rows], role)
                if on_batch:
                    on_batch(len(rows))
        self.work.texts += len(texts)
        self.work.seconds += time.perf_counter() - started
        return Encoded(vectors, np.array(tokens.is_cut, np.bool_))

    def _check(self, texts: Sequence[str], adapters: Sequence[int]) -> None:
        if len(adapters) != len(texts):
            raise DataError(f"there are {count(len(texts), 'text')} and {count(len(adapters), 'adapter')} for them; give one for each text")
        for row, adapter in enumerate(adapters, start=1):
            if not 0 <= adapter < len(self.members):
                raise DataError(f"row {row} is for adapter {adapter}; there are {len(self.members)}, counted from 0")

    def _alone(self, adapters: Sequence[int], role: Role) -> LoraEncoder | None:
        """Return the one encoder that all texts may go through; None: there are several."""
        used = [self.members[row] for row in sorted(set(adapters))] or [self.members[0]]
        first = used[0].content(role)
        return used[0] if all(other.content(role) == first for other in used[1:]) else None

    def _tokenize(self, texts: Sequence[str], adapters: Sequence[int], role: Role) -> Tokens:
        """Tokenise each text as its adapter does, those of one adapter together."""
        ids: list[list[int]] = [[] for _ in texts]
        is_cut = [False] * len(texts)
        for adapter in sorted(set(adapters)):
            rows = [row for row, own in enumerate(adapters) if own == adapter]
            tokens = self.members[adapter].tokenize([texts[row] for row in rows], role)
            for row, own, cut in zip(rows, tokens.ids, tokens.is_cut, strict=True):
                ids[row], is_cut[row] = own, cut
        return Tokens(ids, is_cut)

    def _embed(self, ids: list[list[int]], adapters: list[int], role: Role) -> Vectors:
        """Embed a batch, the rows of one adapter together; where the GPU's memory runs out, in halves."""
        first = self.members[0]
        with suppress(torch.OutOfMemoryError), self._row_by_row(adapters, role):
            return embed(first.base, ids, first.precision).cpu().numpy()
        if len(ids) == 1:
            raise too_little_memory(first.base.device, len(ids[0]))
        half = len(ids) // 2
        return np.concatenate([self._embed(ids[rows], adapters[rows], role) for rows in (slice(half), slice(half, None))])

    def _row_by_row(self, adapters: Sequence[int], role: Role) -> AbstractContextManager[None]:
        """Let the modules add to each row what its adapter's factors make of it; the rows of one adapter stand together."""
        runs = [(adapter, len(list(run))) for adapter, run in groupby(adapters)]
        ends = np.cumsum([length for _, length in runs]).tolist()
        spans = [
            (slice(end - length, end), self._ready.of(self.members[adapter], role))
            for (adapter, length), end in zip(runs, ends, strict=True)
        ]
        by_module: dict[str, list[Span]] = {}
        for rows, changes in spans:
            for name, change in changes.items():
                by_module.setdefault(name, []).append(Span(rows, (change,)))
        return row_by_row(dict(self.members[0].base.model.named_modules()), len(adapters), by_module)


def _head(member: LoraEncoder) -> str | None:
    return None if member.base.head is None else member.base.head.sha256()
