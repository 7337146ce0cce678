"""The primary metric over time: what each look would have seen, from what was logged until then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..measures.answers import AnswerTable
from ..measures.arms import ArmValue, Measured, compare_arms, measure_arms
from ..measures.metrics import Metric
from ..measures.outcomes import outcomes_until
from ..measures.preference import prefer
from ..statistics.moments import Estimate
from ..statistics.sequential import is_ready
from .contrast import contrast_of
from .figures import Look
from .flags import DAY

HOUR = 3600.0
MOST_LOOKS = 60
_FEW_DAYS = 3

Seen = Callable[[float], list[tuple[Estimate, bool]]]
"""A moment -> of each arm but the first its difference, and whether a decision is possible."""


def look_times(first: float, last: float) -> list[float]:
    """Return when the log is looked at: at the end of each hour, of each day after three days, and at its last moment.

    Of a long experiment every second day, or every third one, so that there are at most `MOST_LOOKS`.
    """
    step = HOUR if last - first <= _FEW_DAYS * DAY else DAY
    step *= max(1, int(np.ceil((last - first) / step / MOST_LOOKS)))
    ends = np.arange(np.floor(first / step) + 1, np.ceil(last / step)) * step
    return [*map(float, ends), last]


def seen_of_split(metric: Metric, measured: Measured) -> Seen:
    """Return what looks see of arms that have users of their own."""

    def seen(moment: float) -> list[tuple[Estimate, bool]]:
        until = replace(measured, found=outcomes_until(measured.table, moment, measured.counting))
        first, *others = measure_arms(metric, until)
        return [(compare_arms(first, each), _ready(first, each)) for each in others]

    return seen


def _ready(first: ArmValue, other: ArmValue) -> bool:
    largest = max(first.largest, other.largest)
    return is_ready(first.estimate.users, other.estimate.users, first.active_users + other.active_users, largest)


def seen_of_lists(table: AnswerTable, is_counted: NDArray[np.bool_], arms: int) -> Seen:
    """Return what looks see of interleaved lists."""

    def seen(moment: float) -> list[tuple[Estimate, bool]]:
        found = [prefer(table, arm, moment, is_counted) for arm in range(1, arms)]
        return [(each.estimate, is_ready(each.estimate.users, each.estimate.users, each.active_users, each.largest)) for each in found]

    return seen


def make_looks(seen: Seen, times: Sequence[float], names: Sequence[str], tau: float, alpha: float) -> tuple[Look, ...]:
    """Return the contrast of each arm at each moment."""
    return tuple(
        Look(at=moment, is_ready=ready, contrast=contrast_of(name, found, tau, alpha))
        for moment in times
        for name, (found, ready) in zip(names[1:], seen(moment), strict=True)
    )
