"""Pairs -> a BEIR folder, and what such a folder cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...files import write_file
from ...plurals import count
from ..pairs import Corpus, Pairs
from ..readers import ID
from .folder import written_whole
from .lines import write_json_lines


def write_beir(folder: Path, corpus: Corpus, splits: Mapping[str, Pairs]) -> tuple[str, ...]:
    """Write `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`, whole or not at all, and say what was left out.

    Args:
        folder: A new folder, or an empty one.
        corpus: Passage id -> text; the titles are in the texts.
        splits: Name -> its pairs. Queries of two splits that have the same id get the split's name before it.

    Returns:
        A line for each thing that a BEIR folder has no place for and these pairs have.

    Raises:
        ConfigError: something lies there already, or it cannot be written.
    """
    named = {split: _named(split, pairs, splits) for split, pairs in splits.items()}
    with written_whole(folder) as part:
        (part / "qrels").mkdir()
        write_json_lines(part / "corpus.jsonl", ({ID: pid, "title": "", "text": text} for pid, text in corpus.items()))
        queries = ((name, splits[split].queries[qid]) for split, names in named.items() for qid, name in names.items())
        write_json_lines(part / "queries.jsonl", ({ID: name, "text": text} for name, text in queries))
        for split, names in named.items():
            write_file(part / "qrels" / f"{split}.tsv", "".join(_judgements(splits[split], names)).encode())
    return tuple(note for split, pairs in splits.items() for note in _left_out(split, pairs))


def _named(split: str, pairs: Pairs, splits: Mapping[str, Pairs]) -> dict[str, str]:
    others = {qid for name, other in splits.items() if name != split for qid in other.queries}
    return {qid: f"{split}-{qid}" if qid in others else qid for qid in pairs.queries}


def _judgements(pairs: Pairs, names: Mapping[str, str]) -> Iterator[str]:
    yield "query-id\tcorpus-id\tscore\n"
    for qid, passages in pairs.positives.items():
        for pid, grade in passages.items():
            yield f"{names[qid]}\t{pid}\t{grade}\n"


def _left_out(split: str, pairs: Pairs) -> Iterator[str]:
    stated: dict[str, Mapping[str, object]] = {
        "hard negatives": pairs.negatives,
        "weights": pairs.weights,
        "teacher scores": pairs.scores,
        "groups": pairs.groups,
        "times": pairs.times,
        "classes": pairs.labels,
    }
    for what, by_query in stated.items():
        if by_query:
            yield f"{split}: a BEIR folder has no place for {what}; those of {count(len(by_query), 'query')} are left out"
