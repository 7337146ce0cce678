"""Local data as mteb tasks: nothing is asked of the Hub, and a task's revision is the hash of its content."""

import json
from collections.abc import Iterable

from datasets import Dataset
from mteb.abstasks import AbsTask, AbsTaskRetrieval, AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata, TaskType

from ..data.retrieval import Corpus, Pairs, hash_lines
from ..data.sentence_pairs import SentencePairs
from ..errors import DataError

_LANGUAGE_CODES = {"en": "eng-Latn", "zh": "zho-Hans"}


class LocalRetrieval(AbsTaskRetrieval):  # type: ignore[misc]  # mteb is not followed by the type checker
    """A corpus, queries and relevance judgements as mteb's retrieval task."""

    def __init__(self, metadata: TaskMetadata, corpus: Corpus, pairs: Pairs) -> None:
        self.metadata = metadata
        super().__init__()
        self.corpus_texts, self.pairs = corpus, pairs
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the texts out as mteb expects them; titles are joined to them already."""
        self.dataset = {
            "default": {
                self.metadata.eval_splits[0]: {
                    "corpus": _table(self.corpus_texts),
                    "queries": _table(self.pairs.queries),
                    "relevant_docs": {qid: dict(passages) for qid, passages in self.pairs.positives.items()},
                    "top_ranked": None,
                }
            }
        }
        self.data_loaded = True


class LocalSTS(AbsTaskSTS):  # type: ignore[misc]  # as above
    """Sentence pairs with similarities as mteb's STS task."""

    def __init__(self, metadata: TaskMetadata, pairs: SentencePairs) -> None:
        self.metadata = metadata
        super().__init__()
        self.pairs = pairs
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the pairs out as mteb expects them."""
        columns = {"sentence1": _storable(self.pairs.first), "sentence2": _storable(self.pairs.second), "score": self.pairs.scores}
        self.dataset = {"default": {self.metadata.eval_splits[0]: Dataset.from_dict(columns)}}
        self.data_loaded = True


def retrieval_task(name: str, corpus: Corpus, pairs: Pairs, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make a retrieval task of a corpus and the queries of one split.

    Raises:
        DataError: there is no query or no passage, or a query's positive is not in the corpus.
    """
    if not corpus or not pairs.queries:
        raise DataError(f"{name} ({split}) holds {len(corpus)} passages and {len(pairs)} queries; at least one of each is needed")
    for qid, passages in pairs.positives.items():
        if missing := [pid for pid in passages if pid not in corpus]:
            raise DataError(f"{name} ({split}): query {qid!r} names passage {missing[0]!r}, which is not in the corpus")
    lines = [("passage", *item) for item in corpus.items()] + [("query", *item) for item in pairs.queries.items()]
    judged = [("judged", qid, pid, grade) for qid, passages in pairs.positives.items() for pid, grade in passages.items()]
    return LocalRetrieval(_metadata(name, "Retrieval", "ndcg_at_10", _revision([*lines, *judged]), language, split), corpus, pairs)


def sts_task(name: str, pairs: SentencePairs, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make an STS task of sentence pairs.

    Raises:
        DataError: all similarities are the same, so that nothing can correlate with them.
    """
    if len(set(pairs.scores)) < 2:
        raise DataError(
            f"{name} ({split}) holds {len(pairs.scores)} pairs with {len(set(pairs.scores))} different scores; at least 2 are needed"
        )
    rows = list(zip(range(len(pairs.scores)), pairs.first, pairs.second, pairs.scores, strict=True))
    return LocalSTS(_metadata(name, "STS", "cosine_spearman", _revision(rows), language, split), pairs)


def _metadata(name: str, kind: TaskType, main_score: str, revision: str, language: str, split: str) -> TaskMetadata:
    return TaskMetadata(
        name=name,
        description=f"Local data, split {split}.",
        dataset={"path": "local", "revision": revision},
        type=kind,
        category="t2t",
        eval_splits=[split],
        eval_langs=[_LANGUAGE_CODES.get(language, "eng-Latn")],
        main_score=main_score,
    )


def _revision(rows: Iterable[tuple[object, ...]]) -> str:
    return hash_lines(json.dumps(row) for row in rows)


def _table(texts: dict[str, str]) -> Dataset:
    return Dataset.from_dict({"id": list(texts), "text": _storable(list(texts.values()))})


def _storable(texts: list[str]) -> list[str]:
    """Replace lone surrogates as the encoder does; arrow stores none."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
