"""What finds candidates, opened: the vectors of references out of the cache, and the words of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ...cache import open_cache_files
from ...cache.encoders import CachedNetwork
from ...cache.vectors import VectorStore
from ...choices import MAX_TOKENS
from ...data.pairs import TrainingData
from ...encoders.protocol import Encoder
from ...encoders.reporting import encode_reporting
from ...events import Events, note_once
from ...index.corpus import corpus_vectors
from ...index.vectors import StoredVectors, in_memory
from ...references import EncoderSettings, LoadedBases, Resolved, Search, check_has_vectors, check_length, open_encoder, resolve_reference
from ...registry import open_registry
from .candidates import Retriever
from .dense import DenseRetriever
from .settings import BM25, MineSettings
from .sparse import index_words


def resolve_references(settings: MineSettings, events: Events) -> list[Resolved]:
    """Find the references that mine; no network is loaded.

    Raises:
        AdaptError: one is not known, has no vectors, or takes no texts of that length.
    """
    where, found = settings.where or Search(registry=open_registry()), []
    for text in settings.references:
        resolved = resolve_reference(text, where)
        check_has_vectors(resolved)
        check_length(resolved, settings.encoder.max_tokens)
        note_once(events, resolved.notes)
        found.append(resolved)
    return found


def open_retrievers(data: TrainingData, settings: MineSettings, events: Events) -> list[Retriever]:
    """Open what finds candidates for the training queries, in the order of `by`.

    Raises:
        AdaptError: as `resolve_references`, a base does not load, weights are damaged, or the vectors do not fit the disk.
    """
    found_references = resolve_references(settings, events)
    resolved, bases = iter(found_references), LoadedBases(_at_training_length(settings, found_references))
    queries, passages = list(data.train.queries.values()), list(data.corpus.values())
    found: list[Retriever] = []
    for each in settings.by:
        if each == BM25:
            found.append(index_words(queries, passages, settings.terms, events))
        else:
            found.append(_open_dense(next(resolved), bases, queries, passages, events))
    return found


def _at_training_length(settings: MineSettings, references: Sequence[Resolved]) -> EncoderSettings:
    """Return how vectors are computed: texts cut as in training, unless a length was named, and never longer than a base reads."""
    members = [member for each in references for member in each.members or (each,)]
    length = settings.encoder.max_tokens or min([MAX_TOKENS, *(each.encoding.longest() for each in members)])
    return replace(settings.encoder, max_tokens=length)


def _open_dense(resolved: Resolved, bases: LoadedBases, queries: Sequence[str], passages: Sequence[str], events: Events) -> DenseRetriever:
    events.stage(f"embedding with {resolved.reference}")
    opened, store = open_encoder(resolved, bases), VectorStore(open_cache_files())
    encoder = opened.with_networks([CachedNetwork(network, store) for network in opened.networks()])
    vectors = _document_vectors(encoder, passages, events)
    asked = torch.from_numpy(encode_reporting(encoder, queries, "query", events).vectors)
    device = next(iter(bases.networks.values())).device
    return DenseRetriever(resolved.reference, asked.to(device), vectors)


def _document_vectors(encoder: Encoder, passages: Sequence[str], events: Events) -> StoredVectors:
    """Return the vectors of a corpus: of one network mapped from the cache, which has the base's for what adapts queries alone; else in memory."""
    if len(networks := encoder.networks()) == 1 and networks[0] is encoder:
        return corpus_vectors(networks[0], passages, events)
    return in_memory(torch.from_numpy(encode_reporting(encoder, passages, "document", events).vectors), "")
