"""The corpora of a job's runs as they are stored: embedded once, kept, and shared by its seeds; and what there is to know of them before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ...base.load import Base
from ...cache import open_cache_files
from ...cache.space import vector_space
from ...cache.vectors import VectorStore
from ...data.pairs import Corpus, Pairs, TrainingData
from ...events import QUIET, Events
from ...index.corpus import corpus_vectors
from ...index.findings import CorpusFindings, find_answers
from ...timing import estimate_seconds
from ..config import TrainConfig
from ..corpus.open import corpus_encoder, open_corpus
from ..corpus.stored import StoredCorpus
from ..corpus.vectors import CorpusVectors, HeldVectors
from ..losses.table import compares_whole_corpus
from ..sides.table import reads_corpus
from .given_index import GivenIndex, open_given

SOON = 20_000
"""So many passages are embedded for a plan, which then says what the base finds in them; they are kept for the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusPlan:
    """What a run compares its queries with.

    Attributes:
        passages: How many vectors there are.
        seconds: How long it takes to embed those that are not kept yet, an estimate.
        candidates: How many of each query's nearest are compared exactly; None: all passages are.
        rest_sample: How many stand for the others then.
        findings: What the base finds; None: not known before the corpus is embedded.
        is_whole: Whether each query is compared with all of it; else with the stored vectors of its batch's passages.
        approximate: Whether an approximate index finds the candidates.
        unnamed_weight: What a passage that no training pair names counts for as a negative.
    """

    passages: int
    seconds: float
    candidates: int | None
    rest_sample: int | None
    findings: CorpusFindings | None
    is_whole: bool = True
    approximate: bool = False
    unnamed_weight: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "passages": self.passages,
            "seconds": self.seconds,
            "candidates": self.candidates,
            "rest_sample": self.rest_sample,
            "approximate": self.approximate,
            "unnamed_weight": self.unnamed_weight,
            "findings": self.findings.as_dict() if self.findings else None,
        }

    def lines(self) -> Iterator[str]:
        """Give what the base finds, line by line."""
        if self.findings is not None:
            yield f"before training, {self.findings.describe()}"
            yield from (f"warning: {warning}" for warning in self.findings.warnings())

    def describe(self) -> str:
        """Say in a line what queries are compared with."""
        if self.findings is None:
            return (
                f"{self.passages:,} passages, which take about {self.seconds / 60:.0f} minutes to embed once; what the base finds in them is told "
                "then, before the first step"
            )
        if not self.is_whole:
            return f"each query is compared with the passages of its batch, by their stored vectors; the corpus has {self.passages:,}"
        weight = (
            "" if self.unnamed_weight == 1 else f"; passages that no training pair names count for {self.unnamed_weight:g} as negatives"
        )
        return self._compared() + weight

    def _compared(self) -> str:
        if self.candidates is None:
            return f"each query is compared with all {self.passages:,} passages"
        how = "found anew each epoch" + (" by an approximate index" if self.approximate else "")
        return (
            f"each query is compared with its {self.candidates:,} nearest of {self.passages:,} passages, {how}, and with "
            f"{self.rest_sample:,} drawn for the rest (--candidates 0 compares all)"
        )


