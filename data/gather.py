"""Rows of texts -> a corpus and pairs: where a source has no corpus, the pool of its positives and negatives is one."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import DataError
from .pairs import Corpus, Pairs


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a source: a query, the texts that answer it, and given texts that do not. `where` names the row in an error."""

    where: str
    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.positives:
            raise DataError(f"{self.where}: the query has no positive passage")
        for name, texts in (("query", (self.query,)), ("positive", self.positives), ("negative", self.negatives)):
            if not all(isinstance(text, str) and text.strip() for text in texts):
                raise DataError(f"{self.where}: a {name} is empty or not a text; fill it or remove the row")


def pool_rows(rows: Iterable[TextRow], source: str) -> tuple[Corpus, Pairs]:
    """Give every distinct text one id, and join the rows of the same query. What answers a query is never its negative.

    Raises:
        DataError: there are no rows.
    """
    passages: dict[str, str] = {}  # text -> id
    queries: dict[str, str] = {}
    positives: dict[str, dict[str, int]] = {}
    negatives: dict[str, list[str]] = {}
    for row in rows:
        qid = queries.setdefault(row.query, f"q{len(queries)}")
        for text in row.positives:
            positives.setdefault(qid, {})[passages.setdefault(text, f"p{len(passages)}")] = 1
        for text in row.negatives:
            negatives.setdefault(qid, []).append(passages.setdefault(text, f"p{len(passages)}"))
    if not queries:
        raise DataError(f"{source} holds no pairs; expected at least one query with a positive passage")
    unanswering = {qid: [pid for pid in dict.fromkeys(ids) if pid not in positives[qid]] for qid, ids in negatives.items()}
    pairs = Pairs({qid: text for text, qid in queries.items()}, positives, {qid: ids for qid, ids in unanswering.items() if ids})
    return {pid: text for text, pid in passages.items()}, pairs
