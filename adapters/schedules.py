"""How the learning rate goes over the steps: a linear rise, then a fall by one row of a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings.schedule import ScheduleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A row of the table.

    Attributes:
        fall: The share of the steps after the warm-up that is done, 0 to below 1 -> the share of the peak.
        settings: The names of the settings that it reads beside `warmup_share`, which all have.
        use: One line: when to use it.
    """

    fall: Callable[[float], float]
    settings: tuple[str, ...] = ()
    use: str


SCHEDULES: dict[str, Schedule] = {
    "cosine": Schedule(fall=lambda done: 0.5 * (1 + math.cos(math.pi * done)), use="by default"),
    "linear": Schedule(fall=lambda done: 1 - done, use="to compare with recipes that use it"),
}


def learning_rate_factor(step: int, steps: int, settings: ScheduleSettings) -> float:
    """Return the learning rate of a step, counted from 0, as a share of its peak: a linear rise, then a fall to zero."""
    warmup = max(1, round(settings.warmup_share * steps))
    if step < warmup:
        return (step + 1) / warmup
    return SCHEDULES[settings.schedule].fall((step - warmup) / max(1, steps - warmup))
