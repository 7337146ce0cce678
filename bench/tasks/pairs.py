"""Pair classification: sentence pairs that belong together or do not, separated by their cosines. Their texts are those of `sts.py`."""

from collections.abc import Callable
from dataclasses import replace

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask, AbsTaskPairClassification
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.labelled import PAIR_COLUMNS, LabelledPairs, read_labelled_pairs
from ...errors import DataError
from ..mteb_private import ROC_AUC, WithRocAuc
from .data import data_of
from .hub_task import HubTask
from .kind import Rankings, Shown
from .layouts import Source, TableLayout
from .local import describe_local, numbered_rows, storable
from .rows import numbered, part_by
from .sts import KIND as STS
from .sts import show_pairs

# Items: pairs


def gold(task: AbsTask) -> dict[str, float]:
    """Return 1 for each pair that belongs together, else 0."""
    return numbered(data_of(task)["labels"])


# From local data


class LocalPairClassification(WithRocAuc, AbsTaskPairClassification):  # type: ignore[misc]  # as `LocalSTS`
    """Sentence pairs with the label 1 (they belong together) or 0."""

    def __init__(self, metadata: TaskMetadata, pairs: LabelledPairs) -> None:
        self.metadata = metadata
        super().__init__()
        self.pairs = pairs
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Arrange the pairs as mteb expects them."""
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
    rows = numbered_rows("pair", pairs.first, pairs.second, pairs.labels)
    return LocalPairClassification(describe_local(name, "PairClassification", "cosine_ap", rows, language=language, split=split), pairs)


def read_table(source: Source) -> AbsTask:
    """Make a task of a table."""
    pairs = read_labelled_pairs(source.table, source.split)
    return pair_classification_task(source.name, pairs, language=source.language, split=source.split)


# From MTEB's data


def from_hub(hub_task: HubTask) -> DatasetDict:
    """Return the pairs."""
    task = hub_task.task
    names = {task.input1_column_name: "sentence1", task.input2_column_name: "sentence2", task.label_column_name: "labels"}
    data = hub_task.columns(hub_task.split, names)
    if len(data) == 1 and isinstance(data["labels"][0], list):
        data = Dataset.from_dict(data[0])  # as mteb kept pairs in its first version
    task.input1_column_name, task.input2_column_name, task.label_column_name = "sentence1", "sentence2", "labels"
    return DatasetDict({hub_task.split: data})


# What the report shows of a pair: both sentences, and whether they belong together


def show_items(task: AbsTask) -> Callable[[str, Rankings], Shown]:
    """Return what describes a pair."""
    return show_pairs(task, "labels", lambda value: "belong together" if value else "do not belong together")


KIND = replace(
    STS,
    # "AP (max)" is the best over mteb's five similarities: what MTEB publishes
    metrics={"AP": "cosine_ap", "Accuracy": "cosine_accuracy", "F1": "cosine_f1", "AUC": ROC_AUC, "AP (max)": "max_ap"},
    shown_metrics=("AP", "Accuracy", "F1", "AUC"),
    statistic="AP",
    gold=gold,
    part=part_by("labels"),
    table=TableLayout("pair classification", PAIR_COLUMNS, read_table),
    from_hub=from_hub,
    show_items=show_items,
    addition=WithRocAuc,
)
