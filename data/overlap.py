"""What two splits share, word for word and nearly: the queries of one that the other has seen, and the passages that answer in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from .draw import draw
from .minhash import NEAR, highest_similarity, sign
from .pairs import Corpus, Pairs, normalise

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
    """The folded texts of a split: each query with those of its positives; `drawn`: those that are searched for near copies."""

    items: list[tuple[str, list[str]]]
    drawn: list[tuple[str, list[str]]]

    @staticmethod
    def read(pairs: Pairs, corpus: Corpus, *, near: bool, seed: int) -> _Split:
        items = [(normalise(text), [normalise(corpus[pid]) for pid in pairs.positives[qid]]) for qid, text in pairs.queries.items()]
        return _Split(items, draw(items, NEAR_TEXTS, seed) if near else [])


def _compare(names: tuple[str, str], first: _Split, second: _Split) -> Overlap:
    queries, positives = {text for text, _ in first.items}, {text for _, texts in first.items for text in texts}
    other = [(text, texts) for text, texts in second.drawn if text not in queries]
    near = list(_near([text for text, _ in other], sorted({text for text, _ in first.drawn})))
    apart = [texts for _, texts in second.drawn if positives.isdisjoint(texts)]
    far = sorted({text for texts in apart for text in texts})
    near_positives = set(_near(far, sorted({text for _, texts in first.drawn for text in texts})))
    return Overlap(
        splits=names,
        queries=len(second.items),
        same_query=sum(text in queries for text, _ in second.items),
        near_query=sum(text in set(near) for text, _ in other),
        same_positive=sum(not positives.isdisjoint(texts) for _, texts in second.items),
        near_positive=sum(not near_positives.isdisjoint(texts) for texts in apart),
        compared=len(second.drawn),
        examples=tuple(near[:EXAMPLES]),
    )


def _near(texts: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    """Yield the texts that are nearly one of the others."""
    if texts and others:
        alike = highest_similarity(sign(texts), sign(others))
        yield from (text for text, similarity in zip(texts, alike, strict=True) if similarity >= NEAR)
