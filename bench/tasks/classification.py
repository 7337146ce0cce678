"""Classification: texts with labels, learned by a logistic regression on a few train rows of each label, ten times over."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask, AbsTaskClassification
from mteb.abstasks.task_metadata import TaskMetadata
from sklearn.model_selection import KFold

from ...data.labelled import SPLIT_COLUMN, LabelledTexts, read_labelled_texts
from ...data.readers import read_heading
from ...data.split_tables import split_table, tables_in
from ...errors import DataError
from ...plurals import count
from .data import data_of, split_of
from .hub_task import HubTask
from .kind import ItemTexts, Rankings, Shown, TaskKind, TextGroup, Texts, shorten_item
from .layouts import Source, TableLayout
from .local import describe_local, numbered_rows, storable
from .rows import numbered, part_by

_TRAIN = "train"

# Items: rows


def score_items(task: AbsTask, predictions: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return the share of mteb's experiments in which each row got its label."""
    labels = np.asarray(data_of(task)["label"])
    if task.is_cross_validation:  # each experiment predicts another part of the rows
        folds = KFold(n_splits=task.n_splits, shuffle=True, random_state=task.seed).split(np.arange(len(labels)))
        right = np.zeros(len(labels))
        for (_, rows), predicted in zip(folds, predictions, strict=True):
            right[rows] = np.asarray(predicted) == labels[rows]
        return numbered(right)
    return numbered((np.asarray(predictions) == labels).mean(axis=0))


# Texts and sizes


def texts(task: AbsTask) -> Texts:
    """Return the rows that are scored and the train rows that mteb draws."""
    if task.is_cross_validation:
        return {"document": list(data_of(task)["text"])}
    train = split_of(task, task.train_split)["text"]
    return {"document": [*(train[row] for row in drawn_train_rows(task)), *data_of(task)["text"]]}


def drawn_train_rows(task: AbsTask) -> list[int]:
    """Return the train rows that mteb's experiments draw, as `AbsTaskClassification` draws them: each shuffles what the last one shuffled."""
    labels = list(split_of(task, task.train_split)["label"])
    order, drawn = list(range(len(labels))), set()
    for _ in range(task.n_experiments):
        np.random.RandomState(task.seed).shuffle(order)
        left = dict.fromkeys(labels, task.samples_per_label)
        for row in order:
            if left[labels[row]]:
                left[labels[row]] -= 1
                drawn.add(row)
    return sorted(drawn)


def sizes(task: AbsTask) -> dict[str, int]:
    """Count the rows that are scored, and the train rows."""
    train = {} if task.is_cross_validation else {"train rows": len(split_of(task, task.train_split)["text"])}
    return {"rows": len(data_of(task)["text"])} | train


def hub_texts(hub_task: HubTask) -> list[TextGroup]:
    """Return the rows that are scored, and at most how many train rows mteb draws, by mteb's statistics."""
    task, found = hub_task.task, hub_task.statistics()
    groups = [TextGroup("document", found["num_samples"], found["text_statistics"]["average_text_length"])]
    if not task.is_cross_validation:
        train = hub_task.statistics(task.train_split)
        drawn = min(train["num_samples"], task.n_experiments * task.samples_per_label * train["label_statistics"]["unique_labels"])
        groups.append(TextGroup("document", drawn, train["text_statistics"]["average_text_length"]))
    return groups


def hub_sizes(hub_task: HubTask) -> dict[str, int]:
    """Count rows, by mteb's statistics."""
    return {"rows": hub_task.statistics()["num_samples"]}


# What may leak: the rows that are scored


def may_leak(task: AbsTask) -> dict[str, ItemTexts]:
    """Return the rows."""
    return {str(row): ItemTexts((text,)) for row, text in enumerate(data_of(task)["text"], start=1)}


# From local data


