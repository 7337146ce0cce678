"""What keeps factors small, few or smooth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, below_one, zero_or_more


@dataclass(frozen=True, kw_only=True)
class RegularisationSettings(Settings):
    """What keeps factors small, few or smooth; averages read the settings that their row in `AVERAGES` names."""

    l2: Annotated[
        float,
        Setting(
            help="times half the sum of the factors' squares, or of trained weights' squared distances to the base's, which is added to the "
            "loss (the loss that is told is without it)",
            when="with `sgd` and `adam`, which read no `weight_decay`",
            check=zero_or_more,
            is_later=True,
        ),
    ] = 0.0
    l1: Annotated[
        float,
        Setting(
            help="times the learning rate: what each number of the factors is pulled to zero by after each step. Rank components that are "
            "zero at the end are cut off (see Regularisation)",
            when="0.05 to 0.3 for a smaller file; from about 1 on, nothing leaves zero",
            check=zero_or_more,
            is_later=True,
        ),
    ] = 0.0
    averaging: Annotated[
        str,
        Setting(
            help="`none`, `ema` or `swa`: whether an average of the factors over the steps is what is scored on dev and kept",
            when="`ema` when dev goes up and down; `swa` with `schedule=constant`",
            is_later=True,
        ),
    ] = "none"
    average_decay: Annotated[
        float,
        Setting(
            help="the share of the average that stays at each step, 0 to below 1",
            when="so that 1 / (1 - decay) steps are a tenth to a half of the run",
            check=below_one,
            is_later=True,
        ),
    ] = 0.95
    average_start: Annotated[
        float,
        Setting(
            help="the share of the steps after which the mean begins, 0 to below 1",
            when="later when the run is long in settling",
            check=below_one,
            is_later=True,
        ),
    ] = 0.5
