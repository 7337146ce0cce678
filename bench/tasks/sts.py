"""Sentence pairs with similarities as mteb's STS task."""

from datasets import Dataset
from mteb.abstasks import AbsTask, AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.sentence_pairs import SentencePairs
from ...errors import DataError
from ...plurals import count
from .local import describe_local, numbered, storable


class LocalSTS(AbsTaskSTS):  # type: ignore[misc]  # mteb is not followed by the type checker
    """Sentence pairs with similarities."""

    def __init__(self, metadata: TaskMetadata, pairs: SentencePairs) -> None:
        self.metadata = metadata
        super().__init__()
        self.pairs = pairs
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the pairs out as mteb expects them."""
        columns = {"sentence1": storable(self.pairs.first), "sentence2": storable(self.pairs.second), "score": self.pairs.scores}
        self.dataset = {"default": {self.metadata.eval_splits[0]: Dataset.from_dict(columns)}}
        self.data_loaded = True


def sts_task(name: str, pairs: SentencePairs, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make an STS task of sentence pairs.

    Raises:
        DataError: all similarities are the same, so that nothing can correlate with them.
    """
    if len(set(pairs.scores)) < 2:
        raise DataError(
            f"{name} ({split}) holds {count(len(pairs.scores), 'pair')} with {count(len(set(pairs.scores)), 'different score')}; at least 2 are needed"
        )
    rows = numbered("pair", pairs.first, pairs.second, pairs.scores)
    return LocalSTS(describe_local(name, "STS", "cosine_spearman", rows, language=language, split=split), pairs)
