"""What a set of factors is worth: each domain's nDCG@10 and loss on dev, and a general score. Nothing is encoded twice."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...choices import Role, Side
from ...data.sentence_pairs import SentencePairs
from ...encoders.lora import LoraEncoder, document_factors_of
from ...encoders.protocol import Encodes, Vectors
from ...errors import ConfigError, DataError
from ...label_metrics import spearman
from ...lora import LoraModule, factors_sha256
from ...registry.search_file import GeneralKind, Measurement
from ...timing import estimate_seconds
from .task import SearchTask

EncoderOf = Callable[[Mapping[str, LoraModule]], Encodes]
"""Factors (none: the base) -> the encoder that lays them over the base."""

_BASE = "base"
_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Vectors of every distinct text, and the row of each."""

    queries: Vectors
    documents: Vectors

    def both(self) -> Vectors:
        return np.concatenate([self.queries, self.documents])


class Probe:
    """Measures factors on the dev sets of domains, and remembers what it measured by the factors' content.

    Vectors are kept of the base alone, which closeness asks for again; of others the scores are kept. A text that stands in several
    domains is encoded once; apart from that each domain's texts are encoded by themselves, in the batches in which training encodes them,
    so that the scores are those of training to the last digit, in half precision too. `encodings` counts the sets of factors that texts
    were encoded with.

    Factors for queries alone leave passages as they are: these are encoded once, with the base. The general score then asks for queries
    alone too: closeness is that of the queries, and of a sentence pair the first goes in as a query.
    """

    def __init__(
        self, encoder_of: EncoderOf, tasks: Sequence[SearchTask], pairs: SentencePairs | None = None, *, side: Side = "both"
    ) -> None:
        """Prepare the texts; nothing is encoded.

        Args:
            encoder_of: Gives the encoder of factors.
            tasks: The domains.
            pairs: What the general score is measured on (Spearman); None: closeness to the base.
            side: Which texts the factors change.

        Raises:
            ConfigError: there is no domain, or two of one name.
            DataError: the pairs' similarities are all the same.
        """
        names = [task.name for task in tasks]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"the domains are {', '.join(names) or 'none'}; expected at least one, each with its own name")
        if pairs is not None and len(set(pairs.scores)) < 2:
            raise DataError(f"the {len(pairs)} sentence pairs have {len(set(pairs.scores))} different similarities; at least 2 are needed")
        self.tasks, self.pairs, self.side = tuple(tasks), pairs, side
        self.encodings = 0
        self._encoder_of = encoder_of
        first, second = (pairs.first, pairs.second) if pairs else ((), ())
        asked, told = (first, second) if side == "query" else ((), (*first, *second))
        self._query_groups = _new_texts([*(task.dev.queries.values() for task in tasks), asked])
        self._document_groups = _new_texts([*(task.dev.passages.values() for task in tasks), told])
        self._queries, self._documents = _rows(self._query_groups), _rows(self._document_groups)
        self._base_vectors: _Embedded | None = None
        self._measured: dict[str, Measurement] = {}

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains."""
        return tuple(task.name for task in self.tasks)

    @property
    def general_kind(self) -> GeneralKind:
        """What the general score is."""
        return "spearman" if self.pairs is not None else "closeness"

    @property
    def text_count(self) -> int:
        """How many texts one measurement encodes."""
        return len(self._queries) + (len(self._documents) if self.side == "both" else 0)

    def measure(self, factors: Mapping[str, LoraModule]) -> Measurement:
        """Return what factors score; empty ones, or ones that are all zero, are the base."""
        changing = {name: module for name in factors if _changes(module := factors[name])}
        key = factors_sha256(changing) if changing else _BASE
        if key not in self._measured:
            self._measured[key] = self._score(self._embed(changing) if changing else self._base())
        return self._measured[key]

    def estimate_seconds(self) -> float:
        """Return how long one measurement takes, by encoding a few texts of all lengths with the base."""
        role: Role = "query" if self.side == "query" else "document"
        texts = sorted(self._queries if role == "query" else self._documents, key=lambda text: (len(text), text))
        seconds = estimate_seconds(partial(self._encoder_of({}).encode, role=role), texts, sample=_SAMPLE, warm_up=4)
        return seconds * self.text_count / len(texts)

    def _base(self) -> _Embedded:
        if self._base_vectors is None:
            self._base_vectors = self._embed({})
        return self._base_vectors

    def _embed(self, factors: Mapping[str, LoraModule]) -> _Embedded:
        encoder = self._encoder_of(factors)
        self.encodings += 1
        queries = [encoder.encode(group, "query").vectors for group in self._query_groups]
        if factors and self.side == "query":
            return _Embedded(np.concatenate(queries), self._base().documents)
        documents = [encoder.encode(group, "document").vectors for group in self._document_groups]
        return _Embedded(np.concatenate(queries), np.concatenate(documents))

    def _score(self, embedded: _Embedded) -> Measurement:
        ndcg, loss = {}, {}
        for task in self.tasks:
            queries = embedded.queries[[self._queries[text] for text in task.dev.queries.values()]]
            passages = embedded.documents[[self._documents[text] for text in task.dev.passages.values()]]
            ndcg[task.name], loss[task.name] = task.dev.score_vectors(queries, passages), task.loss(queries, passages)
        return Measurement(ndcg=ndcg, loss=loss, general=self._general(embedded))

    def _general(self, embedded: _Embedded) -> float:
        if self.pairs is None:
            own, base = ((each.queries if self.side == "query" else each.both()) for each in (embedded, self._base()))
            return _mean_cosine(own, base)
        first = self._vectors_of(embedded, self.pairs.first, self.side == "query")
        second = self._vectors_of(embedded, self.pairs.second, False)
        return spearman(np.einsum("nd,nd->n", first, second, dtype=np.float64), np.asarray(self.pairs.scores))

    def _vectors_of(self, embedded: _Embedded, sentences: Sequence[str], as_queries: bool) -> Vectors:
        vectors, rows = (embedded.queries, self._queries) if as_queries else (embedded.documents, self._documents)
        return vectors[[rows[text] for text in sentences]]


def encoders_over(encoder: LoraEncoder, side: Side = "both") -> EncoderOf:
    """Return what lays factors over an opened base, for texts of a side, with the settings of `encoder`."""
    return lambda factors: replace(encoder, factors=dict(factors) or None, document_factors=document_factors_of(side))


def _mean_cosine(x: Vectors, y: Vectors) -> float:
    return float(np.einsum("nd,nd->n", x, y, dtype=np.float64).mean())


def _new_texts(groups: Sequence[Iterable[str]]) -> list[list[str]]:
    """Return of each group the distinct texts that stand in none before it; groups without any are left out."""
    seen: set[str] = set()
    found = []
    for group in groups:
        found.append([text for text in dict.fromkeys(group) if text not in seen])
        seen.update(found[-1])
    return [texts for texts in found if texts]


def _rows(groups: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return the row of each text, group by group."""
    return {text: row for row, text in enumerate(text for group in groups for text in group)}


def _changes(module: LoraModule) -> bool:
    return module.scale != 0 and bool(module.a.any()) and bool(module.b.any())
