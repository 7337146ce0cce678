"""Candidates to rerank: `top_ranked.tsv` of a BEIR folder, or the negatives of FlagEmbedding lines."""

from pathlib import Path

from ..errors import DataError
from .beir import BeirFolder
from .flag_lines import load_flag_lines
from .readers import read_jsonl, read_table
from .retrieval import Corpus, Pairs

TOP_RANKED = "top_ranked.tsv"
COLUMNS = ("query-id", "corpus-id")
Candidates = dict[str, list[str]]
"""Query id -> ids of the passages that it ranks, in the order of the file."""


def has_candidates(folder: Path) -> bool:
    """Say whether a folder names candidates."""
    return (folder / TOP_RANKED).is_file()


def read_candidates(folder: BeirFolder, pairs: Pairs, corpus: Corpus) -> Candidates:
    """Read the candidates of the queries of `pairs`: a row of `top_ranked.tsv` names a query and one passage.

    Raises:
        DataError: the file is malformed, names a missing query or passage, or has no row for a query.
    """
    path, known = folder.path / TOP_RANKED, folder.queries()
    candidates: Candidates = {qid: [] for qid in pairs.queries}
    for where, row in read_table(path, COLUMNS):
        qid, pid = (str(row[column]) for column in COLUMNS)
        if qid not in known:
            raise DataError(f"{where}: query {qid!r} is not in queries.jsonl")
        if pid not in corpus:
            raise DataError(f"{where}: passage {pid!r} is not in corpus.jsonl")
        if qid in candidates:
            candidates[qid].append(pid)
    if bare := [qid for qid, own in candidates.items() if not own]:
        raise DataError(f"{path} has no row for query {bare[0]!r}; every judged query needs candidates")
    return candidates


def load_flag_candidates(path: Path) -> tuple[Corpus, Pairs, Candidates]:
    """Read a file of FlagEmbedding lines as reranking: each query ranks its positives and negatives.

    Raises:
        DataError: as `load_flag_lines`, or a line has no negatives, so that there is nothing to rank.
    """
    for where, row in read_jsonl(path):
        if row.get("neg") in (None, []):
            raise DataError(f"{where}: no texts under 'neg'; to rerank, a query needs passages that do not answer it")
    corpus, pairs = load_flag_lines(path)
    return corpus, pairs, {qid: [*positives, *pairs.negatives.get(qid, [])] for qid, positives in pairs.positives.items()}
