"""From scores to judgements: intervals, significance, the named columns and the spread over seeds."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from mteb.abstasks import AbsTask

from .result import BenchedTask, BenchResult, Interval, Score
from .roles import Background, describe_references, describe_tasks
from .statistics import RESAMPLES, Numbers, holm, interval, permutation_p, resampled_scores, score_of
from .summary import Cells, Resampled, spread_over_seeds, summarize

SIGNIFICANT = 0.05
_LEAST_ITEMS = 2


def assess(result: BenchResult, tasks: Sequence[AbsTask], background: Background) -> BenchResult:
    """Return the result with intervals, named columns and the spread over seeds."""
    described = replace(
        result,
        tasks=describe_tasks(result.tasks, tasks, background),
        references=describe_references(result.references, background),
    )
    cells = _resample(described)
    described = replace(described, scores=_with_intervals(described, cells))
    return replace(described, summary=summarize(described, cells), seed_groups=spread_over_seeds(described))


def _resample(result: BenchResult) -> Cells:
    """Score every cell on bootstrap samples of its items; the references of one task on the same samples."""
    cells = {}
    for task in result.tasks:
        for reference in result.references:
            values, gold = _items(task, result.score(task.name, reference.name))
            if task.statistic != "none" and len(values) >= _LEAST_ITEMS and _is_whole(result, task, reference.name):
                samples = resampled_scores(task.statistic, values, gold, seed=_seed(task))
                cells[task.name, reference.name] = Resampled(score_of(task.statistic, values, gold), samples)
    return cells


def _is_whole(result: BenchResult, task: BenchedTask, reference: str) -> bool:
    """Say whether a cell holds the items that its base holds, so that they can be paired."""
    own, base = result.score(task.name, reference).items, result.base_of(reference)
    return base is None or own.keys() == result.score(task.name, base).items.keys()


def _items(task: BenchedTask, score: Score) -> tuple[Numbers, Numbers]:
    """Return the items' values and what they are held against, in one order for all references."""
    names = sorted(score.items)
    gold = [task.gold[name] for name in names] if task.gold else np.zeros(len(names))
    return np.array([score.items[name] for name in names], np.float64), np.asarray(gold, np.float64)


def _seed(task: BenchedTask) -> int:
    """Return the seed of a task's draws: its own, so that the draws of two tasks are independent, and always the same."""
    return int.from_bytes(hashlib.sha256(f"{task.name} {task.revision}".encode()).digest()[:4])


def _with_intervals(result: BenchResult, cells: Cells) -> tuple[Score, ...]:
    scores = [replace(score, interval=_interval(result, score, cells)) for score in result.scores]
    tested = [row for row, score in enumerate(scores) if score.interval and score.interval.p is not None]
    corrected = holm([scores[row].interval.p for row in tested])  # type: ignore[union-attr, misc]  # they are the ones that have it
    for row, p_holm in zip(tested, corrected, strict=True):
        found = scores[row].interval
        assert found is not None
        scores[row] = replace(scores[row], interval=replace(found, p_holm=p_holm, significant=p_holm < SIGNIFICANT))
    return tuple(scores)


def _interval(result: BenchResult, score: Score, cells: Cells) -> Interval | None:
    base, task = result.base_of(score.reference), next(task for task in result.tasks if task.name == score.task)
    if base is None:
        return None
    own, theirs = cells.get((score.task, score.reference)), cells.get((score.task, base))
    if own is None or theirs is None:
        difference = score.metrics[task.main_metric] - result.score(score.task, base).metrics[task.main_metric]
        return Interval(metric=task.main_metric, difference=difference, method=f"none: {_why_none(task, score)}")
    metric, difference = score.item_metric if task.statistic == "mean" else task.statistic, own.score - theirs.score
    ends = interval(own.samples - theirs.samples)
    if ends is None:
        return Interval(metric=metric, difference=difference, method=f"none: {len(score.items)} {task.item} are too few for {metric}")
    values, gold = _items(task, score)
    p = permutation_p(task.statistic, values, _items(task, result.score(score.task, base))[0], gold, seed=_seed(task))
    method = f"95 % percentile interval of {RESAMPLES} paired bootstrap samples of {task.item}; p by {RESAMPLES} paired permutations"
    return Interval(metric=metric, difference=difference, low=ends[0], high=ends[1], p=p, method=method)


def _why_none(task: BenchedTask, score: Score) -> str:
    if task.statistic == "none":
        return f"a score of {task.type.lower()} is of the whole set, and no mean over its items"
    if len(score.items) < _LEAST_ITEMS:
        return f"{len(score.items)} {task.item}; at least {_LEAST_ITEMS} are needed"
    return f"the two were not scored on the same {task.item}"
