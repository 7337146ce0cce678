"""Several sources of one run -> one."""

from dataclasses import replace
from typing import Any

from .licence import join_licences
from .pairs import Pairs, TrainingData


def join_data(parts: list[TrainingData]) -> TrainingData:
    """Put several sources together; ids get a prefix each, so that none meet."""
    if len(parts) == 1:
        return parts[0]
    renamed = [_prefixed(part, f"{number}/") for number, part in enumerate(parts)]
    devs = [part.dev for part in renamed if part.dev is not None]
    return TrainingData(
        corpus={pid: text for part in renamed for pid, text in part.corpus.items()},
        train=_union([part.train for part in renamed]),
        dev=_union(devs) if devs else None,
        source=" + ".join(part.source for part in parts),
        language=parts[0].language,
        notes=tuple(note for part in parts for note in part.notes),
        licence=join_licences([part.licence for part in parts]),
        train_only=frozenset(pid for part in renamed for pid in part.train_only),
    )


def _prefixed(data: TrainingData, prefix: str) -> TrainingData:
    def rename(pairs: Pairs) -> Pairs:
        classes = {qid: prefix + label for qid, label in pairs.labels.items()}  # two sources may call different classes alike
        fields = (pairs.by_query() | {"labels": classes}).items()
        return Pairs(**{name: {prefix + qid: renamed(value) for qid, value in of_query.items()} for name, of_query in fields})

    def renamed(value: Any) -> Any:
        """Rename the passages' ids, where a value of a query holds some."""
        if isinstance(value, dict):
            return {prefix + pid: each for pid, each in value.items()}
        return [prefix + pid for pid in value] if isinstance(value, list) else value

    corpus = {prefix + pid: text for pid, text in data.corpus.items()}
    alone = frozenset(prefix + pid for pid in data.train_only)
    dev = rename(data.dev) if data.dev is not None else None
    return replace(data, corpus=corpus, train=rename(data.train), dev=dev, train_only=alone)


def _union(parts: list[Pairs]) -> Pairs:
    fields = [part.by_query() for part in parts]
    return Pairs(**{name: {qid: value for each in fields for qid, value in each[name].items()} for name in fields[0]})
