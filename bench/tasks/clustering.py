"""Texts with the cluster they belong to as mteb's clustering task."""

from datasets import Dataset
from mteb.abstasks import AbsTask, AbsTaskClustering
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.labelled import LabelledTexts
from ...errors import DataError
from ...plurals import count
from ..mteb_private import SeededAnew
from .local import describe_local, numbered, storable

_MOST_DRAWN = 16_384  # as mteb draws


class LocalClustering(SeededAnew, AbsTaskClustering):  # type: ignore[misc]  # as `LocalSTS`
    """Texts and their clusters. All texts are encoded; as many as there are, are drawn with replacement for each of mteb's ten runs."""

    max_fraction_of_documents_to_embed = None

    def __init__(self, metadata: TaskMetadata, rows: LabelledTexts) -> None:
        self.metadata = metadata
        super().__init__()
        self.rows = rows
        self.max_documents_per_cluster = min(len(rows), _MOST_DRAWN)
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the rows out as mteb expects them."""
        columns = {"sentences": storable(self.rows.texts), "labels": storable(self.rows.labels)}
        self.dataset = {"default": {self.metadata.eval_splits[0]: Dataset.from_dict(columns)}}
        self.data_loaded = True


def clustering_task(name: str, rows: LabelledTexts, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make a clustering task.

    Raises:
        DataError: there are fewer than two clusters, or as many as texts.
    """
    clusters = len(set(rows.labels))
    if not 1 < clusters < len(rows):
        raise DataError(
            f"{name} ({split}) holds {count(len(rows), 'text')} in {count(clusters, 'cluster')}; expected at least 2 clusters, and fewer than texts"
        )
    content = numbered("text", rows.texts, rows.labels)
    return LocalClustering(describe_local(name, "Clustering", "v_measure", content, language=language, split=split), rows)
