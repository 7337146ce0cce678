"""Several sources of one run -> one."""

from dataclasses import replace

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
    )


def _prefixed(data: TrainingData, prefix: str) -> TrainingData:
    def rename(pairs: Pairs) -> Pairs:
        return Pairs(
            {prefix + qid: text for qid, text in pairs.queries.items()},
            {prefix + qid: {prefix + pid: grade for pid, grade in graded.items()} for qid, graded in pairs.positives.items()},
            {prefix + qid: [prefix + pid for pid in ids] for qid, ids in pairs.negatives.items()},
        )

    corpus = {prefix + pid: text for pid, text in data.corpus.items()}
    return replace(data, corpus=corpus, train=rename(data.train), dev=rename(data.dev) if data.dev is not None else None)


def _union(parts: list[Pairs]) -> Pairs:
    return Pairs(
        {qid: text for part in parts for qid, text in part.queries.items()},
        {qid: graded for part in parts for qid, graded in part.positives.items()},
        {qid: ids for part in parts for qid, ids in part.negatives.items()},
    )
