"""Sentence pairs that belong together or do not, as mteb's pair classification task."""

from datasets import Dataset
from mteb.abstasks import AbsTask, AbsTaskPairClassification
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.labelled import LabelledPairs
from ...errors import DataError
from ..mteb_private import WithRocAuc
from .local import describe_local, numbered, storable


class LocalPairClassification(WithRocAuc, AbsTaskPairClassification):  # type: ignore[misc]  # as `LocalSTS`
    """Sentence pairs with the label 1 (they belong together) or 0."""

    def __init__(self, metadata: TaskMetadata, pairs: LabelledPairs) -> None:
        self.metadata = metadata
        super().__init__()
        self.pairs = pairs
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the pairs out as mteb expects them."""
        columns = {"sentence1": storable(self.pairs.first), "sentence2": storable(self.pairs.second), "labels": self.pairs.labels}
        self.dataset = {"default": {self.metadata.eval_splits[0]: Dataset.from_dict(columns)}}
        self.data_loaded = True


def pair_classification_task(name: str, pairs: LabelledPairs, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make a pair classification task.

    Raises:
        DataError: all pairs have the same label.
    """
    if len(set(pairs.labels)) < 2:
        found = f"the label {pairs.labels[0]} alone" if pairs.labels else "none"
        raise DataError(f"{name} ({split}) needs pairs with the label 0 and pairs with the label 1, found {found}")
    rows = numbered("pair", pairs.first, pairs.second, pairs.labels)
    return LocalPairClassification(describe_local(name, "PairClassification", "cosine_ap", rows, language=language, split=split), pairs)
