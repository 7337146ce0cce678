"""Loaded data of MTEB's tasks, in the layout in which the bench reads all tasks: one subset called `default`, columns of the usual names, titles joined."""

from mteb.abstasks import AbsTask

from ...errors import DataError
from ..tasks.hub_task import HubTask
from ..tasks.table import TASK_KINDS


def lay_out(hub_task: HubTask) -> AbsTask:
    """Change a loaded task so that it holds its one split of its one subset, and is called what the bench calls it; return it.

    The texts are those that mteb gives a model, so that scores are those of the task as it came.

    Raises:
        DataError: the data do not have the layout of its kind, or a grade is above 1,000.
    """
    task, metadata = hub_task.task, hub_task.task.metadata
    try:
        data = TASK_KINDS[metadata.type].from_hub(hub_task)
    except (KeyError, IndexError, TypeError, AttributeError) as e:
        raise DataError(f"{hub_task.name}: its data do not have the layout of mteb's {metadata.type} ({type(e).__name__}: {e})") from e
    languages = list(metadata.hf_subsets_to_langscripts[hub_task.subset])
    # It was asked for by name or stands in a set of its own; mteb would warn each time that another version of it came later.
    task.metadata = metadata.model_copy(update={"name": hub_task.name, "eval_langs": languages, "superseded_by": None})
    task.dataset, task.hf_subsets, task.data_loaded = {"default": data}, ["default"], True
    return task
