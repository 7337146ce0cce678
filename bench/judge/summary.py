"""The named columns: domain mean, general mean, gain, gain kept, forgetting; and the mean and spread over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ...metrics import spread_of
from ..leaks.unseen import unseen_name
from ..result import BenchedReference, BenchedTask, BenchResult, GainKept, SeedSpread, Summary, TaskRole, TaskSpread
from .statistics import Numbers, interval


@dataclass(frozen=True, slots=True)
class Resampled:
    """What the items of one task say of one reference: the score, and that of the bootstrap samples, (resamples,)."""

    score: float
    samples: Numbers


Resamples = Mapping[tuple[str, str], Resampled]
"""(task, reference) -> what its items say; tasks whose items make no score are not in it."""


def summarize(result: BenchResult, resamples: Resamples) -> tuple[Summary, ...]:
    """Return the named columns of every reference."""
    return tuple(_summarize(result, reference, resamples) for reference in result.references)


def _summarize(result: BenchResult, reference: BenchedReference, resamples: Resamples) -> Summary:
    domain, general = _mean(result, reference.name, "domain"), _mean(result, reference.name, "general")
    if reference.base is None:
        return Summary(reference=reference.name, domain_mean=domain, general_mean=general)
    return Summary(
        reference=reference.name,
        domain_mean=domain,
        general_mean=general,
        gain=_less(domain, _mean(result, reference.base, "domain")),
        gain_kept=tuple(_gains_kept(result, reference, resamples)),
        forgetting=_less(_mean(result, reference.base, "general"), general),
    )


def _mean(result: BenchResult, reference: str, role: TaskRole) -> float | None:
    scores = [result.score(task.name, reference).metrics[task.main_metric] for task in counted_tasks(result, role)]
    return float(np.mean(scores)) if scores else None


def counted_tasks(result: BenchResult, role: TaskRole) -> list[BenchedTask]:
    """Return the tasks of one role; of a task that is there whole and without its leaked items, the whole."""
    rests = {unseen_name(task.name) for task in result.tasks}
    return [task for task in result.tasks if task.role == role and task.name not in rests]


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _gains_kept(result: BenchResult, reference: BenchedReference, resamples: Resamples) -> list[GainKept]:
    parents = [parent for parent in result.references if parent.name in reference.parents and parent.base is not None]
    homes = {parent.name: _home_tasks(result, parent, reference, resamples) for parent in parents}
    return [_gain_kept(reference, parent, homes[parent.name], resamples) for parent in parents if homes[parent.name]]


def _home_tasks(result: BenchResult, parent: BenchedReference, child: BenchedReference, resamples: Resamples) -> tuple[str, ...]:
    """Return the tasks of a parent's domain that have items for all who are compared."""
    names = [task.name for task in counted_tasks(result, "domain") if parent.domain is not None and task.domain == parent.domain]
    needed = (parent.name, parent.base, child.name, child.base)
    return tuple(name for name in names if all((name, each) in resamples for each in needed))


def _gain_kept(child: BenchedReference, parent: BenchedReference, tasks: tuple[str, ...], resamples: Resamples) -> GainKept:
    """Compare a child's gain with a parent's; over other bases than the parent's there is no common gain, and so no share."""
    assert parent.base is not None
    own, theirs, base = (_over(tasks, name, resamples) for name in (child.name, parent.name, parent.base))
    kept = GainKept(parent=parent.name, tasks=tasks, parent_gain=theirs.score - base.score, difference=own.score - theirs.score)
    gain = interval(theirs.samples - base.samples)
    if child.base != parent.base or gain is None or gain[0] <= 0:
        return kept
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = interval((own.samples - base.samples) / (theirs.samples - base.samples))
    low, high = ends or (None, None)
    return GainKept(
        parent=kept.parent,
        tasks=tasks,
        parent_gain=kept.parent_gain,
        difference=kept.difference,
        share=(own.score - base.score) / kept.parent_gain,
        low=low,
        high=high,
    )


def _over(tasks: Sequence[str], reference: str, resamples: Resamples) -> Resampled:
    """Return the mean over tasks, sample by sample; tasks are drawn from independently."""
    own = [resamples[task, reference] for task in tasks]
    return Resampled(float(np.mean([each.score for each in own])), np.mean([each.samples for each in own], axis=0))


def spread_over_seeds(result: BenchResult) -> tuple[SeedSpread, ...]:
    """Return the mean and spread of every group of seeds of which several members were benched."""
    groups: dict[str, list[BenchedReference]] = {}
    for reference in result.references:
        if reference.seeds is not None:
            groups.setdefault(reference.seeds.group, []).append(reference)
    return tuple(_seed_spread(result, group, members) for group, members in groups.items() if len(members) > 1)


def _seed_spread(result: BenchResult, group: str, members: Sequence[BenchedReference]) -> SeedSpread:
    assert members[0].seeds is not None
    names = tuple(member.name for member in members)
    spreads = []
    for task in result.tasks:
        scores = [result.score(task.name, name).metrics[task.main_metric] for name in names]
        spreads.append(TaskSpread(task=task.name, metric=task.main_metric, **asdict(spread_of(scores))))
    return SeedSpread(group=group, of=members[0].seeds.of, members=names, tasks=tuple(spreads))
