"""An index and what searches it, both open: queries -> their nearest rows by each reference, with exact ranks by all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import DataError
from .folder import IndexFolder
from .searched import Hit, SearchedQuery, SearchReport

if TYPE_CHECKING:
    import torch

    from ..encoders.protocol import Encoder
    from .search import Nearest
    from .vectors import StoredVectors

Answers = Mapping[str, Mapping[str, int]]
"""Query id -> passage id -> grade, 1 or more."""


@dataclass(frozen=True, slots=True)
class OpenSearch:
    """What can search: each call embeds its queries by every reference, and reads the index twice.

    Attributes:
        index: What is searched.
        encoders: Reference -> what embeds its queries.
        base: Which of them is the base; None: none.
        top: How many rows of each are shown.
    """

    index: IndexFolder
    encoders: Mapping[str, Encoder]
    base: str | None
    top: int

    def search(self, queries: Sequence[str], *, ids: Sequence[str] | None = None, answers: Answers | None = None) -> SearchReport:
        """Return the nearest rows of queries by each reference, with their exact ranks by all the others.

        Args:
            queries: At least one text.
            ids: One for each, by which `answers` knows it.
            answers: Which rows answer them; where these stand is told, however deep.

        Raises:
            DataError: a query is not a text or is empty, or the index changed meanwhile.
        """
        import torch

        if empty := [row for row, query in enumerate(queries, 1) if isinstance(query, str) and not query.strip()]:
            raise DataError(f"query {empty[0]} is empty; expected a text")
        names: Sequence[str | None] = ids or [None] * len(queries)
        stored = self.index.vectors()
        embedded = {name: torch.from_numpy(encoder.encode(queries, "query").vectors) for name, encoder in self.encoders.items()}
        judged, missing = rows_of_answers(self.index, names, answers or {})
        standings = _compare(embedded, stored, self.top, judged)
        stored.check_unchanged()
        found = [
            self._searched(name, query, standing, grades)
            for name, query, standing, grades in zip(names, queries, standings, judged, strict=True)
        ]
        return SearchReport(
            index=self.index.path,
            rows=self.index.count,
            references=tuple(self.encoders),
            base=self.base,
            top=self.top,
            queries=tuple(found),
            answers_missing=missing,
        )

    def _searched(self, name: str | None, query: str, standing: _Standing, grades: Mapping[int, int]) -> SearchedQuery:
        hits = {
            row: Hit(
                id=self.index.id(row),
                text=self.index.text(row),
                ranks={each: ranks[place] for each, ranks in standing.ranks.items()},
                scores={each: scores[place] for each, scores in standing.scores.items()},
                grade=grades.get(row, 0),
            )
            for place, row in enumerate(standing.rows)
        }
        best = sorted((hits[row] for row in standing.best), key=lambda hit: tuple(hit.ranks.values()))
        answers = sorted((hits[row] for row in grades), key=lambda hit: (-hit.grade, *hit.ranks.values()))
        return SearchedQuery(id=name, query=query, hits=tuple(best), answers=tuple(answers))


@dataclass(frozen=True, slots=True)
class _Standing:
    """Of one query: the rows that are asked about, the best of any reference among them, and by each the ranks and cosines of all."""

    rows: list[int]
    best: set[int]
    ranks: dict[str, list[int]]
    scores: dict[str, list[float]]


def _compare(embedded: Mapping[str, torch.Tensor], stored: StoredVectors, top: int, judged: Sequence[Mapping[int, int]]) -> list[_Standing]:
    """Find the best rows of each query by any reference, and where they and its answers stand by all of them."""
    from .search import best_rows, ranks_of

    nearest = {name: best_rows(vectors, stored, top) for name, vectors in embedded.items()}
    best = [_best(nearest.values(), number) for number in range(len(judged))]
    rows = [list(dict.fromkeys([*own, *grades])) for own, grades in zip(best, judged, strict=True)]
    ranks = {name: ranks_of(vectors, stored, rows) for name, vectors in embedded.items()}
    scores = {
        name: [(stored.rows(own) @ vectors[number]).tolist() for number, own in enumerate(rows)] for name, vectors in embedded.items()
    }
    return [
        _Standing(
            rows=own,
            best=set(best[number]),
            ranks={name: ranks[name][number] for name in embedded},
            scores={name: scores[name][number] for name in embedded},
        )
        for number, own in enumerate(rows)
    ]


def _best(nearest: Iterable[Nearest], number: int) -> list[int]:
    return list(dict.fromkeys(row for found in nearest for row in found.rows[number].tolist()))


def rows_of_answers(index: IndexFolder, ids: Sequence[str | None], answers: Answers) -> tuple[list[dict[int, int]], int]:
    """Return for each query its answers, row -> grade, and how many of all answers are not in the index."""
    wanted = [answers.get(each, {}) if each is not None else {} for each in ids]
    distinct = list({pid for graded in wanted for pid in graded})
    row_of = dict(zip(distinct, index.rows_of(distinct), strict=True))
    rows = [{row: grade for pid, grade in graded.items() if (row := row_of[pid]) is not None} for graded in wanted]
    return rows, sum(map(len, wanted)) - sum(map(len, rows))
