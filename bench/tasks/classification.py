"""Texts with labels as mteb's classification task: a logistic regression on a few train rows of each label, ten times over."""

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask, AbsTaskClassification
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.labelled import LabelledTexts
from ...errors import DataError
from ...plurals import count
from .local import describe_local, numbered, storable

_TRAIN = "train"


class LocalClassification(AbsTaskClassification):  # type: ignore[misc]  # as `LocalSTS`
    """Labelled train rows that the classifier learns from, and labelled rows that it is scored on."""

    def __init__(self, metadata: TaskMetadata, train: LabelledTexts, scored: LabelledTexts) -> None:
        self.metadata = metadata
        super().__init__()
        self.train, self.scored = train, scored
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Lay the rows out as mteb expects them, labels as numbers in their order (of two labels, the last one is the positive)."""
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
    content = [*numbered("train", train.texts, train.labels), *numbered("scored", scored.texts, scored.labels)]
    return LocalClassification(describe_local(name, "Classification", "accuracy", content, language=language, split=split), train, scored)


def _by_number(label: str) -> tuple[bool, float, str]:
    """Sort 2 before 10, and words after numbers."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label
