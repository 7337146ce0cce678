"""A request for a bench -> a job: everything that can be wrong with it is found before the first score.

What does not exist is refused before torch and mteb are imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..events import QUIET, Events, note_once
from ..files import check_output_folder
from ..references import LoadedBases, Resolved, Search, base_of, check_dim, check_length, resolve_references
from ..registry import open_registry
from .job import BenchJob
from .judge.requirement import parse_requirement
from .request import BenchRequest, OpenReference
from .scope import Wanted, check_words, decide_scope
from .tasks.metric_names import RETRIEVAL_METRICS, read_metric

if TYPE_CHECKING:
    from .run.models import Model
    from .task_sets import Chosen


def prepare_bench(request: BenchRequest, events: Events = QUIET) -> BenchJob:
    """Find references, data and tasks, and open the models; nothing is scored.

    Raises:
        AdaptError: a reference, a domain, data, a task, a metric or a requirement is not known or does not fit, or a base does not load.
    """
    requirements = tuple(parse_requirement(text) for text in request.requirements)
    metrics = [read_metric(metric, tuple(RETRIEVAL_METRICS)) for metric in request.metrics]
    where, found = _find(request, events)
    wanted = decide_scope(request, found, where.options.language, events)
    events.stage("importing libraries")
    from .judge.judgement import check_judgement
    from .judge.roles import Background
    from .leaks.look import look_for_leaks
    from .report.curve import read_curves
    from .run.scoring import check_bench
    from .sources import make_tasks

    events.stage("reading the data")
    chosen = _choose(wanted, request, events)
    general = make_tasks(request.general_data, (), split=wanted.split, language=wanted.language, skip_dangling=request.skip_dangling)
    tasks, leakage = look_for_leaks([*chosen.tasks, *general], found, where, decontaminate=request.decontaminate, events=events)
    names = frozenset(task.metadata.name for task in general)
    background = Background(references=found, domains=wanted.domains, general=names, metrics=metrics)
    if not chosen.pending or not request.dry_run:  # a dry run fetches nothing, and knows less of the tasks that are not here
        check_judgement(requirements, tasks, background)
    events.stage("loading the bases")
    models = _open(request, found)
    if not request.dry_run:
        check_bench(models, tasks)
    return BenchJob(
        request=request,
        found=found,
        models=tuple(models),
        tasks=tuple(tasks),
        pending=chosen.pending,
        left_out=chosen.left_out,
        leakage=leakage,
        background=background,
        requirements=requirements,
        curves=tuple(read_curves(found) if request.outputs.html or request.keep_findings else ()),
    )


def _find(request: BenchRequest, events: Events) -> tuple[Search, tuple[Resolved, ...]]:
    """Refuse the words that name nothing, and find the references."""
    if request.outputs.mteb_results:
        check_output_folder(request.outputs.mteb_results)
    where = request.where or Search(registry=open_registry())
    check_words(request, where.registry)
    found = _resolve(request.references, where)
    note_once(events, (note for resolved in found for note in resolved.notes))
    for resolved in found:
        check_length(resolved, request.settings.max_tokens)
        note_once(events, check_dim(resolved, request.settings.dim))
    return where, found


def _resolve(references: Sequence[str | OpenReference], where: Search) -> tuple[Resolved, ...]:
    """Find references, in their order; `base` beside none but open ones is the base of the first of them, unless one was named."""
    named = [each for each in references if isinstance(each, str)]
    opened = [each for each in references if not isinstance(each, str)]
    if not opened:
        return tuple(resolve_references(named, where))
    from .run.open_references import describe_open

    described = [describe_open(each, where) for each in opened]
    if set(named) == {"base"} and where.base is None:
        found = iter([base_of(described[0])] * len(named))
    else:
        found = iter(resolve_references(named, where))
    rest = iter(described)
    return tuple(next(found) if isinstance(each, str) else next(rest) for each in references)


def _choose(wanted: Wanted, request: BenchRequest, events: Events) -> Chosen:
    """Make and load the tasks, and report those that are left out."""
    from .task_sets import choose_tasks

    chosen = choose_tasks(wanted, dry_run=request.dry_run, on_task=lambda name: events.note(f"reading {name} from the Hub"))
    if (message := chosen.describe_left_out()) and not request.dry_run:
        events.note(message)
    return chosen


def _open(request: BenchRequest, found: Sequence[Resolved]) -> list[Model]:
    from .run.models import open_models
    from .run.open_references import share_networks

    bases = LoadedBases(request.settings)
    opened = share_networks([each for each in request.references if not isinstance(each, str)], bases)
    return open_models(found, bases, opened)
