"""Pairs -> FlagEmbedding lines, with what is stated of them: the format that the data tools hand to one another.

One line a query. Positives whose weights differ stand on lines of their own, because a line has one weight.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ...files import write_file
from ..pairs import Corpus, Pairs


def write_lines(path: Path, pairs: Pairs, corpus: Corpus) -> None:
    """Write pairs as JSON Lines, whole or not at all.

    The keys are `query`, `pos`, `neg`, and where they are stated `weight`, `pos_scores`, `neg_scores`, `group`, `time`, `class`. A list of scores is written where a text of it has one, with null for those that have none. Grades above 1 are not kept: all positives are alike.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_json_lines(path, pair_lines(pairs, corpus))


def write_json_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write objects as JSON Lines, whole or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """

    def write(file: BinaryIO) -> None:
        for line in lines:
            file.write(_encoded(line))

    write_file(path, write)


def _encoded(line: Mapping[str, Any]) -> bytes:
    r"""Return a line as UTF-8; one with half a character (\ud83d), which UTF-8 cannot hold, in JSON's escapes."""
    try:
        return (json.dumps(line, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(line) + "\n").encode()


def pair_lines(pairs: Pairs, corpus: Corpus) -> Iterator[dict[str, Any]]:
    """Yield the lines of pairs as objects."""
    for qid, query in pairs.queries.items():
        stated = {"group": pairs.groups.get(qid), "time": pairs.times.get(qid), "class": pairs.labels.get(qid)}
        negatives = pairs.negatives.get(qid, [])
        for weight, positives in _by_weight(pairs, qid).items():
            line: dict[str, Any] = {"query": query, "pos": [corpus[pid] for pid in positives], "neg": [corpus[pid] for pid in negatives]}
            line |= {"weight": weight} if pairs.weights else {}
            line |= _scores("pos_scores", pairs, qid, positives) | _scores("neg_scores", pairs, qid, negatives)
            yield line | {name: value for name, value in stated.items() if value is not None}
            negatives = []  # once a query


def _by_weight(pairs: Pairs, qid: str) -> dict[float, list[str]]:
    weights = pairs.weights.get(qid, {})
    groups: dict[float, list[str]] = defaultdict(list)
    for pid in pairs.positives[qid]:
        groups[weights.get(pid, 1.0)].append(pid)
    return groups or {1.0: []}


def _scores(name: str, pairs: Pairs, qid: str, ids: list[str]) -> dict[str, list[float | None]]:
    scores = pairs.scores.get(qid, {})
    return {name: [scores.get(pid) for pid in ids]} if any(pid in scores for pid in ids) else {}