@dataclass(slots=True)
class CorpusSource:
    """Gives each run of a job its corpus.

    Attributes:
        base: What is trained over.
        index: Vectors that exist, in place of those that are computed and kept; None: there are none.
    """

    base: Base
    index: Path | None = None
    _given: tuple[Corpus, GivenIndex] | None = field(default=None, init=False)
    _last: tuple[Corpus, CorpusVectors] | None = field(default=None, init=False)
    _findings: tuple[Pairs, Corpus, CorpusFindings] | None = field(default=None, init=False)

    def open(self, data: TrainingData, config: TrainConfig, events: Events = QUIET) -> StoredCorpus | None:
        """Return the corpus of a run; None where it compares nothing with one.

        Raises:
            ConfigError: the vectors do not fit onto the disk, or into the cache.
            DataError: the index is not what it is said to be, or lacks passages that answer queries.
        """
        if not reads_corpus(config):
            return None
        if self.index is not None:
            given = self.given(data, config, events)
            events.note(given.describe())
            return open_corpus(self.base, data, config, given.named.vectors, given.rows)
        if self._last is None or self._last[0] != data.corpus:
            events.stage("embedding the corpus")
            texts = list(data.corpus.values())
            self._last = data.corpus, corpus_vectors(corpus_encoder(self.base, config), texts, events)
        return open_corpus(self.base, data, config, self._last[1])

    def given(self, data: TrainingData, config: TrainConfig, events: Events = QUIET) -> GivenIndex:
        """Open the index, once for all runs on one corpus."""
        assert self.index is not None
        if self._given is None or self._given[0] != data.corpus:  # a seed may draw a corpus of its own
            self._given = data.corpus, open_given(self.index, data.corpus, corpus_encoder(self.base, config), config.seed, events)
        return self._given[1]

    def content(self, data: TrainingData, config: TrainConfig) -> str | None:
        """Return a hash of the vectors of an index that was given; None where they follow from data, base and configuration."""
        return self.given(data, config).named.vectors.content if self.index is not None and reads_corpus(config) else None

    def plan(self, data: TrainingData, config: TrainConfig, events: Events = QUIET) -> CorpusPlan | None:
        """Say what a run compares its queries with; a corpus that is kept, or small, is searched for the answers."""
        if not reads_corpus(config):
            return None
        seconds = 0.0 if self.index is not None else self._seconds(data, config)
        if seconds and len(data.corpus) > SOON:
            return CorpusPlan(passages=len(data.corpus), seconds=seconds, candidates=None, rest_sample=None, findings=None)
        corpus = self.open(data, config, events)
        assert corpus is not None  # it is read
        return self.describe(corpus, data, config)

    def for_timing(self, data: TrainingData, config: TrainConfig, plan: CorpusPlan) -> StoredCorpus | None:
        """Return what a step takes as long with as with the corpus: the corpus itself, or as many copies of one vector."""
        if plan.findings is not None:
            return self.open(data, config)
        one = torch.ones(1, self.base.spec.dimension) / self.base.spec.dimension**0.5
        return open_corpus(self.base, data, config, HeldVectors((one.expand(plan.passages, -1),)))

    def describe(self, corpus: StoredCorpus, data: TrainingData, config: TrainConfig) -> CorpusPlan:
        """Say what a corpus is that is embedded."""
        sampling = corpus.sampling
        return CorpusPlan(
            passages=corpus.vectors.count,
            seconds=0.0,
            candidates=sampling.candidates if sampling else None,
            rest_sample=sampling.sample if sampling else None,
            findings=self._find_answers(corpus, data, config),
            is_whole=compares_whole_corpus(config),
            approximate=sampling is not None and sampling.approximate,
            unnamed_weight=corpus.unnamed_weight,
        )

    def _find_answers(self, corpus: StoredCorpus, data: TrainingData, config: TrainConfig) -> CorpusFindings:
        """Search the corpus, once for all seeds on the same data."""
        last = self._findings
        if last is None or (last[0], last[1]) != (data.train, data.corpus):
            found = find_answers(corpus_encoder(self.base, config), data.train, corpus.vectors, corpus.rows)
            last = self._findings = data.train, data.corpus, found
        return last[2]

    def _seconds(self, data: TrainingData, config: TrainConfig) -> float:
        """Estimate how long the passages take that are not kept."""
        encoder, texts = corpus_encoder(self.base, config), list(dict.fromkeys(data.corpus.values()))
        kept = VectorStore(open_cache_files()).holds(vector_space(encoder, "document"), texts)
        missing = [text for text, is_kept in zip(texts, kept, strict=True) if not is_kept]
        return (
            estimate_seconds(encoder.encode, sorted(missing, key=len), sample=64, size=lambda some: sum(map(len, some))) if missing else 0.0
        )
