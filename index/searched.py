"""What a search found: for each query its rows with their ranks by every reference, and where the known answers stand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CUTOFF = 10
_DEPTHS = (1, 10, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row of the corpus that at least one reference has among its best.

    Attributes:
        id: Its id.
        text: Its text; None where the index keeps none.
        ranks: Reference -> its exact rank, 1 being the nearest.
        scores: Reference -> its cosine with the query.
        grade: What it is worth as an answer, by judgements; 0: nothing, or not judged.
    """

    id: str
    text: str | None
    ranks: Mapping[str, int]
    scores: Mapping[str, float]
    grade: int = 0

    def risen(self, reference: str, base: str) -> int:
        """Return by how many ranks it stands higher than by the base; below 0: lower."""
        return self.ranks[base] - self.ranks[reference]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        scores = {name: round(score, 6) for name, score in self.scores.items()}
        return {"id": self.id, "text": self.text, "ranks": dict(self.ranks), "scores": scores, "grade": self.grade}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedQuery:
    """One query.

    Attributes:
        id: Its id, where it has one.
        query: Its text.
        hits: The best rows of any reference, in the order of the first reference's ranks.
        answers: The rows that answer it by the judgements, however deep they stand, the best grade first.
    """

    id: str | None
    query: str
    hits: tuple[Hit, ...]
    answers: tuple[Hit, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        hits, answers = ([hit.as_dict() for hit in hits] for hits in (self.hits, self.answers))
        return {"id": self.id, "query": self.query, "hits": hits, "answers": answers}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """What was searched, and found.

    Attributes:
        index: The folder.
        rows: Of the index.
        references: In the order in which they were named, the base last.
        base: Which of them is the base; None: the index is not the base's.
        top: How many rows of each are shown.
        queries: In their order.
        answers_missing: How many judged passages are not in the index.
    """

    index: Path
    rows: int
    references: tuple[str, ...]
    base: str | None
    top: int
    queries: tuple[SearchedQuery, ...]
    answers_missing: int = 0

    @property
    def judged(self) -> list[SearchedQuery]:
        """The queries that have an answer in the index."""
        return [query for query in self.queries if query.answers]

    def summary(self) -> list[dict[str, Any]]:
        """Return for each reference the nDCG@10, and the share of queries with an answer at ranks 1, 10 and 100; none without judgements."""
        judged = self.judged
        if not judged:
            return []
        return [{"reference": name} | _measures(judged, name) for name in self.references]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "index": str(self.index),
            "rows": self.rows,
            "references": list(self.references),
            "base": self.base,
            "top": self.top,
            "judged": len(self.judged),
            "answers_missing": self.answers_missing,
            "summary": self.summary(),
            "queries": [query.as_dict() for query in self.queries],
        }


def _measures(queries: Sequence[SearchedQuery], reference: str) -> dict[str, float]:
    ndcg = sum(_ndcg(query.answers, reference) for query in queries) / len(queries)
    best = [min(answer.ranks[reference] for answer in query.answers) for query in queries]
    return {f"nDCG@{CUTOFF}": ndcg} | {f"found@{depth}": sum(rank <= depth for rank in best) / len(best) for depth in _DEPTHS}


def _ndcg(answers: Sequence[Hit], reference: str) -> float:
    """Return the nDCG of one query, gains being grades as in trec_eval; answers that are not in the index do not count."""
    gained = sum(answer.grade / math.log2(answer.ranks[reference] + 1) for answer in answers if answer.ranks[reference] <= CUTOFF)
    grades = sorted((answer.grade for answer in answers), reverse=True)[:CUTOFF]
    return gained / sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
