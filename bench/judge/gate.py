"""Requirements that a bench must meet (`requirement.py`), compared with its scores.

A requirement must hold for every reference that is not a base. Where bases alone are benched it is of them, and the limit must be a number.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError
from ..leaks.unseen import unseen_name
from ..result import BenchedTask, BenchResult, Verdict
from ..tasks.metric_names import find_metric, unknown_metric
from .requirement import Requirement

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_EXACT = 9
"""Decimals of what is compared: 0.1 + 0.2 shall not be above 0.3."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a requirement is of: the mean of one metric over tasks, of which `task` is the name where there is but one."""

    task: str
    metric: str
    tasks: tuple[str, ...]


def find_measured(requirement: Requirement, tasks: Sequence[BenchedTask], metrics: Mapping[str, Sequence[str]]) -> Measured:
    """Return what a requirement is of, before anything is scored.

    Args:
        requirement: As it was read.
        tasks: With their roles and main metrics.
        metrics: Task -> the metrics that are computed of it.

    Raises:
        ConfigError: no task and no metric is called so, or no task has that metric; the message gives the nearest names.
    """
    what, names = requirement.what, {task.name: task for task in tasks}
    if what in names:
        return Measured(what, names[what].main_metric, (what,))
    task, _, metric = what.rpartition(":")
    if task in names:
        found = find_metric(metric, metrics[task])
        if found is None:
            raise ConfigError(f"{requirement.text!r}: {task} has no such metric: {unknown_metric('metric', metric, metrics[task])}")
        return Measured(task, found, (task,))
    return _find_mean(requirement, tasks, metrics)


def _find_mean(requirement: Requirement, tasks: Sequence[BenchedTask], metrics: Mapping[str, Sequence[str]]) -> Measured:
    known = tuple(dict.fromkeys(metric for task in tasks for metric in metrics[task.name]))
    found = find_metric(requirement.what, known)
    if found is None:
        unknown = unknown_metric("task or metric", requirement.what, known, [task.name for task in tasks])
        raise ConfigError(f"{requirement.text!r}: {unknown}")
    rests = {unseen_name(task.name) for task in tasks}
    having = [task.name for task in tasks if task.role == "domain" and task.name not in rests and found in metrics[task.name]]
    if not having:
        others = ", ".join(f"{task.name}:{found}" for task in tasks if found in metrics[task.name])
        raise ConfigError(f"{requirement.text!r}: no task of the domain has {found}; of a general task write {others}")
    return Measured(having[0] if len(having) == 1 else "", found, tuple(having))


def check_requirements(
    requirements: Sequence[Requirement], tasks: Sequence[BenchedTask], metrics: Mapping[str, Sequence[str]], *, only_bases: bool
) -> None:
    """Refuse, before anything is scored, what could not be judged afterwards.

    Args:
        requirements: As they were read.
        tasks: With their roles and main metrics.
        metrics: Task -> the metrics that are computed of it.
        only_bases: Whether nothing but bases is benched.

    Raises:
        ConfigError: as `find_measured`, or a base would be compared with itself.
    """
    for requirement in requirements:
        find_measured(requirement, tasks, metrics)
        if only_bases and requirement.of_base:
            raise ConfigError(f"{requirement.text!r} compares a reference with its base, and only bases are benched")


def judge(requirements: Sequence[Requirement], result: BenchResult) -> tuple[Verdict, ...]:
    """Compare every reference that is not a base (every base, where there are no others) with the requirements.

    Raises:
        ConfigError: as `find_measured`.
    """
    metrics = {score.task: tuple(score.metrics) for score in result.scores}
    measured = [(requirement, find_measured(requirement, result.tasks, metrics)) for requirement in requirements]
    judged = [reference for reference in result.references if reference.base] or result.references
    return tuple(_judge(result, requirement, of, reference.name) for requirement, of in measured for reference in judged)


def _judge(result: BenchResult, requirement: Requirement, of: Measured, reference: str) -> Verdict:
    base = result.base_of(reference)
    value = _value(result, of, reference)
    limit = requirement.number + (_value(result, of, base) if requirement.of_base and base else 0.0)
    return Verdict(
        requirement=requirement.text,
        reference=reference,
        task=of.task,
        metric=of.metric,
        value=value,
        limit=limit,
        holds=_OPERATORS[requirement.operator](round(value - limit, _EXACT), 0.0),
    )


def _value(result: BenchResult, of: Measured, reference: str) -> float:
    return float(np.mean([result.score(task, reference).metrics[of.metric] for task in of.tasks]))


def describe_failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line for each requirement that does not hold, with its figures."""
    return [
        f"not met by {verdict.reference}: {verdict.requirement} ({verdict.task or 'mean over tasks'}: {verdict.metric} "
        f"{verdict.value:.4f}, limit {verdict.limit:.4f}, by {verdict.value - verdict.limit:+.4f})"
        for verdict in verdicts
        if not verdict.holds
    ]
