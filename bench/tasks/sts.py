"""STS: sentence pairs, whose cosines are compared with similarities that people gave."""

from collections.abc import Callable, Mapping, Sequence

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask, AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata

from ...data.sentence_pairs import SENTENCE_COLUMNS, SentencePairs, read_sentence_pairs
from ...errors import DataError
from ...plurals import count
from .data import data_of
from .hub_task import HubTask
from .kind import ItemTexts, Rankings, Shown, TaskKind, TextGroup, Texts, shorten_item
from .layouts import Source, TableLayout
from .local import describe_local, numbered_rows, storable
from .rows import numbered, part_by

# Items: pairs


def score_items(_task: AbsTask, predictions: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each pair's cosine; what is made of ranks has no value of one pair alone."""
    return numbered(predictions["cosine_scores"])


def gold(task: AbsTask) -> dict[str, float]:
    """Return what people said of each pair."""
    return numbered(data_of(task)["score"])


# Texts and sizes


def texts(task: AbsTask) -> Texts:
    """Return both sides of all pairs."""
    return {"document": [*data_of(task)["sentence1"], *data_of(task)["sentence2"]]}


def sizes(task: AbsTask) -> dict[str, int]:
    """Count pairs."""
    return {"pairs": len(data_of(task)["sentence1"])}


def hub_texts(hub_task: HubTask) -> list[TextGroup]:
    """Return both sides of all pairs, by mteb's statistics."""
    found = hub_task.statistics()
    sides = (found["text1_statistics"], found["text2_statistics"])
    return [TextGroup("document", found["num_samples"], side["average_text_length"]) for side in sides]


def hub_sizes(hub_task: HubTask) -> dict[str, int]:
    """Count pairs, by mteb's statistics."""
    return {"pairs": hub_task.statistics()["num_samples"]}


# What may leak: pairs, in either order


def may_leak(task: AbsTask) -> dict[str, ItemTexts]:
    """Return the pairs."""
    pairs = zip(data_of(task)["sentence1"], data_of(task)["sentence2"], strict=True)
    return {str(row): ItemTexts(pair, (pair, pair[::-1])) for row, pair in enumerate(pairs, start=1)}


# From local data


class LocalSTS(AbsTaskSTS):  # type: ignore[misc]  # mteb is not followed by the type checker
    """Sentence pairs with similarities."""

    def __init__(self, metadata: TaskMetadata, pairs: SentencePairs) -> None:
        self.metadata = metadata
        super().__init__()
        self.pairs = pairs
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Arrange the pairs as mteb expects them."""
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
    rows = numbered_rows("pair", pairs.first, pairs.second, pairs.scores)
    return LocalSTS(describe_local(name, "STS", "cosine_spearman", rows, language=language, split=split), pairs)


def read_table(source: Source) -> AbsTask:
    """Make a task of a table."""
    return sts_task(source.name, read_sentence_pairs(source.table, source.split), language=source.language, split=source.split)


# From MTEB's data


def from_hub(hub_task: HubTask) -> DatasetDict:
    """Return the pairs."""
    task = hub_task.task
    first, second = task.column_names
    data = hub_task.columns(hub_task.split, {first: "sentence1", second: "sentence2", "score": "score"})
    task.column_names = ("sentence1", "sentence2")
    return DatasetDict({hub_task.split: data})


# What the report shows of a pair: both sentences, and what people said of them


def show_items(task: AbsTask) -> Callable[[str, Rankings], Shown]:
    """Return what describes a pair."""
    return show_pairs(task, "score", lambda value: f"people said {value:g}")


def show_pairs(task: AbsTask, column: str, in_words: Callable[[float], str]) -> Callable[[str, Rankings], Shown]:
    """Return what describes a pair, `in_words` putting the value of a column into words."""
    data = data_of(task)
    first, second, values = data["sentence1"], data["sentence2"], data[column]

    def describe(item: str, _rankings: Rankings) -> Shown:
        row = int(item) - 1
        return (shorten_item(first[row]), shorten_item(second[row])), (), in_words(values[row])

    return describe


KIND = TaskKind(
    metrics={"Spearman": "cosine_spearman"},
    item="pairs",
    item_metric="cosine",
    score_items=score_items,
    statistic="Spearman",
    gold=gold,
    texts=texts,
    sizes=sizes,
    hub_texts=hub_texts,
    hub_sizes=hub_sizes,
    may_leak=may_leak,
    part=part_by("score"),
    table=TableLayout("STS", SENTENCE_COLUMNS, read_table),
    from_hub=from_hub,
    show_items=show_items,
)
