"""Queries and passages as vectors of a reference, out of the cache where they are there: for the tools that compare them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..cache import open_cache_files
from ..cache.encoders import CachedNetwork
from ..cache.vectors import VectorStore
from ..choices import MAX_TOKENS
from ..encoders.protocol import Encoder
from ..encoders.reporting import encode_reporting
from ..events import Events, note_once
from ..index.corpus import corpus_vectors
from ..index.vectors import StoredVectors, in_memory
from ..references import EncoderSettings, LoadedBases, Resolved, Search, check_has_vectors, check_length, open_encoder, resolve_reference
from ..registry import open_registry

_PAIRS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors of one reference.

    Attributes:
        name: The reference.
        queries: (q, d) float32 of length 1, where the network computes.
        passages: Their vectors, mapped from the cache or in memory.
    """

    name: str
    queries: torch.Tensor
    passages: StoredVectors

    def cosines(self, queries: NDArray[np.int64], passages: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosine of each pair of a query's row and a passage's: (n,) and (n,) -> (n,)."""
        cosines = np.empty(len(passages), np.float32)
        for start in range(0, len(passages), _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            asked = self.queries[torch.from_numpy(queries[some]).to(self.queries.device)].cpu()
            cosines[some] = (asked * self.passages.rows(torch.from_numpy(passages[some]))).sum(1).numpy()
        return cosines


def resolve_with_vectors(names: Iterable[str], where: Search | None, encoder: EncoderSettings, events: Events) -> list[Resolved]:
    """Find references that have vectors; no network is loaded.

    Args:
        names: What the user calls them.
        where: Where they are looked for; None: the user's own registry.
        encoder: How vectors are to be computed.
        events: Told what was chosen on the user's behalf.

    Raises:
        AdaptError: one is not known, has no vectors, or takes no texts of that length.
    """
    where, found = where or Search(registry=open_registry()), []
    for name in names:
        resolved = resolve_reference(name, where)
        check_has_vectors(resolved)
        check_length(resolved, encoder.max_tokens)
        note_once(events, resolved.notes)
        found.append(resolved)
    return found


def at_training_length(encoder: EncoderSettings, references: Iterable[Resolved]) -> EncoderSettings:
    """Return how vectors are computed: texts cut as in training, unless a length is named, and never longer than a base reads."""
    members = [member for each in references for member in each.members or (each,)]
    length = encoder.max_tokens or min([MAX_TOKENS, *(each.encoding.longest() for each in members)])
    return replace(encoder, max_tokens=length)


def embed(resolved: Resolved, bases: LoadedBases, queries: Sequence[str], passages: Sequence[str], events: Events) -> Embedded:
    """Embed queries and passages with a reference, and keep their vectors.

    One that adapts queries alone has its base's vectors of the passages, which are found where the base's are.

    Raises:
        AdaptError: the base does not load, weights are damaged, or the vectors do not fit the disk.
    """
    events.stage(f"embedding with {resolved.reference}")
    opened, store = open_encoder(resolved, bases), VectorStore(open_cache_files())
    encoder = opened.with_networks([CachedNetwork(network, store) for network in opened.networks()])
    vectors = _passage_vectors(encoder, passages, events)
    asked = torch.from_numpy(encode_reporting(encoder, queries, "query", events).vectors)
    return Embedded(resolved.reference, asked.to(next(iter(bases.networks.values())).device), vectors)


def _passage_vectors(encoder: Encoder, passages: Sequence[str], events: Events) -> StoredVectors:
    """Return the vectors of passages: mapped from the cache where one network makes them, else in memory."""
    if len(networks := encoder.networks()) == 1 and networks[0] is encoder:
        return corpus_vectors(networks[0], passages, events)
    return in_memory(torch.from_numpy(encode_reporting(encoder, passages, "document", events).vectors), "")
