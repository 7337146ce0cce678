"""The options of what a bench's scores are held against, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from .output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mteb.abstasks import AbsTask

    from ..bench.judge.gate import Requirement
    from ..bench.judge.roles import Background
    from ..bench.result import BenchResult
    from ..references import Resolved


class MetricType(click.ParamType):
    """The name of a metric of retrieval, such as nDCG@10."""

    name = "metric"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the value."""
        from ..bench.tasks.metric_names import RETRIEVAL_METRICS, read_metric

        try:
            return read_metric(str(value), tuple(RETRIEVAL_METRICS))
        except ConfigError as e:
            raise click.BadParameter(str(e), ctx, param) from None


class RequirementType(click.ParamType):
    """A requirement, such as "nDCG@10 >= base + 0.02"."""

    name = "requirement"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Requirement:
        """Read the value."""
        from ..bench.judge.gate import parse_requirement

        try:
            return parse_requirement(str(value))
        except ConfigError as e:
            raise click.BadParameter(str(e), ctx, param) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementOptions:
    """The values of the options."""

    general: tuple[Path, ...]
    metrics: tuple[str, ...]
    requirements: tuple[Requirement, ...]

    def background(self, found: Sequence[Resolved], domains: Sequence[str], general: Sequence[AbsTask]) -> Background:
        """Return what the scores are held against."""
        from ..bench.judge.roles import Background

        names = frozenset(task.metadata.name for task in general)
        return Background(references=tuple(found), domains=tuple(domains), general=names, metrics=self.metrics)

    def check(self, tasks: Sequence[AbsTask], background: Background) -> None:
        """Refuse, before anything is scored, a requirement that could not be judged.

        Raises:
            ConfigError: there is one.
        """
        if not self.requirements:
            return
        from ..bench.judge.gate import check_requirements
        from ..bench.judge.roles import describe_tasks
        from ..bench.run.scoring import describe_task
        from ..bench.tasks.table import kind_of

        described = describe_tasks([describe_task(task) for task in tasks], tasks, background)
        metrics = {task.metadata.name: tuple(kind_of(task).metrics) for task in tasks}
        check_requirements(self.requirements, described, metrics, only_bases=all(each.kind == "base" for each in background.references))

    def judge(self, result: BenchResult, tasks: Sequence[AbsTask], background: Background) -> BenchResult:
        """Return the result with intervals, the named columns, and what became of the requirements."""
        from dataclasses import replace

        from ..bench.judge.assess import assess
        from ..bench.judge.gate import judge

        assessed = assess(result, tasks, background)
        return replace(assessed, requirements=judge(self.requirements, assessed))


def leave_if_failed(result: BenchResult) -> None:
    """Tell the requirements that do not hold, and end the command with their exit code; return if there are none."""
    from ..bench.judge.gate import EXIT_REQUIREMENT, describe_failures

    failures = describe_failures(result.requirements)
    for line in failures:
        say(line)
    if failures:
        raise click.exceptions.Exit(EXIT_REQUIREMENT)


def judgement_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one argument `judgement`."""

    @wraps(command)
    def gathered(**values: Any) -> None:
        judgement = JudgementOptions(
            general=values.pop("general_folders"), metrics=values.pop("metrics"), requirements=values.pop("requirements")
        )
        command(judgement=judgement, **values)

    required = click.option(
        "--require",
        "requirements",
        type=RequirementType(),
        multiple=True,
        metavar="RULE",
        help='Exit with 3 unless it holds for every REF, such as "nDCG@10 >= base + 0.02" (the mean over the domain\'s tasks), '
        '"STSBenchmark >= base - 0.01" or "TASK:R@100 > 0.9"; may be repeated.',
    )(gathered)
    shown = click.option(
        "--metric",
        "metrics",
        type=MetricType(),
        multiple=True,
        metavar="M",
        help="Show this metric of retrieval, such as nDCG@5, R@10, RR@10, AP@100, P@1 or Success@5 [default: nDCG@10, R@100, RR@10]; "
        "may be repeated.",
    )(required)
    return click.option(
        "--general-data",
        "general_folders",
        metavar="DIR",
        multiple=True,
        type=click.Path(path_type=Path),
        help="As --data, and counted as general: what was lost there is forgetting; may be repeated.",
    )(shown)
