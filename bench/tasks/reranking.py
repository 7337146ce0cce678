"""Reranking: each query ranks candidates of its own. All but the candidates is as in `retrieval.py`."""

from dataclasses import replace

from mteb.abstasks import AbsTask

from ...data.pairs import Corpus, Pairs
from ...errors import DataError
from .local import describe_local
from .retrieval import KIND as RETRIEVAL
from .retrieval import LocalRetrieval, content_rows

# From local data


def reranking_task(
    name: str, corpus: Corpus, pairs: Pairs, candidates: dict[str, list[str]], *, language: str = "en", split: str = "test"
) -> AbsTask:
    """Make a reranking task; passages that are not a candidate of any query are left out.

    Raises:
        DataError: there is no query or no passage, a query has no candidates, or one of them is not in the corpus.
    """
    where = f"{name} ({split})"
    content_rows(where, corpus, pairs)
    for qid in pairs.queries:
        if not candidates.get(qid):
            raise DataError(f"{where}: query {qid!r} has no candidates to rank")
        if missing := [pid for pid in candidates[qid] if pid not in corpus]:
            raise DataError(f"{where}: query {qid!r} has the candidate {missing[0]!r}, which is not in the corpus")
    own = {qid: list(dict.fromkeys(candidates[qid])) for qid in pairs.queries}
    ranked = {pid for ids in own.values() for pid in ids} | pairs.passage_ids()
    kept = {pid: text for pid, text in corpus.items() if pid in ranked}
    rows = [*content_rows(where, kept, pairs), *(("candidate", qid, pid) for qid, ids in own.items() for pid in ids)]
    metadata = describe_local(name, "Reranking", "map_at_1000", rows, language=language, split=split)
    return LocalRetrieval(metadata, kept, pairs, own)


KIND = replace(RETRIEVAL, shown_metrics=("AP@1000", "nDCG@10", "RR@10"), needs_vectors=True)
