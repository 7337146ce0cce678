"""New queries -> training data that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...data.pairs import Pairs, TrainingData
from .types import Made


def extend(data: TrainingData, made: Iterable[Made], weight: float) -> TrainingData:
    """Return the data with new training queries behind the others. Dev is as it was; what was given is not changed.

    A query that is like another has its positives, negatives, group and time, and its weights times `weight`; not a teacher's scores,
    which are of another text.
    """
    train = Pairs(**{name: dict(of_query) for name, of_query in data.train.by_query().items()})
    ids, corpus, alone = _free_ids(train), dict(data.corpus), set(data.train_only)
    for each in made:
        qid = next(ids)
        train.queries[qid] = each.query
        corpus |= each.passages
        alone |= each.passages.keys()
        _copy(train, each, qid, weight)
    return replace(data, corpus=corpus, train=train, train_only=frozenset(alone))


def _copy(train: Pairs, made: Made, qid: str, weight: float) -> None:
    like = made.like
    train.positives[qid] = dict(made.positives if like is None else train.positives[like])
    before = {} if like is None else train.weights.get(like, {})
    weights = {pid: weight * before.get(pid, 1.0) for pid in train.positives[qid]}
    if any(each != 1.0 for each in weights.values()):
        train.weights[qid] = weights
    if like is None:
        return
    for name in ("negatives", "groups", "times"):
        of_query = getattr(train, name)
        if like in of_query:
            of_query[qid] = of_query[like]


def _free_ids(train: Pairs) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        if (qid := f"augmented-{number}") not in train.queries:
            yield qid
