"""A task without the items that were seen in training: a task of its own, with a name and a revision of its own."""

import copy
from collections.abc import Collection, Sequence
from typing import Any

from mteb.abstasks import AbsTask

from ...data.retrieval import hash_lines
from ..tasks.data import data_of
from .leakage import ITEM_TEXTS, Leakage


def with_unseen(tasks: Sequence[AbsTask], leakage: Leakage) -> list[AbsTask]:
    """Return the tasks, and after each one of which something was seen what is left of it."""
    pairs = [(task, unseen_task(task, leakage)) for task in tasks]
    return [each for pair in pairs for each in pair if each is not None]


def unseen_name(task: str) -> str:
    """Return what the rest of a task is called."""
    return f"{task} (unseen)"


def unseen_task(task: AbsTask, leakage: Leakage) -> AbsTask | None:
    """Return what is left of a task without the items that any reference saw; None where none was seen or too little is left.

    Texts, judgements and the corpus stay as they are, and mteb scores it as it scores the whole.
    """
    leaked = leakage.leaked(task.metadata.name)
    if not leaked:
        return None
    kept = [item for item in ITEM_TEXTS[task.metadata.type](task) if item not in leaked]
    part = _select(data_of(task), kept)
    if not _can_be_scored(part):
        return None
    subset, split = task.dataset["default"], task.eval_splits[0]
    whole = type(subset)({**subset, split: part})  # with the train rows of classification, which stay
    return _with_data(task, {"default": whole}, hash_lines([task.metadata.revision, *kept]))


def _select(data: Any, items: Collection[str]) -> Any:
    """Return the data of a split with some of its items."""
    return _queries_of(data, set(items)) if "queries" in data else data.select([int(item) - 1 for item in items])


def _can_be_scored(data: Any) -> bool:
    """Say whether there are two queries, or two rows with different labels or similarities."""
    if "queries" in data:
        return len(data["queries"]) > 1
    target = next(name for name in ("score", "labels", "label") if name in data.column_names)
    return len(set(data[target])) > 1


def _queries_of(data: dict, items: Collection[str]) -> dict:
    """Return the data of a retrieval task with some of its queries."""
    rows = [row for row, qid in enumerate(data["queries"]["id"]) if qid in items]
    judged = {qid: passages for qid, passages in data["relevant_docs"].items() if qid in items}
    return {**data, "queries": data["queries"].select(rows), "relevant_docs": judged}


def _with_data(task: AbsTask, dataset: dict, revision: str) -> AbsTask:
    """Return a copy of a task that holds other data, and holds them again when it is unloaded and loaded."""
    part = copy.copy(task)
    name = unseen_name(task.metadata.name)
    metadata = task.metadata.model_copy(update={"name": name, "dataset": {**task.metadata.dataset, "revision": revision}})

    def load_data(*args: object, **kwargs: object) -> None:  # noqa: ARG001 (mteb's signature)
        part.metadata, part.dataset, part.data_loaded = metadata, dataset, True

    part.load_data = load_data
    part.load_data()
    return part
