"""How the learning rate goes over the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, below_one


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Settings):
    """How the learning rate goes over the steps."""

    schedule: Annotated[
        str,
        Setting(
            help="`cosine` or `linear`: how the rate falls to zero after the warm-up",
            when="seldom",
        ),
    ] = "cosine"
    warmup_share: Annotated[
        float,
        Setting(help="share of the steps in which the rate rises, 0 to below 1", when="more when the first losses jump", check=below_one),
    ] = 0.1
