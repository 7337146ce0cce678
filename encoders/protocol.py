"""What the rest of the code relies on in an encoder: its results, what it is made of, and what its vectors depend on. No torch.

An `Encoder` gives vectors, a `Searcher` ranks passages and has none. Both are made of networks (`networks`), which are what costs are
counted of and what a cache stands before; whatever puts vectors together or maps them gets both for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ..choices import Role

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Vectors = NDArray[np.float32]

Ranking = list[tuple[int, float]]
"""Rows of passages with their scores, the best first."""

OnBatch = Callable[[int], None]
"""Called with how many texts are done since the last call."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as vectors: `vectors`, (n, d) float32 of length 1, in the order of the texts, and which texts were truncated, (n,)."""

    vectors: Vectors
    is_cut: NDArray[np.bool_]

    @property
    def truncated(self) -> int:
        """How many texts were truncated."""
        return int(self.is_cut.sum())


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best passages of each query, and which texts were truncated: queries, (q,), and passages, (p,)."""

    rankings: list[Ranking]
    is_query_cut: NDArray[np.bool_]
    is_passage_cut: NDArray[np.bool_]

    @property
    def truncated(self) -> int:
        """How many texts were truncated."""
        return int(self.is_query_cut.sum() + self.is_passage_cut.sum())


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokenised texts: one list of ids a text, which texts were truncated, and how long it took."""

    ids: list[list[int]]
    is_cut: list[bool]
    seconds: float = 0.0

    @property
    def truncated(self) -> int:
        """How many texts were truncated."""
        return sum(self.is_cut)


SharedTokens = dict[Hashable, Tokens]
"""The same texts as encoders have tokenised them so far, by all that decides about their tokens."""


@dataclass(slots=True)
class Work:
    """What a network has computed so far: texts, and the seconds that they took, tokenising included."""

    texts: int = 0
    seconds: float = 0.0


class Encodes(Protocol):
    """What a dev score asks of an encoder."""

    def encode(self, texts: Sequence[str], role: Role = "document") -> Encoded:
        """Return the vectors of texts."""
        ...


class Encoder(Protocol):
    """Anything that turns texts into vectors."""

    @property
    def dimension(self) -> int:
        """The width of its vectors."""
        ...

    @property
    def max_tokens(self) -> int:
        """The length, in tokens, that no network truncates; a role may have a smaller one."""
        ...

    def encode(self, texts: Sequence[str], role: Role = "document", *, on_batch: OnBatch | None = None) -> Encoded:
        """Return the vectors of texts.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        ...

    def networks(self) -> tuple[NetworkEncoder, ...]:
        """Return the encoders that run a network each, in their order; one that is such an encoder returns itself."""
        ...

    def with_networks(self, networks: Sequence[NetworkEncoder]) -> Encoder:
        """Return the same over other networks, one for each of `networks()`."""
        ...

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return all that the vectors of a role depend on (None: of both roles), by content, as JSON can hold it."""
        ...


class NetworkEncoder(Encoder, Protocol):
    """An encoder that runs one network, or stands before one that does."""

    @property
    def work(self) -> Work:
        """What it has really computed so far."""
        ...

    @property
    def computes_in(self) -> str:
        """What matrix products are computed in: `bf16` or `fp32`."""
        ...

    @property
    def batch_budget(self) -> int:
        """The padded tokens that a batch may hold."""
        ...

    def tokenize(self, texts: Sequence[str], role: Role) -> Tokens:
        """Return texts as the network reads them; raises as `encode`."""
        ...

    def encode(
        self, texts: Sequence[str], role: Role = "document", *, on_batch: OnBatch | None = None, shared: SharedTokens | None = None
    ) -> Encoded:
        """Return the vectors of texts; what was tokenised alike for another network is taken from `shared`, and added to it."""
        ...


class Searcher(Protocol):
    """Anything that ranks passages for queries, without vectors of its own."""

    @property
    def dimension(self) -> None:
        """None: it has no vectors."""
        ...

    @property
    def max_tokens(self) -> int:
        """As `Encoder.max_tokens`."""
        ...

    def search(self, queries: Sequence[str], passages: Sequence[str], top_k: int, *, on_batch: OnBatch | None = None) -> Ranked:
        """Return for each query the `top_k` best passages (all of them, where they are fewer).

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        ...

    def networks(self) -> tuple[NetworkEncoder, ...]:
        """As `Encoder.networks`."""
        ...

    def with_networks(self, networks: Sequence[NetworkEncoder]) -> Searcher:
        """As `Encoder.with_networks`."""
        ...

    def content(self, role: Role | None = None) -> dict[str, object]:
        """As `Encoder.content`, of its rankings."""
        ...


Opened = Encoder | Searcher
"""What a reference opens as."""


def is_searcher(opened: Opened) -> TypeIs[Searcher]:
    """Return whether this ranks passages and has no vectors."""
    return opened.dimension is None
