"""References compared with each other and not with the base alone: which of two adapters is the better one, and how sure that is."""

from itertools import combinations

from ..result import BenchResult, Comparison
from .assess import Pair, correct, interval_between, resample
from .statistics import RESAMPLES

_OF_RANKS = 2_000
"""Permutations for rank statistics, each of which ranks all pairs again; there are many pairs of references."""


def compare_references(result: BenchResult) -> tuple[Comparison, ...]:
    """Return every pair of references that are not bases, on every task; p-values are corrected by Holm over all of these comparisons."""
    names = [reference.name for reference in result.references if reference.base is not None]
    if len(names) < 2:
        return ()
    resamples = resample(result)
    asked = [
        Pair(task, result.score(task.name, first), result.score(task.name, second))
        for task in result.tasks
        for first, second in combinations(names, 2)
    ]
    found = correct([interval_between(pair, resamples, permutations=_permutations(pair)) for pair in asked])
    return tuple(
        Comparison(task=pair.task.name, first=pair.own.reference, second=pair.other.reference, interval=each)
        for pair, each in zip(asked, found, strict=True)
    )


def _permutations(pair: Pair) -> int:
    return RESAMPLES if pair.task.statistic == "mean" else _OF_RANKS
