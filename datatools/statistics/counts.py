"""What can be counted without a base: queries, pairs, grades, positives of a query, and texts that come again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...data.pairs import Corpus, Pairs, normalise
from ..report import examples_of

BINS = ((1, 1), (2, 2), (3, 5), (6, 10), (11, None))
"""Positives of a query, from and to; None: any number more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCounts:
    """What a split holds.

    Attributes:
        queries: Queries.
        pairs: Queries with a positive each.
        negatives: Given hard negatives.
        passages: Passages that it names.
        positives_per_query: "1", "2", "3-5", "6-10", "11+" -> how many queries have so many positives.
        grades: Grade -> pairs.
        weighted: Queries with a weight.
        scored: Queries with a teacher's score.
        grouped: Queries with a group.
        dated: Queries with a time.
    """

    queries: int
    pairs: int
    negatives: int
    passages: int
    positives_per_query: dict[str, int]
    grades: dict[int, int]
    weighted: int
    scored: int
    grouped: int
    dated: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"grades": {str(grade): number for grade, number in self.grades.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Texts that come again under another id, folded in case and white space: how many are copies of an earlier one, and examples."""

    texts: int
    copies: int
    examples: tuple[str, ...]


def count_split(pairs: Pairs) -> SplitCounts:
    """Count what a split holds."""
    sizes = [len(passages) for passages in pairs.positives.values()]
    return SplitCounts(
        queries=len(pairs),
        pairs=pairs.pair_count,
        negatives=sum(map(len, pairs.negatives.values())),
        passages=len(pairs.passage_ids()),
        positives_per_query={_bin_name(*each): sum(_is_in(size, *each) for size in sizes) for each in BINS},
        grades=dict(sorted(Counter(grade for passages in pairs.positives.values() for grade in passages.values()).items())),
        weighted=len(pairs.weights),
        scored=len(pairs.scores),
        grouped=len(pairs.groups),
        dated=len(pairs.times),
    )


def count_duplicates(texts: Iterable[str]) -> Duplicates:
    """Count the texts that repeat an earlier one."""
    numbers: Counter[str] = Counter()
    first: dict[str, str] = {}
    for text in texts:
        key = normalise(text)
        numbers[key] += 1
        first.setdefault(key, text)
    repeated = [first[key] for key, number in numbers.most_common() if number > 1]
    return Duplicates(texts=numbers.total(), copies=numbers.total() - len(numbers), examples=examples_of(repeated))


def count_unnamed(splits: Mapping[str, Pairs], corpus: Corpus) -> int:
    """Return how many passages no pair of any split names."""
    named = {pid for pairs in splits.values() for pid in pairs.passage_ids()}
    return len(corpus.keys() - named)


def _is_in(size: int, first: int, last: int | None) -> bool:
    return first <= size and (last is None or size <= last)


def _bin_name(first: int, last: int | None) -> str:
    return f"{first}+" if last is None else str(first) if first == last else f"{first}-{last}"
