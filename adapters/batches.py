"""Which queries and passages stand in which batch: a pure function of data, configuration and step.

Where queries have classes, all passages of a batch that are of a query's class are its positives, so that none is its negative.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..choices import Role
from ..data.draw import draw
from ..data.pairs import Corpus, Pairs, normalise
from .batch_order import order_batches
from .config import TrainConfig


@dataclass(frozen=True, slots=True)
class TextBatch:
    """One batch. `positive` and `ignored` are (queries, passages) bool arrays as in `losses.batch.Relation`.

    `frequency`: (passages,) float32, how many of the training queries name each passage; 1 for one that none names, and which is drawn once an epoch.
    `weights`: (queries, passages) float32, what the loss of each positive pair is multiplied by, 1 for the others; None: 1 for all.
    `negatives`: (queries, passages) bool, the pairs that the data give as negatives. `targets`: (queries, passages) float32, the scores of
    the pairs that have one, NaN for the others; None: the data state none. `passage_ids`: of the passages; of several with one text, the first.
    """

    queries: list[str]
    passages: list[str]
    positive: np.ndarray
    ignored: np.ndarray
    frequency: np.ndarray
    weights: np.ndarray | None = None
    negatives: np.ndarray | None = None
    targets: np.ndarray | None = None
    passage_ids: list[str] = field(default_factory=list)


class Batches:
    """The batches of a run. `batch(step)` depends on nothing that happened before, so that a run can go on anywhere."""

    def __init__(self, pairs: Pairs, corpus: Corpus, config: TrainConfig) -> None:
        self._config = config
        self._ids = sorted(pairs.queries)
        self._order = order_batches(self._ids, config)
        self._pairs, self._corpus, self._weights = pairs, corpus, pairs.relative_weights()
        self._key = {pid: normalise(corpus[pid]) for pid in pairs.passage_ids()}
        self._frequency = Counter(
            key for qid in self._ids for key in {self._key[pid] for pid in (*pairs.positives[qid], *pairs.negatives.get(qid, []))}
        )
        # A passage that is trained on is a negative about once an epoch; drawn more often than that, the others would be pushed away further than it.
        self._others = sorted(corpus.keys() - self._key.keys()) if config.corpus_negatives else []
        self._others_per_batch = min(config.corpus_negatives, math.ceil(len(self._others) / self.steps_per_epoch))
        self._labels = {self._key[pid]: label for pid, label in pairs.labels_of_passages().items()}
        # Queries of the same text share their positives: what answers one is not a negative of the other.
        self._answers: dict[str, set[str]] = {}
        for qid, text in pairs.queries.items():
            self._answers.setdefault(normalise(text), set()).update(self._key[pid] for pid in pairs.positives[qid])

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return self._order.steps_per_epoch

    @property
    def steps(self) -> int:
        """Batches of the whole run."""
        return self.steps_per_epoch * self._config.epochs

    def texts(self) -> dict[Role, list[str]]:
        """Return the texts of each role that every epoch reads; passages of the corpus that are drawn beside them are left out."""
        return {"query": [*self._pairs.queries.values()], "document": [self._corpus[pid] for pid in self._key]}

    def all_texts(self) -> dict[Role, list[str]]:
        """Return the texts of each role that a batch may hold."""
        texts = self.texts()
        return texts | {"document": [*texts["document"], *(self._corpus[pid] for pid in self._others)]}

    def texts_of(self, steps: Iterable[int]) -> dict[Role, list[str]]:
        """Return the texts of each role in the batches of some steps."""
        some = [self.batch(step % self.steps) for step in steps]
        return {"query": [text for each in some for text in each.queries], "document": [text for each in some for text in each.passages]}

    def batch(self, step: int) -> TextBatch:
        """Return the batch of a step, counted from 0."""
        epoch, row = divmod(step, self.steps_per_epoch)
        return self._assemble(self.query_ids(step), np.random.default_rng([self._config.seed, epoch, row]))

    def query_ids(self, step: int) -> list[str]:
        """Return the queries of the batch of a step, in their order there."""
        return self._order.ids(step)

    def queries(self, query_ids: list[str]) -> list[str]:
        """Return the texts of some queries."""
        return [self._pairs.queries[qid] for qid in query_ids]

    def _assemble(self, query_ids: list[str], generator: np.random.Generator) -> TextBatch:
        rows: dict[str, tuple[int, str]] = {}  # a passage's normalised text -> its column and its id
        wanted: list[set[int]] = []
        given: list[set[int]] = []
        for qid in query_ids:
            positives = draw(sorted(self._pairs.positives[qid]), self._config.positives_per_query, generator)
            negatives = draw(self._pairs.negatives.get(qid, []), self._config.negatives_per_query, generator)
            for pid in positives + negatives:
                rows.setdefault(self._key[pid], (len(rows), pid))
            wanted.append({rows[self._key[pid]][0] for pid in positives})
            given.append({rows[self._key[pid]][0] for pid in negatives})
        for pid in draw(self._others, self._others_per_batch, generator):
            rows.setdefault(normalise(self._corpus[pid]), (len(rows), pid))
        positive, ignored, negatives_given = (np.zeros((len(query_ids), len(rows)), bool) for _ in range(3))
        for number, qid in enumerate(query_ids):
            text = normalise(self._pairs.queries[qid])
            positive[number, list(wanted[number])] = True
            negatives_given[number, list(given[number])] = True
            ignored[number] = [key in self._answers[text] or key == text for key in rows]
            if (label := self._pairs.labels.get(qid)) is not None:
                positive[number] |= [self._labels.get(key) == label and key != text for key in rows]
        columns = {key: column for key, (column, _) in rows.items()}
        return TextBatch(
            [self._pairs.queries[qid] for qid in query_ids],
            [self._corpus[pid] for _, pid in rows.values()],
            positive,
            ignored & ~positive if self._config.in_batch_negatives else ~positive & ~negatives_given,
            np.array([max(1, self._frequency[key]) for key in rows], np.float32),
            self._weights_of(query_ids, columns),
            negatives_given & ~positive & ~ignored,
            self._targets_of(query_ids, columns),
            [pid for _, pid in rows.values()],
        )

    def _targets_of(self, query_ids: list[str], columns: dict[str, int]) -> np.ndarray | None:
        """Return the scores of a batch's pairs, NaN where there is none; of passages that say the same, the highest one."""
        if not self._pairs.scores:
            return None
        targets = np.full((len(query_ids), len(columns)), np.nan, np.float32)
        for number, qid in enumerate(query_ids):
            for pid, score in sorted(self._pairs.scores.get(qid, {}).items(), key=lambda item: item[1]):
                if (column := columns.get(self._key[pid])) is not None:
                    targets[number, column] = score
        return targets

    def _weights_of(self, query_ids: list[str], columns: dict[str, int]) -> np.ndarray | None:
        """Return the weights of a batch's pairs; of positives that say the same, the largest one."""
        if not self._weights:
            return None
        weights = np.ones((len(query_ids), len(columns)), np.float32)
        for number, qid in enumerate(query_ids):
            of_query = sorted(self._weights[qid].items(), key=lambda item: item[1])
            for column, weight in ((columns.get(self._key[pid]), weight) for pid, weight in of_query):
                if column is not None:
                    weights[number, column] = weight
        return weights
