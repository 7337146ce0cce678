"""The encoder that runs a network: batches by length under a token budget, an adapter merged into the base's weights."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import torch

from ..base.load import Base
from ..choices import Precision, Role, Side
from ..disk import file_sha256
from ..lora import LoraFactors, factors_sha256
from .batching import default_batch_tokens, length_batches
from .forward import embed, too_little_memory, uses_bf16
from .protocol import Encoded, NetworkEncoder, OnBatch, SharedTokens, Tokens, Vectors, Work
from .quick import quick_network
from .tokens import check_texts, tokenize

ARITHMETIC = 2
"""Counts the ways in which `quick_network` has computed; vectors that were kept from an earlier one are computed anew."""
AS_THE_BASE = 2**31
"""A length that no base reads: texts are then truncated to what the base does read."""


@dataclass(frozen=True, slots=True)
class LoraEncoder:
    """A base with at most one adapter over it.

    Attributes:
        base: The network, and how texts go in.
        factors: The adapter; None or empty: the base itself. They are hashed once, and must not change afterwards.
        document_factors: Of documents; None: those of queries (`factors`), an empty dict: the base itself.
        precision: Of matrix products.
        max_tokens: Texts are truncated to it; what is more than the base reads is brought down to that.
        batch_tokens: The padded tokens of a batch; None: by device.
        work: What was computed so far.
        sha256: Role -> the hash of its factors, None where there are none.
    """

    base: Base
    factors: LoraFactors | None = None
    document_factors: LoraFactors | None = None
    precision: Precision = "auto"
    max_tokens: int = AS_THE_BASE
    batch_tokens: int | None = None
    work: Work = field(default_factory=Work, compare=False)
    sha256: dict[Role, str | None] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        query = _hash(self.factors)
        document = query if self.document_factors is None else _hash(self.document_factors)
        object.__setattr__(self, "sha256", {"query": query, "document": document})
        object.__setattr__(self, "max_tokens", min(self.max_tokens, self.base.encoding.longest()))

    @property
    def dimension(self) -> int:
        """The width of its vectors."""
        return self.base.dimension

    @property
    def computes_in(self) -> str:
        """What matrix products are computed in here: `bf16` or `fp32`."""
        return "bf16" if uses_bf16(self.base.device, self.precision) else "fp32"

    @property
    def batch_budget(self) -> int:
        """The padded tokens that a batch may hold."""
        return self.batch_tokens or default_batch_tokens(self.base.device)

    def longest(self, role: Role) -> int:
        """Return the length in tokens that texts of a role are truncated to."""
        return min(self.max_tokens, self.base.encoding.longest(role))

    def factors_of(self, role: Role) -> LoraFactors:
        """Return the factors that texts of a role go through; empty: the base alone."""
        own = self.document_factors if role == "document" and self.document_factors is not None else self.factors
        return own or {}

    def networks(self) -> tuple[NetworkEncoder, ...]:
        """Return itself."""
        return (self,)

    def with_networks(self, networks: Sequence[NetworkEncoder]) -> NetworkEncoder:
        """Return the one network."""
        (network,) = networks
        return network

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return base, adapter, and how texts of a role go in and come out, each by its content; None: of each role.

        Roles that share all of it share their vectors: an adapter for queries alone has the document vectors of its base.
        """
        if role is None:
            return {each: self.content(each) for each in get_args(Role)}
        spec, encoding = self.base.spec, self.base.encoding
        return {
            "base": spec.sha256,
            "network": file_sha256(spec.folder / "config.json"),
            "tokenizer": self.base.tokenizer_hash,
            "pooling": encoding.pooling,
            "prompt": encoding.prompt(role),
            "factors": self.sha256[role],
            "precision": self.computes_in,
            "device": self.base.device.type,
            "max_tokens": self.longest(role),
            **self._arithmetic(),
            **({} if self.base.head is None else {"head": self.base.head.sha256()}),
        }

    def _arithmetic(self) -> dict[str, object]:
        """Return the way of computing where it has changed since vectors were first kept: in bfloat16, and on a GPU."""
        is_exact = self.computes_in == "fp32" and self.base.device.type == "cpu"
        return {} if is_exact else {"arithmetic": ARITHMETIC}

    def tokenize(self, texts: Sequence[str], role: Role) -> Tokens:
        """Return texts as the network reads them.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        return tokenize(self.base, texts, role, self.max_tokens)

    def encode(
        self, texts: Sequence[str], role: Role = "document", *, on_batch: OnBatch | None = None, shared: SharedTokens | None = None
    ) -> Encoded:
        """Return the vectors of texts: (n, d) float32 of length 1, in their order.

        Args:
            texts: What to encode.
            role: Of all of them.
            on_batch: Called after each batch with the number of its texts.
            shared: The same texts as other networks have tokenised them.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        check_texts(texts, role)
        tokens = self._tokens(texts, role, {} if shared is None else shared)
        started = time.perf_counter()
        self.merge_weights(role)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        with torch.inference_mode(), quick_network(self.base, self.precision):
            for rows in length_batches([len(ids) for ids in tokens.ids], self.batch_budget):
                vectors[rows] = self._embed([tokens.ids[row] for row in rows])
                if on_batch:
                    on_batch(len(rows))
        self.work.texts += len(texts)
        self.work.seconds += tokens.seconds + time.perf_counter() - started
        return Encoded(vectors, np.array(tokens.is_cut, np.bool_))

    def _tokens(self, texts: Sequence[str], role: Role, shared: SharedTokens) -> Tokens:
        decided_by = (self.base.tokenizer_hash, self.base.encoding.prompt(role), self.longest(role))
        if decided_by not in shared:
            shared[decided_by] = self.tokenize(texts, role)
        return shared[decided_by]

    def _embed(self, ids: list[list[int]]) -> Vectors:
        """Embed a batch; where the GPU's memory runs out, in halves."""
        with contextlib.suppress(torch.OutOfMemoryError):
            return embed(self.base, ids, self.precision).cpu().numpy()
        if len(ids) == 1:
            raise too_little_memory(self.base.device, len(ids[0]))
        half = len(ids) // 2
        return np.concatenate([self._embed(ids[:half]), self._embed(ids[half:])])

    def merge_weights(self, role: Role) -> None:
        """Merge the factors of a role into the network's weights, where they are not there already."""
        key, network = self.sha256[role], self.base.network
        if key == network.merged:
            return
        network.merge_weights(key, {name: module.delta().to(network.device) for name, module in self.factors_of(role).items()})


def document_factors_of(side: Side) -> LoraFactors | None:
    """Return the factors of documents under an adapter of a side: none at all, or (None) those of queries."""
    return {} if side == "query" else None


def _hash(factors: LoraFactors | None) -> str | None:
    return factors_sha256(factors) if factors else None
