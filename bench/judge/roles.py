"""What tasks and references are to one another: which domain a task belongs to, what a reference was made from and for."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mteb.abstasks import AbsTask

from ...data.domains import Domain, domain_names, load_domain
from ...references import Resolved
from ...registry import Entry
from ..leaks.unseen import unseen_name
from ..result import BenchedReference, BenchedTask, SeedGroup, TaskRole
from ..tasks.metric_names import main_metric, shown_metrics
from ..tasks.table import kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What a bench knows besides scores.

    Attributes:
        references: As they were found; bases that were added to them need not be among them.
        domains: As they were named: names or toml files. Those that ship are known anyway.
        general: Names of the tasks whose data were given as general.
        metrics: The metrics that are to be shown of retrieval; empty: the usual ones.
    """

    references: Sequence[Resolved] = ()
    domains: Sequence[str] = ()
    general: Collection[str] = ()
    metrics: Sequence[str] = ()


def describe_tasks(benched: Sequence[BenchedTask], tasks: Sequence[AbsTask], background: Background) -> tuple[BenchedTask, ...]:
    """Add to benched tasks what their scores count toward, which metrics are shown, and what their items are compared with."""
    known = [load_domain(name) for name in dict.fromkeys((*background.domains, *domain_names()))]
    own = {resolved.entry.domain for resolved in background.references if resolved.entry and resolved.entry.domain}
    by_name = {task.metadata.name: task for task in tasks}
    return tuple(_describe_task(each, by_name[each.name], known, own, background) for each in benched)


def _describe_task(
    benched: BenchedTask, task: AbsTask, known: Sequence[Domain], own: Collection[str], background: Background
) -> BenchedTask:
    kind = kind_of(task)
    main = main_metric(kind.metrics, task.metadata.main_score)
    asked = [metric for metric in background.metrics if metric in kind.metrics]
    role, domain = role_of(benched.name.removesuffix(unseen_name("")).removesuffix(" (local)"), known, own, background.general)
    return replace(
        benched,
        role=role,
        domain=domain,
        main_metric=main,
        shown=shown_metrics(main, kind.shown_metrics or tuple(kind.metrics), asked),
        statistic=kind.statistic,
        gold=kind.gold(task),
    )


def role_of(task: str, known: Sequence[Domain], own: Collection[str], general: Collection[str]) -> tuple[TaskRole, str | None]:
    """Return what a task's score counts toward, and its domain.

    A task is general if its data were given as general, or if the domain files list it there and under no domain. It belongs to the domain whose file
    lists it, whose sample it is, or whose name its own name starts with (`legal-contracts`), and else to the references' domain, if
    they have but one.

    Args:
        task: The task's name.
        known: The domains whose files are known, the ones that were named first.
        own: The references' domains.
        general: Names of the tasks whose data were given as general.
    """
    if task in general:
        return "general", None
    for domain in known:
        if (
            _lists(domain.tasks, task)
            or _lists(domain.large_tasks, task)
            or (domain.sample and task.startswith(f"sample-{domain.sample}-"))
        ):
            return "domain", domain.name
    if any(_lists(domain.general_tasks, task) for domain in known):
        return "general", None
    names = dict.fromkeys((*own, *(domain.name for domain in known)))
    named = next((name for name in names if re.match(rf"{re.escape(name)}(?![^\W_])", task, re.IGNORECASE)), None)
    return "domain", named or (next(iter(own)) if len(own) == 1 else None)


def _lists(tasks: dict[str, tuple[str, ...]], name: str) -> bool:
    return any(name in names for names in tasks.values())


def describe_references(benched: Sequence[BenchedReference], background: Background) -> tuple[BenchedReference, ...]:
    """Add to benched references what kind they are, their domain, their parents and their group of seeds."""
    found = {resolved.reference: resolved for resolved in background.references}
    return tuple(_describe_reference(each, found.get(each.name)) for each in benched)


def _describe_reference(benched: BenchedReference, resolved: Resolved | None) -> BenchedReference:
    if benched.base is None or resolved is None:
        return replace(benched, kind="base") if benched.base is None else benched
    entry = resolved.entry
    parents = [parent.reference for parent in entry.parents] if entry else [member.reference for member in resolved.members]
    if entry is not None and entry.data is not None:  # trained on from its parent, and not made to keep its gain
        parents = []
    return replace(
        benched,
        kind=resolved.kind,
        side=resolved.side,
        domain=entry.domain if entry else None,
        parents=tuple(parents),
        seeds=_seed_group(entry) if entry else None,
    )


def _seed_group(entry: Entry) -> SeedGroup | None:
    recorded = entry.config.get("seeds")
    return SeedGroup(group=recorded["group"], of=recorded["of"]) if isinstance(recorded, dict) else None
