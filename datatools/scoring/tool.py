"""Training pairs -> the same with a teacher's score of every positive and negative, for distillation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...data.pairs import Pairs, TrainingData
from ...events import QUIET, Events
from ...plurals import count
from ..report import Finding, Prepared, ToolReport, counts_of, examples_of
from .settings import ScoreSettings
from .teachers import Scored, TextPairs, score_pairs

Scores = dict[str, dict[str, float]]
_QUARTILES = (0, 25, 50, 75, 100)
_SHOWN = 60
"""Characters of a text in an example."""


def score(data: TrainingData, settings: ScoreSettings, events: Events = QUIET) -> Prepared:
    """Give every training pair, of positives and of negatives, a teacher's score, in place of those that it has; dev stays as it is.

    Args:
        data: What is scored.
        settings: By what.
        events: Told what is done and how far it is.

    Raises:
        AdaptError: the teacher is not there, does not load, or its vectors do not fit the disk.
    """
    ids = [(qid, pid) for qid in data.train.queries for pid in _passages_of(data.train, qid)]
    scored = score_pairs(_texts_of(data, ids), settings, events)
    scores: Scores = {}
    for (qid, pid), value in zip(ids, scored.scores.tolist(), strict=True):
        scores.setdefault(qid, {})[pid] = value
    after = replace(data, train=replace(data.train, scores=scores))
    return Prepared(data=after, report=_report(data, after, scored))


def _passages_of(pairs: Pairs, qid: str) -> Iterator[str]:
    yield from dict.fromkeys([*pairs.positives[qid], *pairs.negatives.get(qid, ())])


def _texts_of(data: TrainingData, ids: list[tuple[str, str]]) -> TextPairs:
    queries, passages = (dict.fromkeys(each) for each in zip(*ids, strict=True))
    row_of_query, row_of_passage = ({each: row for row, each in enumerate(some)} for some in (queries, passages))
    return TextPairs(
        queries=[data.train.queries[qid] for qid in queries],
        passages=[data.corpus[pid] for pid in passages],
        of_query=np.array([row_of_query[qid] for qid, _ in ids], np.int64),
        of_passage=np.array([row_of_passage[pid] for _, pid in ids], np.int64),
    )


def _report(before: TrainingData, after: TrainingData, scored: Scored) -> ToolReport:
    pairs = after.train
    positive = [pairs.scores[qid][pid] for qid in pairs.queries for pid in pairs.positives[qid]]
    negative = [pairs.scores[qid][pid] for qid in pairs.queries for pid in pairs.negatives.get(qid, ())]
    doubted = list(_doubted(after))
    findings = (
        Finding(what=f"{scored.scale}s of {scored.teacher}", effect="added", count=len(scored.scores), of="score"),
        Finding(
            what="with a negative that scores above a positive: look whether it answers",
            effect="told",
            count=len(doubted),
            of="query",
            examples=examples_of(doubted),
        ),
    )
    replaced = len(before.train.scores)
    return ToolReport(
        tool="score",
        read=counts_of(before),
        written=counts_of(after),
        findings=tuple(each for each in findings if each.count),
        notes=(
            f"pos_scores and neg_scores are {scored.scale}s of {scored.teacher}{_RANGE[scored.scale]}",
            *((f"the scores that {count(replaced, 'query')} had are replaced",) if replaced else ()),
        ),
        facts={"teacher": scored.teacher, "scale": scored.scale, "positive": _five(positive), "negative": _five(negative)},
    )


_RANGE = {"cosine": ", from -1 to 1", "logit": ", without bounds; their sigmoid is a probability"}


def _doubted(data: TrainingData) -> Iterator[str]:
    """Give the queries of which a negative scores above a positive, with the two texts."""
    pairs = data.train
    for qid, query in pairs.queries.items():
        scores, negatives = pairs.scores[qid], pairs.negatives.get(qid, ())
        worst, best = min(pairs.positives[qid], key=scores.__getitem__), max(negatives, key=scores.__getitem__, default=None)
        if best is not None and scores[best] > scores[worst]:
            yield f"{_short(query)} | {_short(data.corpus[best])} {scores[best]:.3f} above {_short(data.corpus[worst])} {scores[worst]:.3f}"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 3]}..."


def _five(values: list[float] | NDArray[np.float32]) -> list[float]:
    """Return the least, the quartiles and the largest; nothing of none."""
    return [round(float(each), 4) for each in np.percentile(values, _QUARTILES)] if len(values) else []
