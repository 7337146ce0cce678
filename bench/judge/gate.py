"""Requirements that a bench must meet: `nDCG@10 >= base + 0.02`, `STSBenchmark >= base - 0.01`, `law:R@100 > 0.9`.

    requirement = what operator limit          operator: >=  >  <=  <
    what        = TASK | TASK:METRIC | METRIC  TASK alone: its main metric; METRIC alone: its mean over the domain's tasks that have it
    limit       = NUMBER | base | base + NUMBER | base - NUMBER

A requirement must hold for every reference that is not a base. Where bases alone are benched it is of them, and the limit must be a number.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError
from ..leaks.unseen import unseen_name
from ..result import BenchedTask, BenchResult, Verdict
from ..tasks.metric_names import find_metric, unknown_metric

EXIT_REQUIREMENT = 3
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_EXACT = 9
"""Decimals of what is compared: 0.1 + 0.2 shall not be above 0.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement, read but not compared with tasks yet. `of_base`: the limit is the base's own value plus `number`."""

    text: str
    what: str
    operator: str
    of_base: bool
    number: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a requirement is of: the mean of one metric over tasks, of which `task` is the name where there is but one."""

    task: str
    metric: str
    tasks: tuple[str, ...]


def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        ConfigError: it is none.
    """
    match = re.fullmatch(r"\s*([^<>=]+?)\s*(>=|<=|>|<)\s*([^<>=]+?)\s*", text)
    if match is None:
        raise ConfigError(f'{text!r} is not a requirement; expected one such as "nDCG@10 >= base + 0.02" or "TASK:METRIC > 0.6"')
    what, sign, limit = match.groups()
    of_base, number = _parse_limit(limit, text)
    return Requirement(text=" ".join(text.split()), what=what, operator=sign, of_base=of_base, number=number)


def _parse_limit(limit: str, text: str) -> tuple[bool, float]:
    match = re.fullmatch(r"(base)?\s*(?:([+-]?)\s*(\S+))?", limit)
    base, sign, digits = match.groups() if match else (None, None, None)
    try:
        number = float(f"{sign}{digits}") if digits else 0.0
    except ValueError:
        number = math.nan
    if match is None or not math.isfinite(number) or (base and digits and not sign):
        raise ConfigError(f"{text!r}: the limit {limit!r} is neither a number nor base, base + NUMBER or base - NUMBER")
    return base is not None, number


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
