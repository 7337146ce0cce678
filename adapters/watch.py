"""What a run is scored on while it goes on: the dev split of its data, or dev sets of their own, and general ability beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..base.load import Base
from ..choices import Role
from ..data.dev_labels import DevClasses, DevPairs
from ..data.dev_set import DevSet, draw_dev_set
from ..data.pairs import TrainingData
from ..encoders.protocol import Encoded, Encodes, Vectors
from ..metric_names import metric_of
from ..metrics import retrieval_metric
from .config import TrainConfig
from .corpus.open import corpus_encoder
from .evaluation import Evaluation, dev_encoder
from .sides.protocol import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSet:
    """A dev set and what it is called. `is_own`: it is of the training data, whose passages may have stored vectors."""

    name: str
    dev: DevSet | DevPairs | DevClasses
    is_own: bool = False

    @property
    def label(self) -> str:
        """What its score is called beside the main one."""
        return f"{self.name} {self.dev.metric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a run is scored on.

    Attributes:
        main: What states are chosen by, and what stops a run.
        others: What is scored beside it.
        general: Sentence pairs whose correlation is watched; None: nothing is.
        documents: Where documents keep the base's vectors, those of all sets that are not the data's own; None: they go through the network.
    """

    main: WatchedSet
    others: tuple[WatchedSet, ...] = ()
    general: DevPairs | None = None
    documents: StoredDocuments | None = None

    @property
    def sets(self) -> Iterator[DevSet | DevPairs | DevClasses]:
        """What is scored apart from the data's own dev split, the main set first."""
        yield from (each.dev for each in (self.main, *self.others) if not each.is_own)
        if self.general is not None:
            yield self.general

    @property
    def searches(self) -> list[DevSet]:
        """The dev sets of queries and passages among them: a bench on them would score what states were chosen by."""
        return [each for each in self.sets if isinstance(each, DevSet)]

    @property
    def labels(self) -> list[str]:
        """What the dev sets and their metrics are called, the main one first; none where that is the data's own dev split alone."""
        return [each.label for each in (self.main, *self.others) if not each.is_own]

    def content(self) -> str | None:
        """Return a hash of all that scores depend on; None where that is the data's own dev split alone."""
        sets = list(self.sets)
        if not sets:
            return None
        told = json.dumps(
            [[each.name, asdict(each.dev)] for each in (self.main, *self.others)] + [asdict(self.general) if self.general else None]
        )
        return hashlib.sha256(told.encode()).hexdigest()

    def evaluate(self, step: int, objective: Objective, encoder: Encodes) -> Evaluation:
        """Score the network as it stands.

        Args:
            step: After how many steps.
            objective: Scores the data's own dev split.
            encoder: Of the network.
        """
        told = encoder if self.documents is None else replace(self.documents, encoder=encoder)

        def score(watched: WatchedSet) -> float:
            if watched.is_own:
                assert isinstance(watched.dev, DevSet)  # what is of the data is a search
                return objective.score(watched.dev, encoder)
            return watched.dev.score(told)

        return Evaluation(
            step=step,
            score=score(self.main),
            others={each.label: score(each) for each in self.others},
            general=self.general.score(told) if self.general is not None else None,
        )

    def timed(self, objective: Objective) -> Iterator[tuple[Role, list[str]]]:
        """Give the texts that go through the network in an evaluation, and the role that they are timed in."""
        if self.main.is_own:
            assert isinstance(self.main.dev, DevSet)
            yield objective.scored(self.main.dev)
        for each in self.sets:
            texts = each.texts()
            yield ("query", texts["query"]) if self.documents is not None else ("document", [*texts["query"], *texts["document"]])


@dataclass(frozen=True, slots=True)
class WatchScores:
    """What a run over pairs is scored on, as the loop asks for it."""

    watch: Watch
    objective: Objective
    config: TrainConfig

    @property
    def metric(self) -> str:
        """That of the main set."""
        return str(self.watch.main.dev.metric)

    def evaluate(self, step: int, base: Base) -> Evaluation:
        """Score the network as it stands."""
        return self.watch.evaluate(step, self.objective, dev_encoder(base, self.config))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocuments:
    """An encoder whose documents have the vectors that were computed before: `rows`, text -> row of `vectors`."""

    rows: dict[str, int]
    vectors: Vectors
    encoder: Encodes

    def encode(self, texts: Sequence[str], role: Role = "document") -> Encoded:
        """Return the vectors of texts; those of documents are the ones that are kept."""
        if role == "query":
            return self.encoder.encode(texts, role)
        return Encoded(self.vectors[[self.rows[text] for text in texts]], np.zeros(len(texts), np.bool_))


def watch_own(data: TrainingData, config: TrainConfig) -> Watch | None:
    """Return the data's own dev split as what is watched; None where they have none."""
    if data.dev is None:
        return None
    metric = retrieval_metric(metric_of("retrieval", config.metric))
    return Watch(main=WatchedSet(name="dev", dev=draw_dev_set(data.dev, data.searched, metric), is_own=True))


def keep_documents(watch: Watch | None, base: Base, config: TrainConfig) -> Watch | None:
    """Embed the documents of what is watched with the base alone, where training leaves them as they are; the data's own have their vectors."""
    if watch is None or config.side != "query" or not any(True for _ in watch.sets):
        return watch
    texts = list(dict.fromkeys(text for each in watch.sets for text in each.texts()["document"]))
    encoder = corpus_encoder(base, config)
    rows = {text: row for row, text in enumerate(texts)}
    return replace(watch, documents=StoredDocuments(rows=rows, vectors=encoder.encode(texts, "document").vectors, encoder=encoder))
