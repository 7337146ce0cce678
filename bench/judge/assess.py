"""From scores to judgements: intervals, significance, the named columns and the spread over seeds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from mteb.abstasks import AbsTask

from ..result import BenchedTask, BenchResult, Interval, Score
from .roles import Background, describe_references, describe_tasks
from .statistics import RESAMPLES, Numbers, holm, interval, permutation_p, resampled_scores, score_of
from .summary import Resampled, Resamples, spread_over_seeds, summarize

SIGNIFICANT = 0.05
_LEAST_ITEMS = 2


def assess(result: BenchResult, tasks: Sequence[AbsTask], background: Background) -> BenchResult:
    """Return the result with intervals, named columns and the spread over seeds."""
    described = replace(
        result,
        tasks=describe_tasks(result.tasks, tasks, background),
        references=describe_references(result.references, background),
    )
    resamples = resample(described)
    described = replace(described, scores=_with_intervals(described, resamples))
    return replace(described, summary=summarize(described, resamples), seed_groups=spread_over_seeds(described))


def resample(result: BenchResult) -> Resamples:
    """Score every cell on bootstrap samples of its items; the references of one task on the same samples."""
    resamples = {}
    for task in result.tasks:
        for reference in result.references:
            values, gold = _items(task, result.score(task.name, reference.name))
            if task.statistic != "none" and len(values) >= _LEAST_ITEMS and _is_whole(result, task, reference.name):
                samples = resampled_scores(task.statistic, values, gold, seed=_seed(task))
                resamples[task.name, reference.name] = Resampled(score_of(task.statistic, values, gold), samples)
    return resamples


def _is_whole(result: BenchResult, task: BenchedTask, reference: str) -> bool:
    """Return whether a cell holds the items that its base holds, so that they can be paired."""
    own, base = result.score(task.name, reference).items, result.base_of(reference)
    return base is None or own.keys() == result.score(task.name, base).items.keys()


def _items(task: BenchedTask, score: Score) -> tuple[Numbers, Numbers]:
    """Return the items' values and what they are compared with, in one order for all references."""
    names = sorted(score.items)
    gold = [task.gold[name] for name in names] if task.gold else np.zeros(len(names))
    return np.array([score.items[name] for name in names], np.float64), np.asarray(gold, np.float64)


def _seed(task: BenchedTask) -> int:
    """Return the seed of a task's draws: its own, so that the draws of two tasks are independent, and always the same."""
    return int.from_bytes(hashlib.sha256(f"{task.name} {task.revision}".encode()).digest()[:4])


def _with_intervals(result: BenchResult, resamples: Resamples) -> tuple[Score, ...]:
    tasks = {task.name: task for task in result.tasks}
    bases = [result.base_of(score.reference) for score in result.scores]
    found = [
        interval_between(Pair(tasks[score.task], score, result.score(score.task, base)), resamples)
        for score, base in zip(result.scores, bases, strict=True)
        if base is not None
    ]
    corrected = iter(correct(found))
    return tuple(
        replace(score, interval=None if base is None else next(corrected)) for score, base in zip(result.scores, bases, strict=True)
    )


def correct(found: Sequence[Interval]) -> list[Interval]:
    """Return intervals with the p-values of their tests corrected for how many there are, and what is significant then."""
    tested = [row for row, each in enumerate(found) if each.p is not None]
    corrected = dict(zip(tested, holm([p for each in found if (p := each.p) is not None]), strict=True))
    return [
        replace(each, p_holm=corrected[row], significant=corrected[row] < SIGNIFICANT) if row in corrected else each
        for row, each in enumerate(found)
    ]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two references on one task: `own` is compared with `other`."""

    task: BenchedTask
    own: Score
    other: Score


def interval_between(pair: Pair, resamples: Resamples, *, permutations: int = RESAMPLES) -> Interval:
    """Return the difference of two scores with its interval and the p-value of its test, by `permutations`."""
    task, score = pair.task, pair.own
    own, theirs = (resamples.get((task.name, each.reference)) for each in (pair.own, pair.other))
    if own is None or theirs is None or pair.own.items.keys() != pair.other.items.keys():
        difference = score.metrics[task.main_metric] - pair.other.metrics[task.main_metric]
        return Interval(metric=task.main_metric, difference=difference, method=f"none: {_why_none(task, score)}")
    metric, difference = score.item_metric if task.statistic == "mean" else task.statistic, own.score - theirs.score
    ends = interval(own.samples - theirs.samples)
    if ends is None:
        return Interval(metric=metric, difference=difference, method=f"none: {len(score.items)} {task.item} are too few for {metric}")
    values, gold = _items(task, score)
    p = permutation_p(task.statistic, values, _items(task, pair.other)[0], gold, seed=_seed(task), resamples=permutations)
    method = f"95 % percentile interval of {RESAMPLES} paired bootstrap samples of {task.item}; p by {permutations} paired permutations"
    return Interval(metric=metric, difference=difference, low=ends[0], high=ends[1], p=p, method=method)


def _why_none(task: BenchedTask, score: Score) -> str:
    if task.statistic == "none":
        return f"a score of {task.type.lower()} is of the whole set, and not a mean over its items"
    if len(score.items) < _LEAST_ITEMS:
        return f"{len(score.items)} {task.item}; at least {_LEAST_ITEMS} are needed"
    return f"the two were not scored on the same {task.item}"
