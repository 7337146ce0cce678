"""Queries of a language model for passages: kept by content, several asked for at once, a fault costs its passage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import ConfigError
from .answers import read_queries
from .chat import Chat, RowError
from .prompts import make_messages

if TYPE_CHECKING:
    from pathlib import Path

    from ...cache.files import CacheFiles

MOST_IN_A_ROW = 20
"""After so many passages in a row without an answer, the others are not asked for."""
NOT_ASKED = f"not asked for, after {MOST_IN_A_ROW} faults in a row"


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one passage: the queries, or why there are none, and whether the answer was kept from before."""

    queries: tuple[str, ...] = ()
    problem: str | None = None
    is_kept: bool = False


@dataclass(slots=True)
class QueryWriter:
    """Asks for queries.

    Attributes:
        chat: The client.
        files: Where answers are kept; None: nowhere.
        parallel: How many requests are under way at once, 1 or more.
    """

    chat: Chat
    files: CacheFiles | None = None
    parallel: int = 4
    _faults: int = 0  # in a row
    _is_over: bool = False  # no request would be answered

    def write(self, passages: Sequence[str], number: int, seed: int) -> Iterator[Written]:
        """Yield for each passage, in their order, at most `number` queries.

        Raises:
            ConfigError: no request would be answered.
        """
        pool = ThreadPoolExecutor(self.parallel)
        try:
            yield from pool.map(lambda passage: self._one(passage, number, seed), passages)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # what is under way ends when the client is closed

    def _one(self, passage: str, number: int, seed: int) -> Written:
        messages = make_messages(passage, number)
        path = self._path(messages, seed)
        if (kept := _read(path)) is not None:
            return Written(tuple(kept[:number]), is_kept=True)
        if self._is_over or self._faults >= MOST_IN_A_ROW:
            return Written(problem=NOT_ASKED)
        try:
            queries = read_queries(self.chat.ask(messages, seed=seed))
        except RowError as e:
            self._faults += 1
            return Written(problem=str(e))
        except ConfigError:
            self._is_over = True
            raise
        self._faults = 0
        if self.files is not None and path is not None:
            self.files.write(path, json.dumps({"queries": queries}, ensure_ascii=False).encode("utf-8", "replace"))
        return Written(tuple(queries[:number]))

    def _path(self, messages: Sequence[dict[str, str]], seed: int) -> Path | None:
        """Return where an answer is kept: by all that it depends on, the key apart."""
        if self.files is None:
            return None
        content = {"format": 1, "url": self.chat.endpoint.url, "model": self.chat.endpoint.model, "messages": messages, "seed": seed}
        name = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
        return self.files.folder / "answers" / f"{name}.json"


def _read(path: Path | None) -> list[str] | None:
    if path is not None:
        with suppress(OSError, ValueError, LookupError, TypeError):
            queries = json.loads(path.read_bytes())["queries"]
            if isinstance(queries, list) and all(isinstance(query, str) for query in queries):
                return queries
    return None
