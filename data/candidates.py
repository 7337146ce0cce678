"""Candidates to rerank: `top_ranked.tsv` of a BEIR folder, or the positives and negatives of each query."""

from pathlib import Path

from ..errors import DataError
from .beir import BeirFolder
from .pairs import Corpus, Pairs
from .readers import read_table

TOP_RANKED = "top_ranked.tsv"
COLUMNS = ("query-id", "corpus-id")
Candidates = dict[str, list[str]]
"""Query id -> ids of the passages that it ranks, in the order of the file."""


def has_candidates(folder: Path) -> bool:
    """Return whether a folder names candidates."""
    return (folder / TOP_RANKED).is_file()


def read_candidates(folder: BeirFolder, pairs: Pairs, corpus: Corpus) -> tuple[Candidates, tuple[str, ...]]:
    """Read the candidates of the queries of `pairs` (a row of `top_ranked.tsv` names a query and one passage), and what was skipped.

    Raises:
        DataError: the file is malformed, names a missing query or passage that is not to be skipped, or has no row for a query.
    """
    path, dangling = folder.path / TOP_RANKED, folder.dangling(folder.queries(), corpus)
    candidates: Candidates = {qid: [] for qid in pairs.queries}
    for where, row in read_table(path, COLUMNS):
        qid, pid = (str(row[column]) for column in COLUMNS)
        if not dangling.is_skipped(where, qid, pid) and qid in candidates:
            candidates[qid].append(pid)
    if bare := [qid for qid, own in candidates.items() if not own]:
        raise DataError(f"{path} has no row for query {bare[0]!r}; every judged query needs candidates")
    return candidates, dangling.notes("candidates")


def own_candidates(pairs: Pairs) -> Candidates | None:
    """Return each query's positives and negatives; None where a query has no negatives, and so nothing to rank."""
    if not all(pairs.negatives.get(qid) for qid in pairs.queries):
        return None
    return {qid: [*positives, *pairs.negatives[qid]] for qid, positives in pairs.positives.items()}
