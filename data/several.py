"""Several sources of one run, each with a weight -> one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..plurals import count
from .equal_queries import join_groups, latest_times, note_several
from .joining import join_data
from .pairs import Pairs, TrainingData
from .source_words import WeightedSource


def join_weighted(parts: Sequence[tuple[TrainingData, WeightedSource]]) -> TrainingData:
    """Join data: texts that are the same are one, and a pair that several sources hold weighs their sum where weights differ from 1.

    The dev split is that of the sources that have one; None where none has.
    """
    joined = join_data([_with_weight(data, of.weight) for data, of in parts])
    first = {text: pid for pid, text in reversed(joined.corpus.items())}
    same = {pid: first[text] for pid, text in joined.corpus.items()}
    train, said = _with_equal_texts_joined(joined.train, same)
    dev = _with_equal_texts_joined(joined.dev, same)[0] if joined.dev is not None else None
    notes = (*joined.notes, *said)
    if len(parts) > 1:
        each = ", ".join(f"{count(len(data.train), 'query')} of {of}" for data, of in parts)
        notes = (f"{len(parts)} sources are joined: {each}", *notes)
        if dev is not None and (without := [str(of) for data, of in parts if data.dev is None]):
            notes = (*notes, f"the dev split is that of the other sources, because they have one: {', '.join(without)} has none")
    corpus = {pid: text for text, pid in first.items()}
    alone = {same[pid] for pid in joined.train_only} - {same[pid] for pid in joined.searched}
    source = " + ".join(data.source if of.weight == 1 else f"{data.source}={of.weight:g}" for data, of in parts)
    corpus = {pid: corpus[pid] for pid in joined.corpus if pid in corpus}
    return replace(joined, corpus=corpus, train=train, dev=dev, source=source, notes=notes, train_only=frozenset(alone))


def _with_weight(data: TrainingData, factor: float) -> TrainingData:
    if factor == 1:
        return data
    stated = data.train.weights
    weights = {qid: {pid: factor * stated.get(qid, {}).get(pid, 1.0) for pid in own} for qid, own in data.train.positives.items()}
    return replace(data, train=replace(data.train, weights=weights))


def _with_equal_texts_joined(pairs: Pairs, same: dict[str, str]) -> tuple[Pairs, tuple[str, ...]]:
    """Return pairs in which equal queries are one, and equal passages, and what is to be said of it. No answer is a negative of its query."""
    first: dict[str, str] = {}
    groups: dict[str, dict[str, None]] = {}
    times: dict[str, dict[str, None]] = {}
    made = Pairs({}, {})
    for qid, text in pairs.queries.items():
        to = first.setdefault(text, qid)
        made.queries.setdefault(to, text)
        made.positives.setdefault(to, {})
        for pid, grade in pairs.positives[qid].items():
            graded = made.positives[to]
            graded[same[pid]] = max(grade, graded.get(same[pid], grade))
            if pairs.weights:
                weighed = made.weights.setdefault(to, {})
                weighed[same[pid]] = weighed.get(same[pid], 0.0) + pairs.weights.get(qid, {}).get(pid, 1.0)
        made.scores.setdefault(to, {}).update({same[pid]: score for pid, score in pairs.scores.get(qid, {}).items()})
        made.negatives.setdefault(to, []).extend(same[pid] for pid in pairs.negatives.get(qid, ()))
        if qid in pairs.labels:
            made.labels.setdefault(to, pairs.labels[qid])
        for stated, kept in ((pairs.groups, groups), (pairs.times, times)):
            if qid in stated:
                kept.setdefault(to, {})[stated[qid]] = None
    negatives = {qid: [pid for pid in dict.fromkeys(ids) if pid not in made.positives[qid]] for qid, ids in made.negatives.items()}
    weights = {qid: {pid: weight for pid, weight in own.items() if weight != 1} for qid, own in made.weights.items()}
    joined = replace(
        made,
        negatives={qid: ids for qid, ids in negatives.items() if ids},
        weights={qid: own for qid, own in weights.items() if own},
        scores={qid: own for qid, own in made.scores.items() if own},
        groups=join_groups(groups),
        times=latest_times(times),
    )
    return joined, tuple(note_several("the sources together", groups, times))
