"""How the learning rate goes over the steps: a linear rise, then one row of a table."""

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
        fall: The share of the steps after the warm-up that is done, 0 to below 1, and settings -> the share of the peak.
        settings: The names of the settings that it reads beside `warmup_share`, which all have.
        use: One line: when to use it.
    """

    fall: Callable[[float, ScheduleSettings], float]
    settings: tuple[str, ...] = ()
    use: str


def _half_wave(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))


SCHEDULES: dict[str, Schedule] = {
    "cosine": Schedule(fall=lambda done, _: _half_wave(done), use="by default"),
    "linear": Schedule(fall=lambda done, _: 1 - done, use="to compare with recipes that use it"),
    "constant": Schedule(fall=lambda _, __: 1.0, use="when it is not known how long a run will be"),
    "cosine_restarts": Schedule(
        fall=lambda done, settings: _half_wave(done * (settings.restarts + 1) % 1),
        settings=("restarts",),
        use="when a run settles early in a poor state (<https://arxiv.org/abs/1608.03983>)",
    ),
    "polynomial": Schedule(
        fall=lambda done, settings: (1 - done) ** settings.power,
        settings=("power",),
        use="to fall faster at first than `linear` (a power above 1), or later (below 1)",
    ),
}


def learning_rate_factor(step: int, steps: int, settings: ScheduleSettings) -> float:
    """Return the learning rate of a step, counted from 0, as a share of its peak: a linear rise, then what the schedule says."""
    warmup = max(1, round(settings.warmup_share * steps))
    if step < warmup:
        return (step + 1) / warmup
    return SCHEDULES[settings.schedule].fall((step - warmup) / max(1, steps - warmup), settings)
