"""Candidates to rerank: `top_ranked.tsv` of a BEIR folder, or the negatives of a file of pairs."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .beir import BeirFolder
from .pair_files import read_pair_file
from .pooling import pool_rows
from .readers import read_table
from .retrieval import Corpus, Pairs

TOP_RANKED = "top_ranked.tsv"
COLUMNS = ("query-id", "corpus-id")
Candidates = dict[str, list[str]]
"""Query id -> ids of the passages that it ranks, in the order of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPairs:
    """A corpus, pairs, and what each query ranks; `notes` say what of the file is not used."""

    corpus: Corpus
    pairs: Pairs
    candidates: Candidates
    notes: tuple[str, ...]


def has_candidates(folder: Path) -> bool:
    """Say whether a folder names candidates."""
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


def load_pair_candidates(path: Path) -> RankedPairs:
    """Read a file of pairs with negatives as reranking: each query ranks its positives and negatives.

    Raises:
        DataError: as `read_pair_file`, or a row has no negatives, so that there is nothing to rank.
    """
    read = read_pair_file(path)
    for row in read.rows:
        if not row.negatives:
            raise DataError(f"{row.where}: no texts under 'neg'; to rerank, a query needs passages that do not answer it")
    corpus, pairs = pool_rows(read.rows, str(path))
    candidates = {qid: [*positives, *pairs.negatives.get(qid, [])] for qid, positives in pairs.positives.items()}
    return RankedPairs(corpus=corpus, pairs=pairs, candidates=candidates, notes=read.notes)
