"""Clustering: texts with the cluster that they belong to. The score is one of the whole set, so that items have no value and cannot leak."""

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask, AbsTaskClustering
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.labelled import LabelledTexts, read_labelled_texts
from ...errors import DataError
from ...plurals import count
from ..mteb_private import SeededAnew
from .data import data_of
from .hub_task import HubTask
from .kind import TaskKind, TextGroup, Texts
from .layouts import Source, TableLayout
from .local import describe_local, numbered_rows, storable
from .rows import part_by

# Items: rows, without values


def score_items(_task: AbsTask, _predictions: object) -> dict[str, float]:
    """Return nothing: the score of a clustering is one of the whole set."""
    return {}


# Texts and sizes


def texts(task: AbsTask) -> Texts:
    """Return the rows that are encoded: of a large set mteb draws some; their number is right, and which ones they are is not."""
    rows = data_of(task)["sentences"]
    if len(rows) and isinstance(rows[0], list):
        return {"document": [text for each in rows for text in each]}
    return {"document": list(rows[: _most_encoded(task, len(rows))])}


def _most_encoded(task: AbsTask, rows: int) -> int:
    """Return how many of a clustering's rows mteb encodes."""
    share, most = getattr(task, "max_fraction_of_documents_to_embed", None), getattr(task, "max_document_to_embed", None)
    return min(rows, int(share * rows) if share is not None else most if most is not None else rows)


def sizes(task: AbsTask) -> dict[str, int]:
    """Count rows."""
    return {"rows": len(data_of(task)["labels"])}


def hub_texts(hub_task: HubTask) -> list[TextGroup]:
    """Return the rows that are encoded, by mteb's statistics."""
    found = hub_task.statistics()
    encoded = _most_encoded(hub_task.task, found["num_samples"])
    return [TextGroup("document", encoded, found["text_statistics"]["average_text_length"])]


def hub_sizes(hub_task: HubTask) -> dict[str, int]:
    """Count rows, by mteb's statistics."""
    return {"rows": hub_task.statistics()["num_samples"]}


# From local data

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
        """Arrange the rows as mteb expects them."""
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
    content = numbered_rows("text", rows.texts, rows.labels)
    return LocalClustering(describe_local(name, "Clustering", "v_measure", content, language=language, split=split), rows)


def read_table(source: Source) -> AbsTask:
    """Make a task of a table."""
    rows = read_labelled_texts(source.table, source.split, "cluster")
    return clustering_task(source.name, rows, language=source.language, split=source.split)


# From MTEB's data


def from_hub(hub_task: HubTask) -> DatasetDict:
    """Return the rows."""
    task = hub_task.task
    data = hub_task.columns(hub_task.split, {task.input_column_name: "sentences", task.label_column_name: "labels"})
    task.input_column_name, task.label_column_name = "sentences", "labels"
    return DatasetDict({hub_task.split: data})


KIND = TaskKind(
    metrics={"V-measure": "v_measure"},
    item="rows",
    item_metric="",
    score_items=score_items,
    texts=texts,
    sizes=sizes,
    hub_texts=hub_texts,
    hub_sizes=hub_sizes,
    part=part_by("labels"),
    table=TableLayout("clustering", ("text", "cluster"), read_table),
    from_hub=from_hub,
    addition=SeededAnew,
)
