"""What finds candidates, opened: the vectors of references out of the cache, and the words of a corpus."""

from __future__ import annotations

from ...data.pairs import TrainingData
from ...events import QUIET, Events
from ...references import LoadedBases
from ...references.cross_encoder import find_cross_encoder
from ..embedding import at_training_length, embed, resolve_with_vectors
from .candidates import Retriever
from .dense import DenseRetriever
from .settings import BM25, MineSettings
from .sparse import index_words


def check_references(settings: MineSettings) -> None:
    """Refuse references and a cross-encoder that are not there, before anything is read or loaded.

    Raises:
        AdaptError: one is not known, or has no vectors.
    """
    resolve_with_vectors(settings.references, settings.where, settings.encoder, QUIET)
    if settings.cross_encoder is not None:
        find_cross_encoder(settings.cross_encoder)


def open_retrievers(data: TrainingData, settings: MineSettings, events: Events) -> list[Retriever]:
    """Open what finds candidates for the training queries, in the order of `by`.

    Raises:
        AdaptError: a reference is not known or has no vectors, a base does not load, weights are damaged, or the vectors do not fit the disk.
    """
    resolved = resolve_with_vectors(settings.references, settings.where, settings.encoder, events)
    bases, waiting = LoadedBases(at_training_length(settings.encoder, resolved)), iter(resolved)
    queries, passages = list(data.train.queries.values()), list(data.corpus.values())
    return [
        index_words(queries, passages, settings.terms, events)
        if each == BM25
        else DenseRetriever(embed(next(waiting), bases, queries, passages, events), settings.exact_limit)
        for each in settings.by
    ]
