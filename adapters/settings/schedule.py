"""How the learning rate goes over the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, above_zero, below_one


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Settings):
    """How the learning rate goes over the steps."""

    schedule: Annotated[
        str,
        Setting(
            help="`cosine`, `linear`, `constant`, `cosine_restarts` or `polynomial`: how the rate goes after the warm-up (see Optimisers and "
            "schedules)",
            when="seldom",
        ),
    ] = "cosine"
    warmup_share: Annotated[
        float,
        Setting(help="share of the steps in which the rate rises, 0 to below 1", when="more when the first losses jump", check=below_one),
    ] = 0.1
    restarts: Annotated[
        int,
        Setting(
            help="how often the rate jumps back to its peak, each time to fall again",
            when="so that each fall is an epoch or more",
            check=above_zero,
            is_later=True,
        ),
    ] = 1
    power: Annotated[
        float,
        Setting(
            help="of the share of the steps that are left, which gives the rate; 1 is `linear`",
            when="above 1 to fall faster at first",
            check=above_zero,
            is_later=True,
        ),
    ] = 2.0
