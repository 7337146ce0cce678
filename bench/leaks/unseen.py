"""A task without the items that were seen in training: a task of its own, with a name and a revision of its own."""

import copy
from collections.abc import Sequence

from mteb.abstasks import AbsTask

from ...data.pairs import hash_lines
from ..tasks.data import data_of
from ..tasks.table import kind_of
from .leakage import Leakage


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
    kind = kind_of(task)
    assert kind.may_leak is not None
    kept = [item for item in kind.may_leak(task) if item not in leaked]
    part = kind.part(data_of(task), kept)
    if part is None:
        return None
    subset, split = task.dataset["default"], task.eval_splits[0]
    whole = type(subset)({**subset, split: part})  # with the train rows of classification, which stay
    return _with_data(task, {"default": whole}, hash_lines([task.metadata.revision, *kept]))


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
