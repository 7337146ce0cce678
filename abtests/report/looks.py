"""The primary metric over time: what each look would have seen, from what was logged until then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..answers import AnswerTable
from ..metrics import Metric, measure
from ..moments import Estimate, difference
from ..outcomes import Counting, outcomes_until
from ..preference import prefer
from ..sequential import is_ready
from .contrast import contrast_of
from .figures import Look

HOUR, DAY = 3600.0, 86400.0
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


def seen_of_split(metric: Metric, table: AnswerTable, is_counted: NDArray[np.bool_], arms: int, counting: Counting) -> Seen:
    """Return what looks see of arms that have users of their own."""

    def seen(moment: float) -> list[tuple[Estimate, bool]]:
        found = outcomes_until(table, moment, counting)
        counted = is_counted & found.is_counted
        values = [measure(metric, table, found, np.flatnonzero(counted & (table.arm == arm)), counting) for arm in range(arms)]
        first = values[0]
        return [
            (
                difference(first.estimate, each.estimate),
                bool(is_ready(first.estimate.users, each.estimate.users, np.float64(first.active_users + each.active_users))),  # type: ignore[arg-type]
            )
            for each in values[1:]
        ]

    return seen


def seen_of_lists(table: AnswerTable, is_counted: NDArray[np.bool_], arms: int) -> Seen:
    """Return what looks see of interleaved lists."""

    def seen(moment: float) -> list[tuple[Estimate, bool]]:
        found = [prefer(table, arm, moment, is_counted) for arm in range(1, arms)]
        return [(each.estimate, bool(is_ready(each.estimate.users, each.estimate.users, np.float64(each.active_users)))) for each in found]  # type: ignore[arg-type]

    return seen


def make_looks(seen: Seen, times: Sequence[float], names: Sequence[str], tau: float, alpha: float) -> tuple[Look, ...]:
    """Return the contrast of each arm at each moment."""
    return tuple(
        Look(at=moment, is_ready=ready, contrast=contrast_of(name, found, tau, alpha))
        for moment in times
        for name, (found, ready) in zip(names[1:], seen(moment), strict=True)
    )
