"""A log as arrays: one row an impression, texts as numbers, users and lists as hashes; on disk, so that memory does not grow with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...data.hashes import hash_text
from ...files import needs_disk
from .impressions import Impression

ROW = np.dtype(
    [
        ("query", "<i4"),
        ("item", "<i4"),
        ("position", "<i4"),
        ("shown", "<f8"),
        ("clicked", "<f8"),
        ("bought", "<f8"),
        ("user", "<u8"),
        ("list", "<u8"),
        ("randomised", "?"),
    ]
)
"""A user or list of 0, and a position of 0, are not known. `shown`, `clicked` and `bought` are lowered where a row counts in part."""
CHUNK = 1 << 20
"""Rows that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class LogRows:
    """The rows of a log.

    Attributes:
        table: (n,) of `ROW`, in memory or mapped from a file that vanishes with it. Tools lower its counts in place.
        queries: Their texts.
        items: Their ids.
    """

    table: np.ndarray
    queries: list[str]
    items: list[str]

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield views of the table, `CHUNK` rows each."""
        for start in range(0, len(self.table), CHUNK):
            yield self.table[start : start + CHUNK]

    def by_query(self) -> Iterator[np.ndarray]:
        """Yield numbers of rows, ascending, in parts of about `CHUNK`; all rows of a query are in one part."""
        parts = -(-len(self.table) // CHUNK)
        for part in range(parts):
            found = [np.flatnonzero(chunk["query"] % parts == part) + row * CHUNK for row, chunk in enumerate(self.chunks())]
            yield np.concatenate(found)

    @property
    def has_users(self) -> bool:
        """Whether any row names a user."""
        return any(bool((chunk["user"] != 0).any()) for chunk in self.chunks())

    @property
    def has_positions(self) -> bool:
        """Whether every row states its position."""
        return all(bool((chunk["position"] > 0).all()) for chunk in self.chunks())

    @property
    def has_impressions(self) -> bool:
        """Whether anything was shown that was not clicked."""
        return any(bool((chunk["clicked"] < chunk["shown"]).any()) for chunk in self.chunks())


def encode_rows(impressions: Iterable[Impression]) -> LogRows:
    """Write impressions into a temporary file as numbers, and map it."""
    queries: dict[str, int] = {}
    items: dict[str, int] = {}
    count = 0
    with needs_disk(Path(tempfile.gettempdir()), "TMPDIR"), tempfile.TemporaryFile() as file:
        for part in _parts(impressions):
            rows = [_encoded(each, queries, items) for each in part]
            file.write(np.array(rows, dtype=ROW).tobytes())
            count += len(rows)
        file.flush()
        table = np.memmap(file, dtype=ROW, mode="r+", shape=(count,)) if count else np.empty(0, dtype=ROW)  # type: ignore[call-overload]
    return LogRows(table, list(queries), list(items))


def _encoded(each: Impression, queries: dict[str, int], items: dict[str, int]) -> tuple[int | float | bool, ...]:
    return (
        queries.setdefault(each.query, len(queries)),
        items.setdefault(each.item, len(items)),
        each.position,
        each.shown,
        each.clicked,
        each.bought,
        hash_of(each.user),
        hash_of(each.list),
        each.randomised,
    )


def _parts(impressions: Iterable[Impression], size: int = 1 << 16) -> Iterator[list[Impression]]:
    part: list[Impression] = []
    for each in impressions:
        part.append(each)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


@lru_cache(maxsize=1 << 16)
def hash_of(text: str) -> int:
    """Return 64 bits of a text's hash, never 0; 0 for an empty text."""
    return hash_text(text) or 1 if text else 0
