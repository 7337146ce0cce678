"""Loaded data of MTEB's tasks, laid out as the bench reads all tasks: one subset called `default`, columns of the usual names, titles joined."""

from collections.abc import Callable

from datasets import Dataset, DatasetDict
from mteb._create_dataloaders import create_dataloader
from mteb.abstasks import AbsTask
from mteb.types import PromptType

from ...data.qrels import check_grade
from ...errors import DataError
from .task import HubTask

_BATCH = 512


def lay_out(hub_task: HubTask) -> AbsTask:
    """Change a loaded task so that it holds its one split of its one subset, and is called what the bench calls it; return it.

    The texts are those that mteb gives a model, so that scores are those of the task as it came.

    Raises:
        DataError: the data are not laid out as those of its kind, or a grade is above 1,000.
    """
    task, metadata = hub_task.task, hub_task.task.metadata
    try:
        data = LAYOUTS[metadata.type](hub_task)
    except (KeyError, IndexError, TypeError, AttributeError) as e:
        raise DataError(f"{hub_task.name}: its data are not laid out as mteb's {metadata.type} ({type(e).__name__}: {e})") from e
    languages = list(metadata.hf_subsets_to_langscripts[hub_task.subset])
    # It was asked for by name or stands in a set of its own; mteb would warn each time that another version of it came later.
    task.metadata = metadata.model_copy(update={"name": hub_task.name, "eval_langs": languages, "superseded_by": None})
    task.dataset, task.hf_subsets, task.data_loaded = {"default": data}, ["default"], True
    return task


def _of_subset(hub_task: HubTask) -> dict:
    data: dict = hub_task.task.dataset
    found: dict = data.get(hub_task.subset, data)  # a task of one subset has its splits at once
    return found


def _ranking(hub_task: HubTask) -> dict:
    task = hub_task.task
    task.convert_v1_dataset_format_to_v2(num_proc=None)
    parts = dict(_of_subset(hub_task)[hub_task.split])
    for name, prompt_type in (("corpus", PromptType.document), ("queries", PromptType.query)):
        rows = parts[name]
        loader = create_dataloader(rows, task_metadata=task.metadata, prompt_type=prompt_type, batch_size=_BATCH)
        parts[name] = Dataset.from_dict({"id": list(rows["id"]), "text": [text for batch in loader for text in batch["text"]]})
    for qid, graded in parts["relevant_docs"].items():
        for pid, grade in graded.items():
            check_grade(f"{hub_task.name}: query {qid!r} with passage {pid!r}", grade, grade)
    return {hub_task.split: parts | {"top_ranked": parts.get("top_ranked")}}


def _similarity(hub_task: HubTask) -> DatasetDict:
    task = hub_task.task
    first, second = task.column_names
    data = _columns(hub_task, hub_task.split, {first: "sentence1", second: "sentence2", "score": "score"})
    task.column_names = ("sentence1", "sentence2")
    return DatasetDict({hub_task.split: data})


def _pairs(hub_task: HubTask) -> DatasetDict:
    task = hub_task.task
    names = {task.input1_column_name: "sentence1", task.input2_column_name: "sentence2", task.label_column_name: "labels"}
    data = _columns(hub_task, hub_task.split, names)
    if len(data) == 1 and isinstance(data["labels"][0], list):
        data = Dataset.from_dict(data[0])  # as mteb kept pairs in its first version
    task.input1_column_name, task.input2_column_name, task.label_column_name = "sentence1", "sentence2", "labels"
    return DatasetDict({hub_task.split: data})


def _classes(hub_task: HubTask) -> DatasetDict:
    task = hub_task.task
    names = {task.input_column_name: "text", task.label_column_name: "label"}
    splits = dict.fromkeys((task.train_split, hub_task.split))
    data = DatasetDict({split: _columns(hub_task, split, names) for split in splits})
    task.input_column_name, task.label_column_name = "text", "label"
    return data


def _clusters(hub_task: HubTask) -> DatasetDict:
    task = hub_task.task
    data = _columns(hub_task, hub_task.split, {task.input_column_name: "sentences", task.label_column_name: "labels"})
    task.input_column_name, task.label_column_name = "sentences", "labels"
    return DatasetDict({hub_task.split: data})


LAYOUTS: dict[str, Callable[[HubTask], dict]] = {
    "Retrieval": _ranking,
    "Reranking": _ranking,
    "STS": _similarity,
    "PairClassification": _pairs,
    "Classification": _classes,
    "Clustering": _clusters,
}
"""Type of a task -> its subset's splits."""


def _columns(hub_task: HubTask, split: str, names: dict[str, str]) -> Dataset:
    """Return the columns that count, by their usual names."""
    table = _of_subset(hub_task)[split]
    if missing := [name for name in names if name not in table.column_names]:
        raise KeyError(f"no column {missing[0]} in {', '.join(table.column_names)}")
    return table.select_columns(list(names)).rename_columns({own: usual for own, usual in names.items() if own != usual})
