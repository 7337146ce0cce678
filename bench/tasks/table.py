"""The kinds of task that the bench scores, as one table."""

from mteb.abstasks import AbsTask

from ...errors import ConfigError, unknown_name
from . import classification, clustering, pairs, reranking, retrieval, sts
from .kind import TaskKind

TASK_KINDS: dict[str, TaskKind] = {
    "Retrieval": retrieval.KIND,
    "Reranking": reranking.KIND,
    "STS": sts.KIND,
    "PairClassification": pairs.KIND,
    "Classification": classification.KIND,
    "Clustering": clustering.KIND,
}
"""Type of a task, as mteb names it -> its row."""


def kind_of(task: AbsTask) -> TaskKind:
    """Return the row of a task's kind, as it is for this task (see `TaskKind.of_task`).

    Raises:
        ConfigError: the bench does not know this kind.
    """
    try:
        kind = TASK_KINDS[task.metadata.type]
    except KeyError:
        raise ConfigError(f"{task.metadata.name}: " + unknown_name("kind of task", task.metadata.type, tuple(TASK_KINDS))) from None
    return kind.of_task(kind, task)


def extended(cls: type[AbsTask]) -> type[AbsTask]:
    """Return mteb's class of a task with what the bench adds to tasks of its kind; the class itself where that is nothing."""
    own = TASK_KINDS[cls.metadata.type].addition
    return type(cls.__name__, (own, cls), {"__doc__": cls.__doc__}) if own else cls
