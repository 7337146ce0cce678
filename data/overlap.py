"""What two splits share, word for word and nearly: the queries of one that the other has seen, and the passages that answer in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from .draw import draw
from .groups import text_key
from .minhash import NEAR, highest_similarity, sign
from .pairs import Corpus, Pairs

NEAR_TEXTS = 20_000
"""Texts of each split that are searched for near copies (half a millisecond each); of more, so many are drawn."""
EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What of one split's queries another split has seen. The counts are of the later split's queries.

    Attributes:
        splits: The two, such as ("train", "test").
        queries: Queries of the later split.
        same_query: Whose text is one of the earlier split, but for case and white space.
        near_query: Whose text is nearly one of the earlier split (estimated Jaccard similarity of 0.8 or more), the same ones left out.
        same_positive: That a passage answers which answers a query of the earlier split as well.
        near_positive: That no such passage answers, but one that is nearly the same.
        compared: How many of the later split's queries were searched for near copies.
        examples: Texts of near queries, the later split's.
    """

    splits: tuple[str, str]
    queries: int
    same_query: int
    near_query: int
    same_positive: int
    near_positive: int
    compared: int
    examples: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def overlaps_of(splits: Mapping[str, tuple[Pairs, Corpus]], *, near: bool = True, seed: int = 0) -> list[Overlap]:
    """Compare each split with each that comes after it.

    Args:
        splits: Name -> its pairs, and the corpus that their ids belong to, in the order train, dev, test.
        near: Whether near copies are looked for.
        seed: Draws what is compared for near copies, where a split is large.
    """
    read = {name: _Split.read(pairs, corpus, near=near, seed=seed) for name, (pairs, corpus) in splits.items() if len(pairs)}
    return [_compare((first, second), read[first], read[second]) for first, second in combinations(read, 2)]


@dataclass(frozen=True, slots=True)
class _Split:
    """A split by the keys of its texts: `queries` those of queries, `positives` those of each query's positives.

    `drawn` are the queries that are searched for near copies, each with the texts of its positives.
    """

    queries: list[str]
    positives: list[list[str]]
    drawn: list[tuple[str, list[str]]]

    @staticmethod
    def read(pairs: Pairs, corpus: Corpus, *, near: bool, seed: int) -> _Split:
        drawn = draw(list(pairs.queries), NEAR_TEXTS, seed) if near else []
        return _Split(
            [text_key(text) for text in pairs.queries.values()],
            [[text_key(corpus[pid]) for pid in pairs.positives[qid]] for qid in pairs.queries],
            [(pairs.queries[qid], [corpus[pid] for pid in pairs.positives[qid]]) for qid in drawn],
        )


def _compare(names: tuple[str, str], first: _Split, second: _Split) -> Overlap:
    queries, positives = set(first.queries), {key for keys in first.positives for key in keys}
    other = [text for text, _ in second.drawn if text_key(text) not in queries]
    near = _near(other, [text for text, _ in first.drawn])
    apart = [texts for _, texts in second.drawn if positives.isdisjoint(map(text_key, texts))]
    near_positives = _near([text for texts in apart for text in texts], [text for _, texts in first.drawn for text in texts])
    return Overlap(
        splits=names,
        queries=len(second.queries),
        same_query=sum(key in queries for key in second.queries),
        near_query=sum(text in near for text in other),
        same_positive=sum(not positives.isdisjoint(keys) for keys in second.positives),
        near_positive=sum(not near_positives.isdisjoint(texts) for texts in apart),
        compared=len(second.drawn),
        examples=tuple(text for text in dict.fromkeys(other) if text in near)[:EXAMPLES],
    )


def _near(texts: Sequence[str], others: Sequence[str]) -> set[str]:
    """Return the texts that are nearly one of the others."""
    different = list(dict.fromkeys(texts))
    if not (different and others):
        return set()
    alike = highest_similarity(sign(different), sign(list(dict.fromkeys(others))))
    return {text for text, similarity in zip(different, alike, strict=True) if similarity >= NEAR}
