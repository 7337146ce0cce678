"""A network over a store: vectors that are on disk are read, the others are computed and kept. Whatever is made of networks gets it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..choices import Role
from ..encoders.protocol import Encoded, NetworkEncoder, OnBatch, Opened, SharedTokens, Tokens, Work
from ..encoders.tokens import check_texts
from .space import vector_space
from .vectors import VectorStore

_KEPT_BATCHES = 32
"""What is encoded between two writes, in batches: a few seconds, which is all that a kill costs."""
_CHARACTERS_PER_TOKEN = 4  # an upper end: Chinese has one, and its writes are further apart


@dataclass(frozen=True, slots=True)
class CachedNetwork:
    """A network with a store of vectors before it; all but `encode` is the network's own."""

    network: NetworkEncoder
    store: VectorStore

    @property
    def dimension(self) -> int:
        """The width of the vectors."""
        return self.network.dimension

    @property
    def max_tokens(self) -> int:
        """The length that texts are truncated to."""
        return self.network.max_tokens

    @property
    def work(self) -> Work:
        """What the network has computed; what was read does not count."""
        return self.network.work

    @property
    def computes_in(self) -> str:
        """What matrix products are computed in."""
        return self.network.computes_in

    @property
    def batch_budget(self) -> int:
        """The padded tokens of a batch."""
        return self.network.batch_budget

    def networks(self) -> tuple[NetworkEncoder, ...]:
        """Return itself."""
        return (self,)

    def with_networks(self, networks: Sequence[NetworkEncoder]) -> NetworkEncoder:
        """Return the one network."""
        (network,) = networks
        return network

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return the network's content."""
        return self.network.content(role)

    def tokenize(self, texts: Sequence[str], role: Role) -> Tokens:
        """Tokenise as the network does."""
        return self.network.tokenize(texts, role)

    def encode(
        self,
        texts: Sequence[str],
        role: Role = "document",
        *,
        on_batch: OnBatch | None = None,
        shared: SharedTokens | None = None,  # noqa: ARG002 (what is missing differs from network to network)
    ) -> Encoded:
        """Return the vectors of texts: from the store, else computed and kept, each distinct text once.

        Args:
            texts: Of which.
            role: Of all of them.
            on_batch: Called first with all texts that cost nothing, then as the network does.
            shared: Not used.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        check_texts(texts, role)
        row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        distinct, space = list(row_of), vector_space(self.network, role)
        found = self.store.find(space, distinct, self.dimension)
        vectors, is_cut = np.empty((len(distinct), self.dimension), np.float32), np.zeros(len(distinct), np.bool_)
        vectors[found.rows], is_cut[found.rows] = found.vectors, found.is_cut
        missing = sorted(set(range(len(distinct))) - set(found.rows.tolist()))
        if on_batch and len(texts) > len(missing):
            on_batch(len(texts) - len(missing))
        for rows in _portions(self.network, distinct, missing):
            chosen = [distinct[row] for row in rows]
            computed = self.network.encode(chosen, role, on_batch=on_batch)
            vectors[rows], is_cut[rows] = computed.vectors, computed.is_cut
            self.store.add(space, chosen, computed.vectors, computed.is_cut)
        wanted = [row_of[text] for text in texts]
        return Encoded(vectors[wanted], is_cut[wanted])


def over_store(opened: Opened, store: VectorStore) -> Opened:
    """Return an encoder or searcher as it is, but with a store before each of its networks."""
    return opened.with_networks([CachedNetwork(network, store) for network in opened.networks()])


def _portions(network: NetworkEncoder, texts: Sequence[str], rows: Sequence[int]) -> list[list[int]]:
    """Cut rows, longest text first, into portions of some batches: texts of like length, so that no more padding is computed."""
    longest = network.max_tokens * _CHARACTERS_PER_TOKEN
    budget = network.batch_budget * _CHARACTERS_PER_TOKEN * _KEPT_BATCHES
    portions: list[list[int]] = []
    left = 0
    for row in sorted(rows, key=lambda row: (-len(texts[row]), row)):
        size = min(len(texts[row]), longest) + 1
        if not portions or size > left:
            portions.append([])
            left = budget
        portions[-1].append(row)
        left -= size
    return portions
