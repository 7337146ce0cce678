"""What the base's vectors say of data: clusters of queries, parts of the corpus that nothing asks for, and how hard the answers are to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ...data.draw import draw
from ...data.pairs import Pairs, TrainingData
from ...encoders.protocol import NetworkEncoder, Vectors
from ...events import QUIET, Events
from ...index.corpus import corpus_vectors
from ...index.findings import answer_ranks
from ...index.rows import CorpusRows, find_rows
from ...index.vectors import StoredVectors
from .balance import MOST, balance_weights
from .clusters import Cluster, Labels, cluster_vectors, describe_clusters
from .difficulty import MIDDLE, Difficulty, describe_ranks
from .settings import MOST_PASSAGES, StatsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What vectors say of data.

    Attributes:
        queries: Clusters of the train queries, the largest first.
        corpus: Clusters of the corpus, those that are named least first.
        difficulty: Split -> what the base finds of its answers.
        query_ids: Of the train queries that were clustered.
        labels: Their clusters, (n,).
    """

    queries: tuple[Cluster, ...]
    corpus: tuple[Cluster, ...]
    difficulty: dict[str, Difficulty]
    query_ids: tuple[str, ...] = field(repr=False)
    labels: Labels = field(repr=False)

    @property
    def unasked(self) -> tuple[Cluster, ...]:
        """The clusters of the corpus of which no passage answers a query."""
        return tuple(cluster for cluster in self.corpus if not cluster.named)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        weights = balance_weights(self.labels)
        return {
            "query_clusters": [cluster.as_dict() for cluster in self.queries],
            "corpus_clusters": [cluster.as_dict() for cluster in self.corpus],
            "unasked_clusters": len(self.unasked),
            "unasked_passages": sum(cluster.texts for cluster in self.unasked),
            "balance": {"least": float(weights.min()), "most": float(weights.max()), "bound": MOST},
            "difficulty": {name: each.as_dict() for name, each in self.difficulty.items()},
        }


def measure_coverage(data: TrainingData, settings: StatsSettings, encoder: NetworkEncoder, events: Events = QUIET) -> Coverage:
    """Embed queries and corpus, which the cache keeps, cluster both, and search the whole corpus for the answers.

    Raises:
        ConfigError: the vectors do not fit onto the disk, or into the cache.
    """
    corpus = corpus_vectors(encoder, list(data.corpus.values()), events)
    splits = {"train": data.train.select(draw(list(data.train.queries), settings.most_queries, settings.seed))} | (
        {"dev": data.dev} if data.dev is not None else {}
    )
    events.stage("searching the corpus for the answers")
    vectors = {name: _of_queries(pairs, encoder, events) for name, pairs in splits.items()}
    ranks = {name: _ranks(vectors[name], pairs, data, corpus) for name, pairs in splits.items()}
    events.stage("clustering")
    ids = list(splits["train"].queries)
    clustering = cluster_vectors(vectors["train"], settings.clusters, settings.seed)
    texts = list(splits["train"].queries.values())
    return Coverage(
        queries=tuple(describe_clusters(texts, vectors["train"], clustering, found=ranks["train"] <= MIDDLE)),
        corpus=tuple(cluster_corpus(data, corpus, settings)),
        difficulty={
            name: describe_ranks(
                ranks[name], list(pairs.queries), pairs, data.corpus, of=len(data.train) if name == "train" else len(pairs)
            )
            for name, pairs in splits.items()
        },
        query_ids=tuple(ids),
        labels=clustering.labels,
    )


def _of_queries(pairs: Pairs, encoder: NetworkEncoder, events: Events) -> Vectors:
    stored = corpus_vectors(encoder, list(pairs.queries.values()), events, role="query")
    return _whole(stored)


def _whole(stored: StoredVectors) -> Vectors:
    whole: Vectors = torch.cat([part.float() for part in stored.parts]).numpy()
    return whole


def _ranks(queries: Vectors, pairs: Pairs, data: TrainingData, corpus: StoredVectors) -> np.ndarray:
    rows: CorpusRows = find_rows(pairs, data.corpus)
    ranks: np.ndarray = answer_ranks(torch.from_numpy(queries), list(pairs.queries), corpus, rows).numpy()
    return ranks


def cluster_corpus(data: TrainingData, corpus: StoredVectors, settings: StatsSettings) -> Sequence[Cluster]:
    """Return the clusters of a corpus, those of which the smallest share answers a query of train or dev first.

    Args:
        data: The corpus, and what answers which query.
        corpus: Its vectors, in its order.
        settings: How many clusters, and the seed.
    """
    splits = [pairs for pairs in (data.train, data.dev) if pairs is not None]
    answers = {pid for pairs in splits for passages in pairs.positives.values() for pid in passages}
    rows = draw(range(len(data.corpus)), MOST_PASSAGES, settings.seed)
    ids, vectors = list(data.corpus), corpus.rows(rows).numpy()
    named = np.array([ids[row] in answers for row in rows], np.bool_)
    texts = [data.corpus[ids[row]] for row in rows]
    found = describe_clusters(texts, vectors, cluster_vectors(vectors, settings.clusters, settings.seed), named=named)
    return sorted(found, key=lambda cluster: ((cluster.named or 0) / cluster.texts, -cluster.texts))
