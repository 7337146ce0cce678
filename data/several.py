"""Several sources of one run, each with a weight: what the user writes, and how they are joined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path

from ..choices import DATA_WORDS
from ..errors import DataError
from ..plurals import count
from .joining import join_data
from .named_sets import is_named_set
from .pairs import Pairs, TrainingData
from .readers import TABLE_SUFFIXES, table_suffix


@dataclass(frozen=True, slots=True)
class WeightedSource:
    """A source, and what the weights of its pairs are multiplied by, above 0."""

    source: str
    weight: float = 1.0

    def __str__(self) -> str:
        return self.source if self.weight == 1 else f"{self.source}={self.weight:g}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Several sources, which are joined."""

    parts: tuple[WeightedSource, ...]

    @property
    def has_own_data(self) -> bool:
        """Whether all are the user's, and none is the domain's."""
        return not any(part.source in DATA_WORDS for part in self.parts)

    def __str__(self) -> str:
        return " + ".join(map(str, self.parts))


def name_sources(words: Sequence[str | PathLike[str]]) -> str | Sources | None:
    """Return what some words name: nothing, one source as it is, or several (or one with a weight), each SOURCE or SOURCE=WEIGHT.

    Raises:
        DataError: a weight is not a number above 0, or a source is named twice.
    """
    parts = tuple(_weighted(fspath(word)) for word in words)
    if not parts:
        return None
    names = [part.source for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{twice[0]} is given twice; give it once, with a weight such as {twice[0]}=2 if it is to count more")
    return parts[0].source if len(parts) == 1 and parts[0].weight == 1 else Sources(parts)


def find_sources(source: object) -> object:
    """Return several sources for a list of their names; anything else as it is. In a list of pairs no element is a name.

    Raises:
        DataError: as `name_sources`.
    """
    if isinstance(source, list | tuple) and source and all(map(_is_name, source)):
        return name_sources(source)
    return source


def _is_name(each: object) -> bool:
    if not isinstance(each, str):
        return isinstance(each, PathLike)
    name = _weighted(each).source
    return name in DATA_WORDS or is_named_set(name) or table_suffix(Path(name)) in TABLE_SUFFIXES or Path(name).exists()


def _weighted(word: str) -> WeightedSource:
    source, equals, number = word.rpartition("=")
    if not equals or not source or Path(word).expanduser().exists():
        return WeightedSource(word)
    try:
        weight = float(number)
    except ValueError:
        return WeightedSource(word)  # a path with an equals sign in it
    if not math.isfinite(weight) or weight <= 0:
        raise DataError(f"the weight of {source} is {number}; expected a number above 0")
    return WeightedSource(source, weight)


def join_weighted(parts: Sequence[tuple[TrainingData, WeightedSource]]) -> TrainingData:
    """Join data: texts that are the same are one, and a pair that several sources hold weighs their sum where weights differ from 1.

    The dev split is that of the sources that have one; None where none has.
    """
    joined = join_data([_with_weight(data, of.weight) for data, of in parts])
    first = {text: pid for pid, text in reversed(joined.corpus.items())}
    same = {pid: first[text] for pid, text in joined.corpus.items()}
    train, dev = _with_equal_texts_joined(joined.train, same), joined.dev and _with_equal_texts_joined(joined.dev, same)
    notes = joined.notes
    if len(parts) > 1:
        each = ", ".join(f"{count(len(data.train), 'query')} of {of}" for data, of in parts)
        notes = (f"{len(parts)} sources are joined: {each}", *notes)
        if dev is not None and (without := [str(of) for data, of in parts if data.dev is None]):
            notes = (*notes, f"the dev split is that of the other sources, because they have one: {', '.join(without)} has none")
    corpus = {pid: text for text, pid in first.items()}
    source = " + ".join(
        data.source if of.weight == 1 else f"{data.source}={of.weight:g}" for data, of in parts
    )
    return replace(joined, corpus={pid: corpus[pid] for pid in joined.corpus if pid in corpus}, train=train, dev=dev, source=source, notes=notes)


def _with_weight(data: TrainingData, factor: float) -> TrainingData:
    if factor == 1:
        return data
    stated = data.train.weights
    weights = {qid: {pid: factor * stated.get(qid, {}).get(pid, 1.0) for pid in own} for qid, own in data.train.positives.items()}
    return replace(data, train=replace(data.train, weights=weights))


def _with_equal_texts_joined(pairs: Pairs, same: dict[str, str]) -> Pairs:
    """Return pairs in which equal queries are one, and equal passages; what answers a query is never its negative."""
    first: dict[str, str] = {}
    made = Pairs({}, {})
    for qid, text in pairs.queries.items():
        to = first.setdefault(text, qid)
        made.queries.setdefault(to, text)
        for pid, grade in pairs.positives[qid].items():
            graded = made.positives.setdefault(to, {})
            graded[same[pid]] = max(grade, graded.get(same[pid], grade))
            if pairs.weights:
                weighed = made.weights.setdefault(to, {})
                weighed[same[pid]] = weighed.get(same[pid], 0.0) + pairs.weights.get(qid, {}).get(pid, 1.0)
        made.scores.setdefault(to, {}).update({same[pid]: score for pid, score in pairs.scores.get(qid, {}).items()})
        made.negatives.setdefault(to, []).extend(same[pid] for pid in pairs.negatives.get(qid, ()))
        for stated, kept in ((pairs.groups, made.groups), (pairs.times, made.times)):
            if qid in stated:
                kept.setdefault(to, stated[qid])
    negatives = {qid: [pid for pid in dict.fromkeys(ids) if pid not in made.positives[qid]] for qid, ids in made.negatives.items()}
    weights = {qid: {pid: weight for pid, weight in own.items() if weight != 1} for qid, own in made.weights.items()}
    return replace(
        made,
        negatives={qid: ids for qid, ids in negatives.items() if ids},
        weights={qid: own for qid, own in weights.items() if own},
        scores={qid: own for qid, own in made.scores.items() if own},
    )
