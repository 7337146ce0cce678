"""MTEB's tasks as the bench scores them: one split of one subset each. Nothing is loaded yet."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mteb.abstasks import AbsTask

from ..tasks.hub_task import HubTask
from ..tasks.table import TASK_KINDS, extended

_MODALITIES = ["text"]


def hub_tasks(cls: type[AbsTask], subsets: Sequence[str] | None, splits: Sequence[str] | None, split: str) -> list[HubTask]:
    """Return a task's subsets, each with the split that is scored.

    Args:
        cls: mteb's class of the task.
        subsets: Which ones; None: all.
        splits: Those to choose the split from; None: those that mteb evaluates on.
        split: The split that is taken if mteb evaluates on it; else it is `test`, else the first.
    """
    known = list(splits or cls.metadata.eval_splits)
    chosen = next((each for each in (split, "test") if each in known), known[0])
    names = list(subsets or cls.metadata.hf_subsets)
    return [HubTask(task=_made(cls, name, chosen), subset=name, split=chosen) for name in names]


def why_not(cls: type[AbsTask]) -> str | None:
    """Return why the bench cannot score a task of mteb's; None: it can."""
    kind = cls.metadata.type
    if kind not in TASK_KINDS:
        return f"it is of the kind {kind}; the bench knows {', '.join(TASK_KINDS)}"
    if list(cls.metadata.modalities) != _MODALITIES:
        return f"it holds {', '.join(cls.metadata.modalities)}, not only texts"
    return None


def _made(cls: type[AbsTask], subset: str, split: str) -> AbsTask:
    with _without_warnings():
        task = extended(cls)()
    task.hf_subsets = [subset]
    return task.filter_eval_splits([split])


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep mteb from warning of a task that is in beta when it is merely inspected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
