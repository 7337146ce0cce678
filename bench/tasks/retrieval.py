"""A corpus, queries and relevance judgements as mteb's retrieval task."""

from datasets import Dataset
from mteb.abstasks import AbsTask, AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.retrieval import Corpus, Pairs
from ...errors import DataError
from ...plurals import count
from .local import describe_local, storable


class LocalRetrieval(AbsTaskRetrieval):  # type: ignore[misc]  # mteb is not followed by the type checker
    """A corpus, queries and judgements; with `candidates` (query id -> ids of passages) each query ranks these alone."""

    def __init__(self, metadata: TaskMetadata, corpus: Corpus, pairs: Pairs, candidates: dict[str, list[str]] | None = None) -> None:
        self.metadata = metadata
        super().__init__()
        self.corpus_texts, self.pairs, self.candidates = corpus, pairs, candidates
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the texts out as mteb expects them; titles are joined to them already."""
        self.dataset = {
            "default": {
                self.metadata.eval_splits[0]: {
                    "corpus": _table(self.corpus_texts),
                    "queries": _table(self.pairs.queries),
                    "relevant_docs": {qid: dict(passages) for qid, passages in self.pairs.positives.items()},
                    "top_ranked": self.candidates,
                }
            }
        }
        self.data_loaded = True


def retrieval_task(name: str, corpus: Corpus, pairs: Pairs, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make a retrieval task of a corpus and the queries of one split.

    Raises:
        DataError: there is no query or no passage, or a query's positive is not in the corpus.
    """
    rows = content_rows(f"{name} ({split})", corpus, pairs)
    return LocalRetrieval(describe_local(name, "Retrieval", "ndcg_at_10", rows, language=language, split=split), corpus, pairs)


def content_rows(where: str, corpus: Corpus, pairs: Pairs) -> list[tuple[object, ...]]:
    """Return all texts and judgements as rows to be hashed.

    Raises:
        DataError: as `retrieval_task`.
    """
    if not corpus or not pairs.queries:
        raise DataError(f"{where} holds {count(len(corpus), 'passage')} and {count(len(pairs), 'query')}; at least one of each is needed")
    for qid, passages in pairs.positives.items():
        if missing := [pid for pid in passages if pid not in corpus]:
            raise DataError(f"{where}: query {qid!r} names passage {missing[0]!r}, which is not in the corpus")
    lines = [("passage", *item) for item in corpus.items()] + [("query", *item) for item in pairs.queries.items()]
    return [*lines, *(("judged", qid, pid, grade) for qid, passages in pairs.positives.items() for pid, grade in passages.items())]


def _table(texts: dict[str, str]) -> Dataset:
    return Dataset.from_dict({"id": list(texts), "text": storable(texts.values())})
