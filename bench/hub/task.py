"""One split of one subset of one of MTEB's tasks: what the bench scores. Nothing is loaded yet."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mteb.abstasks import AbsTask

from ..mteb_private import laid_over
from ..tasks.table import TASK_KINDS

_MODALITIES = ["text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTask:
    """A task to be loaded.

    Attributes:
        task: mteb's own, with what the bench adds to its kind.
        subset: mteb's name of the subset (`default` where there is but one).
        split: The split that is scored.
    """

    task: AbsTask
    subset: str
    split: str

    @property
    def name(self) -> str:
        """MTEB's name, and the subset behind it where the task has several."""
        name: str = self.task.metadata.name
        return f"{name} ({self.subset})" if self.task.metadata.is_multilingual else name

    @property
    def source(self) -> str:
        """The data set on the Hub that it reads."""
        path: str = self.task.metadata.dataset["path"]
        return path

    @property
    def language(self) -> str:
        """`zh` or `en`: which of the package's texts are most like its own."""
        codes = self.task.metadata.hf_subsets_to_langscripts[self.subset]
        return "zh" if any(code.split("-")[0] in ("zho", "cmn") for code in codes) else "en"

    def statistics(self, split: str | None = None) -> dict:
        """Return mteb's own statistics of a split (None: the scored one); empty where it has none."""
        of_split = (self.task.metadata.descriptive_stats or {}).get(split or self.split, {})
        found: dict = of_split.get("hf_subset_descriptive_stats", {self.subset: of_split}).get(self.subset, {})
        return found


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
    """Say why the bench cannot score a task of mteb's; None: it can."""
    kind = cls.metadata.type
    if kind not in TASK_KINDS:
        return f"it is of the kind {kind}; the bench knows {', '.join(TASK_KINDS)}"
    if list(cls.metadata.modalities) != _MODALITIES:
        return f"it holds {', '.join(cls.metadata.modalities)}, and not texts alone"
    return None


def _made(cls: type[AbsTask], subset: str, split: str) -> AbsTask:
    with _without_warnings():
        task = laid_over(cls)()
    task.hf_subsets = [subset]
    return task.filter_eval_splits([split])


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep mteb from warning of a task that is in beta when it is merely looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