class LocalClassification(AbsTaskClassification):  # type: ignore[misc]  # as `LocalSTS`
    """Labelled train rows that the classifier learns from, and labelled rows that it is scored on."""

    def __init__(self, metadata: TaskMetadata, train: LabelledTexts, scored: LabelledTexts) -> None:
        self.metadata = metadata
        super().__init__()
        self.train, self.scored = train, scored
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Arrange the rows as mteb expects them, labels as numbers in their order (of two labels, the last one is the positive)."""
        numbers = {label: number for number, label in enumerate(sorted(set(self.train.labels), key=_by_number))}
        tables = {_TRAIN: self.train, self.metadata.eval_splits[0]: self.scored}
        self.dataset = {
            "default": DatasetDict(
                {
                    split: Dataset.from_dict({"text": storable(rows.texts), "label": [numbers[label] for label in rows.labels]})
                    for split, rows in tables.items()
                }
            )
        }
        self.data_loaded = True


def classification_task(name: str, train: LabelledTexts, scored: LabelledTexts, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make a classification task.

    Raises:
        DataError: the split is the train split, there are fewer than two labels, or a scored label is not trained on.
    """
    if split == _TRAIN:
        raise DataError(f"{name}: the classifier learns from the train rows; score it on another split")
    for what, rows in ((_TRAIN, train), (split, scored)):
        if len(set(rows.labels)) < 2:
            found = f"{rows.labels[0]!r} alone" if rows.labels else "none"
            raise DataError(
                f"{name} ({what}) holds {count(len(rows), 'row')} with too few labels: expected at least 2 different ones, found {found}"
            )
    if strange := sorted(set(scored.labels) - set(train.labels)):
        raise DataError(f"{name} ({split}) has the label {strange[0]!r}, which no train row has")
    content = [*numbered_rows("train", train.texts, train.labels), *numbered_rows("scored", scored.texts, scored.labels)]
    return LocalClassification(describe_local(name, "Classification", "accuracy", content, language=language, split=split), train, scored)


def _by_number(label: str) -> tuple[bool, float, str]:
    """Sort 2 before 10, and words after numbers."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def read_table(source: Source) -> AbsTask:
    """Make a task of a table with a column for the split, or of two tables."""
    train = source.table if SPLIT_COLUMN in read_heading(source.table) else _train_table(source)
    rows = {split: read_labelled_texts(table, split) for split, table in ((_TRAIN, train), (source.split, source.table))}
    return classification_task(source.name, rows[_TRAIN], rows[source.split], language=source.language, split=source.split)


def _train_table(source: Source) -> Path:
    if len(tables_in(source.place)) == 1:
        raise DataError(
            f"{source.table} has labels and no train rows, which the classifier learns from: "
            "add a column split with train and test, or point at a folder with train.tsv and test.tsv"
        )
    return split_table(source.place, split=_TRAIN, language=source.language)


# From MTEB's data


def from_hub(hub_task: HubTask) -> DatasetDict:
    """Return the train rows and the rows that are scored."""
    task = hub_task.task
    names = {task.input_column_name: "text", task.label_column_name: "label"}
    splits = dict.fromkeys((task.train_split, hub_task.split))
    data = DatasetDict({split: hub_task.columns(split, names) for split in splits})
    task.input_column_name, task.label_column_name = "text", "label"
    return data


# What the report shows of a row: its text and its label


def show_items(task: AbsTask) -> Callable[[str, Rankings], Shown]:
    """Return what describes a row."""
    rows, labels = data_of(task)["text"], data_of(task)["label"]
    return lambda item, _rankings: ((shorten_item(rows[int(item) - 1]),), (), f"label {labels[int(item) - 1]}")


def of_task(kind: TaskKind, task: AbsTask) -> TaskKind:
    """Return the row without average precision where there are more than two labels, as mteb has none there."""
    if not task.data_loaded:
        return kind
    labels: Collection[int] = data_of(task)["label"]
    if len(set(labels)) == 2:
        return kind
    return replace(kind, metrics={name: key for name, key in kind.metrics.items() if key != "ap"})


KIND = TaskKind(
    metrics={"Accuracy": "accuracy", "F1": "f1", "AP": "ap"},
    item="rows",
    item_metric="Accuracy",
    score_items=score_items,
    statistic="mean",
    texts=texts,
    sizes=sizes,
    hub_texts=hub_texts,
    hub_sizes=hub_sizes,
    may_leak=may_leak,
    part=part_by("label"),
    table=TableLayout("classification", ("text", "label"), read_table),
    from_hub=from_hub,
    show_items=show_items,
    of_task=of_task,
)
