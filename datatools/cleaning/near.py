"""Rows that are nearly the same as an earlier one.

Signatures find them, and the texts of the two queries decide: two questions behind one long story, or behind the name of one product, have
most of their text in common and are two questions.

Of a text nothing is kept beside it but its MinHash signature (data/minhash.py: 64 bytes, over shingles of three characters, so that Chinese, which
parts no words, is treated like any language), of a row 72 bytes beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set

import numpy as np
import numpy.typing as npt

from ...data.hashes import hash_text
from ...data.minhash import HASHES, Signatures, folded, sign
from ...data.pairs import normalise
from ...data.protected import protected_multiset
from .content import Hits
from .rows import Key, Rows

_ODD = np.uint64(0x9E3779B97F4A7C15)  # mixes a band's value into the hash of a row's numbers
_CHUNK = 1024
_STRETCH, _STEP, _RUN = 24, 8, 5


def near_rows(rows: Rows, without: Set[Key], near: float) -> Hits:
    """Find rows whose query and passage are both nearly those of an earlier row that stays, and whose numbers are all the same.

    "Article 12" is not "Article 13", and "can I" is not "can I not", however alike the rest is.
    """
    keys = [key for key, _, _ in rows.positives(without)]
    qids, pids = ({each: at for at, each in enumerate(dict.fromkeys(key[part] for key in keys))} for part in (0, 1))
    queries, query_numbers = _read(rows.pairs.queries[qid] for qid in qids)
    passages, passage_numbers = _read(rows.corpus[pid] for pid in pids)
    at = np.array([(qids[qid], pids[pid]) for qid, pid in keys], np.intp).reshape(-1, 2)
    numbers = query_numbers[at[:, 0]] ^ (passage_numbers[at[:, 1]] * _ODD)

    def is_same_question(row: int, other: int) -> bool:
        one, another = (rows.pairs.queries[keys[each][0]] for each in (row, other))
        return normalise(one) != normalise(another) and has_stretches(one, another) and has_stretches(another, one)

    by_side = [_groups(signed[at[:, part]], numbers) for part, signed in enumerate((queries, passages))]
    fewest = min(by_side, key=_comparisons)  # both texts have to be near, so that either side finds the row
    for row in _repeating(fewest, (queries, passages), at, near, is_same_question):
        qid, pid = keys[row]
        yield keys[row], rows.pairs.queries[qid], rows.corpus[pid]


def has_stretches(text: str, other: str) -> bool:
    """Return whether every stretch of a text stands in another, but for a typing error or two.

    A stretch is 24 letters, digits and blanks, of whose runs of five at least half stand in the other text.
    """
    own, there = folded(text), folded(other)
    known = set(_runs(there))
    starts = [*range(0, max(1, len(own) - _STRETCH), _STEP), max(0, len(own) - _STRETCH)]
    stretches = (_runs(own[start : start + _STRETCH]) for start in starts)
    return own == there or all(2 * sum(run in known for run in runs) >= len(runs) for runs in stretches)


def _runs(text: str) -> list[str]:
    return [text[start : start + _RUN] for start in range(max(1, len(text) - _RUN + 1))]


def _read(texts: Iterable[str]) -> tuple[Signatures, npt.NDArray[np.uint64]]:
    """Return the signatures of texts, (n, HASHES), and hashes of their numbers, (n,)."""
    signed, numbers = [np.empty((0, HASHES), np.uint8)], []
    for chunk in _chunks(texts):
        signed.append(sign(chunk))
        numbers += [hash_text(repr(sorted(protected_multiset(text).items()))) for text in chunk]
    return np.concatenate(signed), np.array(numbers, np.uint64)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _groups(texts: Signatures, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
    """Return for each row and band the group of rows that share the band and all numbers, (n, bands); -1 for a row alone."""
    bands = np.ascontiguousarray(texts).view(
        np.uint32
    )  # (n, 16): 4 values of 8 bits; two texts of similarity 0.8 share one with probability 0.9998
    groups = np.empty(bands.shape, np.int32)
    for band in range(bands.shape[1]):
        _, group, counts = np.unique(bands[:, band] * _ODD ^ numbers, return_inverse=True, return_counts=True)
        groups[:, band] = np.where(counts[group] > 1, group, -1)
    return groups


def _comparisons(groups: npt.NDArray[np.int32]) -> int:
    """Return how many rows would be compared: questions of one template share bands by the thousand, and so do rows of one passage."""
    return sum(int((np.bincount(band[band >= 0]).astype(np.int64) ** 2).sum()) for band in groups.T)


def _repeating(
    groups: npt.NDArray[np.int32],
    signatures: tuple[Signatures, Signatures],
    at: npt.NDArray[np.intp],
    near: float,
    confirms: Callable[[int, int], bool],
) -> Iterator[int]:
    """Yield the rows that are near an earlier one that is not yielded, and confirmed; `at` are the rows' places in both signatures, (n, 2)."""
    staying: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero((groups >= 0).any(axis=1)).tolist():
        own = [(band, group) for band, group in enumerate(groups[row].tolist()) if group >= 0]
        others = sorted({other for key in own for other in staying.get(key, ())})
        alike = np.ones(len(others), bool)
        for part, signed in enumerate(signatures):
            alike &= (signed[at[others, part]] == signed[at[row, part]]).mean(axis=1) >= near
        if any(confirms(row, other) for other, is_alike in zip(others, alike.tolist(), strict=True) if is_alike):
            yield row
            continue
        for key in own:
            staying.setdefault(key, []).append(row)
