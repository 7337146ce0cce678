"""How a gradient becomes a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, above_zero, below_one, zero_or_more

RATE_OF_FACTORS = 5e-4


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings(Settings):
    """How a gradient becomes a step; an optimiser reads the settings that its row in `OPTIMISERS` names."""

    optimiser: Annotated[
        str,
        Setting(
            help="`adamw`, `adam`, `sgd`, `loraplus`, `adafactor` or `adamw8bit` (see Optimisers and schedules)",
            when="`loraplus` when dev still rises at the end; seldom another",
            is_later=True,
        ),
    ] = "adamw"
    learning_rate: Annotated[
        float | None,
        Setting(
            help="the peak of the schedule; none: the strategy's own ([strategies.md](strategies.md)), 0.0005 of `lora`",
            when="lower it when dev falls from the start or the loss is not a number; raise it when dev still rises at the end, and most "
            "searches are for passages that are trained on (see Forgetting)",
            check=above_zero,
        ),
    ] = None
    weight_decay: Annotated[
        float,
        Setting(
            help="what each step takes off the factors, as a share of the learning rate (decoupled, as AdamW does)",
            when="raise it when few pairs are memorised",
            check=zero_or_more,
        ),
    ] = 0.01
    momentum: Annotated[
        float,
        Setting(
            help="the share of the last step that goes on in the next one, 0 to below 1",
            when="0 for plain gradient descent",
            check=below_one,
            is_later=True,
        ),
    ] = 0.9
    b_rate_ratio: Annotated[
        float,
        Setting(
            help="how many times the learning rate of the first factors, A, the second ones, B, have",
            when="lower, or lower the learning rate, when the loss jumps; 1 is AdamW",
            check=above_zero,
            is_later=True,
        ),
    ] = 16.0
    clip_norm: Annotated[float, Setting(help="longest gradient, Euclidean norm", when="lower it when the loss jumps", check=above_zero)] = (
        1.0
    )

    @property
    def peak_rate(self) -> float:
        """The learning rate at its peak; of settings that no strategy has given one, that of factors."""
        return RATE_OF_FACTORS if self.learning_rate is None else self.learning_rate
