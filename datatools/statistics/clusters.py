"""Clusters of queries and of a corpus, by the base's vectors: what there is much of, what little, and what nothing asks for.

Source: Sculley, "Web-Scale K-Means Clustering" (2010), in scikit-learn's MiniBatchKMeans; seeded.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.draw import draw
from ...data.words import words
from ...encoders.protocol import Vectors
from ..report import examples_of

FEWEST, MOST = 2, 40
"""Clusters, unless their number is given: the square root of half the texts, between these."""
_FITTED = 50_000  # vectors that the centres are found with; all are assigned
_BLOCK = 65_536
_WORDS = 3  # that name a cluster
_READ = 200  # texts of a cluster whose words are counted

Labels = NDArray[np.int32]
"""The cluster of each text, (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """Texts in clusters: the cluster of each text, (n,), the largest cluster being 0, and the centres, (k, d)."""

    labels: Labels
    centres: Vectors

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many texts each cluster has, (k,)."""
        return np.bincount(self.labels, minlength=len(self.centres))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster.

    Attributes:
        texts: How many it has.
        share: Of all texts.
        words: That are frequent in it and rare in the others.
        examples: The texts nearest to its centre.
        named: Of a corpus: how many of its passages answer a query; None: it is one of queries.
        found: Of queries: the share that has an answer among the first 10 passages; None: it is one of a corpus.
    """

    texts: int
    share: float
    words: tuple[str, ...]
    examples: tuple[str, ...]
    named: int | None = None
    found: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def cluster_vectors(vectors: Vectors, clusters: int | None, seed: int) -> Clustering:
    """Cluster vectors, (n, d) of length 1, n at least 1; there are no more clusters than different vectors."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    fitted = vectors[draw(range(len(vectors)), _FITTED, seed)]
    wanted = clusters or int(np.clip(round((len(vectors) / 2) ** 0.5), FEWEST, MOST))
    number = min(wanted, len(np.unique(fitted, axis=0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly equal vectors make fewer clusters, and only those are described
        means = MiniBatchKMeans(n_clusters=number, random_state=seed, n_init=3, batch_size=2048).fit(fitted)
    labels = np.concatenate([means.predict(vectors[start : start + _BLOCK]) for start in range(0, len(vectors), _BLOCK)])
    order = np.argsort(-np.bincount(labels, minlength=number), kind="stable")
    rank = np.argsort(order, kind="stable").astype(np.int32)
    return Clustering(labels=rank[labels], centres=means.cluster_centers_[order].astype(np.float32))


def describe_clusters(
    texts: Sequence[str],
    vectors: Vectors,
    clustering: Clustering,
    *,
    named: NDArray[np.bool_] | None = None,
    found: NDArray[np.bool_] | None = None,
) -> list[Cluster]:
    """Describe the clusters that have texts, the largest first.

    Args:
        texts: What was clustered.
        vectors: Of them, (n, d).
        clustering: Of them.
        named: Of a corpus: which passages answer a query, (n,).
        found: Of queries: which have an answer among the first 10, (n,).
    """
    members = [np.flatnonzero(clustering.labels == label) for label in range(len(clustering.centres))]
    telling = _telling_words([[texts[row] for row in rows[:_READ]] for rows in members])
    return [
        Cluster(
            texts=len(rows),
            share=len(rows) / len(texts),
            words=telling[label],
            examples=examples_of(texts[row] for row in rows[np.argsort(-(vectors[rows] @ clustering.centres[label]), kind="stable")]),
            named=None if named is None else int(named[rows].sum()),
            found=None if found is None else float(found[rows].mean()),
        )
        for label, rows in enumerate(members)
        if len(rows)
    ]


def _telling_words(clusters: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return for each cluster the words that a larger share of its texts has than of other clusters' texts."""
    numbers = [Counter(word for text in texts for word in {each.casefold() for each in words(text)}) for texts in clusters]
    shares = [{word: number / len(texts) for word, number in counter.items()} for counter, texts in zip(numbers, clusters, strict=True)]
    sums: Counter[str] = Counter()
    for share in shares:
        sums.update(share)  # type: ignore[arg-type]  # of shares, which a Counter adds as well
    ranked = [sorted(share, key=lambda word: (-_weight(word, share[word], sums[word] / len(clusters)), word)) for share in shares]
    return [tuple(words[:_WORDS]) for words in ranked]


def _weight(word: str, share: float, mean: float) -> float:
    """Return a word's part of the divergence of a cluster from the mean of all; its share alone, where there is one cluster."""
    is_word = len(word) > 1 and not word.isdecimal()
    return share * (1e-6 + log(share / mean)) if is_word else 0.0
