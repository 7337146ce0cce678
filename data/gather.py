"""Rows of texts -> a corpus and pairs: where a source has no corpus, the pool of its positives and negatives is one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import DataError
from .equal_queries import join_groups, latest_times
from .pairs import Corpus, Pairs


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a source: a query, the texts that answer it, and given texts that do not. `where` names the row in an error.

    `weight` multiplies the loss of its pairs, 0 or more; None: none is stated. `pos_scores`, `neg_scores`: a teacher's, one for each text,
    or none, with None for a text that has none. `group`: what the query belongs to; `time`: when it was asked, ISO 8601; `label`: the class
    that the query and its positives are of.
    """

    where: str
    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    weight: float | None = None
    pos_scores: tuple[float | None, ...] = ()
    neg_scores: tuple[float | None, ...] = ()
    group: str | None = None
    time: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not self.positives and not self.negatives:
            raise DataError(f"{self.where}: the query has no positive passage")
        for name, texts in (("query", (self.query,)), ("positive", self.positives), ("negative", self.negatives)):
            if not all(isinstance(text, str) and text.strip() for text in texts):
                raise DataError(f"{self.where}: a {name} is empty or not a text; fill it or remove the row")
        for name, texts, scores in (("pos", self.positives, self.pos_scores), ("neg", self.negatives, self.neg_scores)):
            if scores and len(scores) != len(texts):
                raise DataError(f"{self.where}: {len(scores)} {name}_scores for {len(texts)} texts; expected one for each, or none")


def pool_rows(rows: Iterable[TextRow], source: str, corpus: Mapping[str, str] | None = None) -> tuple[Corpus, Pairs]:
    """Give every distinct text one id, and join the rows of the same query. What answers a query is never its negative.

    Where any row states a weight, the weights of a pair that comes several times add up, and a row without one weighs 1; so that a row
    of weight 2 is that row twice. Where none does, a pair counts once however often it comes. Groups that rows of one query state are one
    group, and of times the latest counts.

    Args:
        rows: What is pooled.
        source: What they are called in messages.
        corpus: Passages that are there already, by id; texts that it has keep their ids there.

    Raises:
        DataError: there are no rows.
    """
    pool = _Pool({text: pid for pid, text in reversed(list((corpus or {}).items()))})
    for row in rows:
        pool.add(row)
    if not pool.queries:
        raise DataError(f"{source} holds no pairs; expected at least one query with a positive passage")
    return dict(corpus or {}) | {pid: text for text, pid in pool.passages.items()}, pool.pairs()


@dataclass(slots=True)
class _Pool:
    """What the rows hold so far. `passages` and `queries`: text -> id; the rest by query id, as in `Pairs`, weights of 1 included."""

    passages: dict[str, str]
    queries: dict[str, str] = field(default_factory=dict)
    positives: dict[str, dict[str, int]] = field(default_factory=dict)
    negatives: dict[str, list[str]] = field(default_factory=dict)
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    groups: dict[str, dict[str, None]] = field(default_factory=dict)
    times: dict[str, dict[str, None]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    states_weights: bool = False
    _given: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._given = set(self.passages.values())

    def add(self, row: TextRow) -> None:
        qid = self.queries.setdefault(row.query, f"q{len(self.queries)}")
        positives, negatives = ([self._id(text) for text in texts] for texts in (row.positives, row.negatives))
        self.positives.setdefault(qid, {}).update(dict.fromkeys(positives, 1))
        if negatives:
            self.negatives.setdefault(qid, []).extend(negatives)
        self.states_weights |= row.weight is not None
        weights = self.weights.setdefault(qid, {})
        for pid in dict.fromkeys(positives):
            weights[pid] = weights.get(pid, 0.0) + (1.0 if row.weight is None else row.weight)
        if row.pos_scores or row.neg_scores:
            scored = [*zip(positives, row.pos_scores, strict=False), *zip(negatives, row.neg_scores, strict=False)]
            if known := {pid: score for pid, score in scored if score is not None}:
                self.scores.setdefault(qid, {}).update(known)
        if row.label is not None:
            self.labels.setdefault(qid, row.label)
        for stated, kept in ((row.group, self.groups), (row.time, self.times)):
            if stated is not None:
                kept.setdefault(qid, {})[stated] = None

    def pairs(self) -> Pairs:
        unanswering = {qid: [pid for pid in dict.fromkeys(ids) if pid not in self.positives[qid]] for qid, ids in self.negatives.items()}
        stated = self.weights if self.states_weights else {}
        weights = {qid: {pid: weight for pid, weight in of_query.items() if weight != 1.0} for qid, of_query in stated.items()}
        return Pairs(
            {qid: text for text, qid in self.queries.items()},
            self.positives,
            {qid: ids for qid, ids in unanswering.items() if ids},
            weights={qid: of_query for qid, of_query in weights.items() if of_query},
            scores=self.scores,
            groups=join_groups(self.groups),
            times=latest_times(self.times),
            labels=self.labels,
        )

    def _id(self, text: str) -> str:
        if text not in self.passages:
            number = len(self.passages)
            while (pid := f"p{number}") in self._given:
                number += 1
            self.passages[text] = pid
            self._given.add(pid)
        return self.passages[text]
