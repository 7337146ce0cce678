"""A result judged: what its scores are compared with, whether the requirements can be judged at all, and what became of them."""

from collections.abc import Sequence
from dataclasses import replace

from mteb.abstasks import AbsTask

from ..result import BenchResult
from ..run.scoring import describe_task
from ..tasks.table import kind_of
from .assess import assess
from .gate import check_requirements, judge
from .requirement import Requirement
from .roles import Background, describe_tasks


def check_judgement(requirements: Sequence[Requirement], tasks: Sequence[AbsTask], background: Background) -> None:
    """Refuse, before anything is scored, a requirement that could not be judged.

    Raises:
        ConfigError: there is one.
    """
    if not requirements:
        return
    described = describe_tasks([describe_task(task) for task in tasks], tasks, background)
    metrics = {task.metadata.name: tuple(kind_of(task).metrics) for task in tasks}
    check_requirements(requirements, described, metrics, only_bases=all(each.kind == "base" for each in background.references))


def judge_result(result: BenchResult, requirements: Sequence[Requirement], tasks: Sequence[AbsTask], background: Background) -> BenchResult:
    """Return the result with intervals, the named columns, and what became of the requirements."""
    assessed = assess(result, tasks, background)
    return replace(assessed, requirements=judge(requirements, assessed))
