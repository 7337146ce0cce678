"""The shape of the data: queries, passages, and which passage answers which query."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import DataError
from .draw import draw

Corpus = dict[str, str]
"""Passage id -> text (title and body joined by a space, as mteb joins them)."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Queries with the passages that answer them.

    Attributes:
        queries: Query id -> text.
        positives: Query id -> ids in the corpus, with their grade (1 or more); none, where only negatives of a query are known.
        negatives: Query id -> ids of given hard negatives.
        weights: Query id -> positive's id -> what the pair's part of the loss is multiplied by, 0 or more; 1 where none is stated.
        scores: Query id -> id of a positive or a negative -> a teacher's score of the pair, on the teacher's own scale.
        groups: Query id -> what it belongs to, such as a patient or a shop, which no split may cut in two.
        times: Query id -> when it was asked, ISO 8601.
        labels: Query id -> the class that it and its positives are of: all that is of one class answers one another.
    """

    queries: dict[str, str]
    positives: dict[str, dict[str, int]]
    negatives: dict[str, list[str]] = field(default_factory=dict)
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def pair_count(self) -> int:
        """How many (query, positive) pairs there are."""
        return sum(len(passages) for passages in self.positives.values())

    def passage_ids(self) -> set[str]:
        """Return the ids of all positives and negatives."""
        return {pid for group in (*self.positives.values(), *self.negatives.values()) for pid in group}

    def relative_weights(self) -> dict[str, dict[str, float]]:
        """Return the weight of every pair; nothing, where none is stated.

        They are so scaled that the mean over queries of the mean over their positives is 1.

        Raises:
            DataError: all of them are 0.
        """
        if not self.weights:
            return {}
        stated = {qid: {pid: self.weights.get(qid, {}).get(pid, 1.0) for pid in passages} for qid, passages in self.positives.items()}
        answered = [of_query for of_query in stated.values() if of_query]
        mean = sum(sum(of_query.values()) / len(of_query) for of_query in answered) / len(answered)
        if mean == 0:
            raise DataError("the weights of all pairs are 0, so that nothing would be learnt; give some of them a weight above 0")
        return {qid: {pid: weight / mean for pid, weight in of_query.items()} for qid, of_query in stated.items()}

    def labels_of_passages(self) -> dict[str, str]:
        """Return the classes of the positives of queries that have one, by their ids."""
        return {pid: label for qid, label in self.labels.items() for pid in self.positives[qid]}

    def select(self, query_ids: Iterable[str]) -> "Pairs":
        """Return the pairs of some of the queries, in the order given."""
        ids = list(query_ids)
        return Pairs(**{name: {qid: of_query[qid] for qid in ids if qid in of_query} for name, of_query in self.by_query().items()})

    def by_query(self) -> dict[str, dict[str, Any]]:
        """Return the fields by name; each is a mapping of query ids."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a training run sees: a corpus, pairs to train on, pairs to choose by (None: none), and where they came from.

    `notes` say what was done to the data (a split made, queries drawn), to be shown and recorded. `licence` is that of the texts, by the
    Hub's id where it has one; None: not known. `drawn` is how many training queries were drawn of more; None: all are there. `train_only`
    are the ids of passages that were made for training, such as one without a sentence: no query of dev or test is searched among them.
    """

    corpus: Corpus
    train: Pairs
    dev: Pairs | None
    source: str
    language: str | None = None
    notes: tuple[str, ...] = ()
    licence: str | None = None
    drawn: int | None = None
    train_only: frozenset[str] = frozenset()

    @property
    def searched(self) -> Corpus:
        """The passages that queries of dev and test are searched among: all but those that were made for training."""
        return {pid: text for pid, text in self.corpus.items() if pid not in self.train_only} if self.train_only else self.corpus

    def fingerprint(self) -> str:
        """Return a hash of every text and pair of train and dev, independent of their order and ids."""
        splits = [(split, pairs) for split, pairs in (("train", self.train), ("dev", self.dev)) if pairs is not None]
        graded = (
            f"{split}\t{pairs.queries[qid]}\t{self.corpus[pid]}\t{grade}"
            for split, pairs in splits
            for qid, passages in pairs.positives.items()
            for pid, grade in passages.items()
        )
        given = (
            f"{split}\tnegative\t{pairs.queries[qid]}\t{self.corpus[pid]}"
            for split, pairs in splits
            for qid, ids in pairs.negatives.items()
            for pid in ids
        )
        return hash_lines([*graded, *given, *(line for split, pairs in splits for line in self._stated(split, pairs))])

    def _stated(self, split: str, pairs: Pairs) -> Iterator[str]:
        """Yield what is stated of pairs beside their texts; nothing, where nothing is."""
        for name, stated in (("weight", pairs.weights), ("score", pairs.scores)):
            for qid, values in stated.items():
                for pid, value in values.items():
                    yield f"{split}\t{name}\t{pairs.queries[qid]}\t{self.corpus[pid]}\t{value!r}"
        for qid, label in pairs.labels.items():
            yield f"{split}\tlabel\t{pairs.queries[qid]}\t{label}"


def hash_lines(lines: Iterable[str]) -> str:
    """Return the sha256 of a set of lines, whatever their order."""
    digests = sorted(hashlib.sha256(line.encode("utf-8", "replace")).digest() for line in lines)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def draw_queries(pairs: Pairs, count: int, seed: int) -> Pairs:
    """Draw `count` queries without replacement, in the order of their ids; all of them where there are no more."""
    return pairs if count >= len(pairs) else pairs.select(draw(sorted(pairs.queries), count, seed))


def draw_passages(pairs: Pairs, corpus: Corpus, others: int, seed: int) -> Corpus:
    """Return the positives of pairs and at most `others` of the corpus's other passages, drawn without replacement."""
    positives = {pid for passages in pairs.positives.values() for pid in passages}
    rest = draw(sorted(corpus.keys() - positives), others, seed)
    return {pid: corpus[pid] for pid in [*sorted(positives), *rest]}


def join_title(title: str | None, text: str) -> str:
    """Join a passage's title and body as mteb does."""
    return f"{title or ''} {text}".strip()


def normalise(text: str) -> str:
    """Fold case and white space, to decide whether two texts are the same."""
    return " ".join(text.casefold().split())
