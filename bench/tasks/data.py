"""The data of a task that is loaded: one split of one subset, in the same layout for every task of a kind (`TaskKind.from_hub`)."""

from mteb.abstasks import AbsTask


def data_of(task: AbsTask) -> dict:
    """Return the data of a task's split, as mteb lays it out for that kind: of retrieval, its parts; else a table."""
    return split_of(task, task.eval_splits[0])


def split_of(task: AbsTask, split: str) -> dict:
    """Return the data of one split (the train rows of classification are one)."""
    if not task.data_loaded:
        task.load_data()
    assert task.dataset is not None
    data: dict = task.dataset["default"][split]
    return data
