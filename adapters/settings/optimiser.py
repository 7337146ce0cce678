"""How a gradient becomes a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, above_zero, zero_or_more


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings(Settings):
    """How a gradient becomes a step; an optimiser reads the settings that its row in `OPTIMISERS` names."""

    optimiser: Annotated[str, Setting(help="`adamw`", when="it is the only one yet", is_later=True)] = "adamw"
    learning_rate: Annotated[
        float,
        Setting(
            help="the peak of the schedule",
            when="lower it when dev falls from the start or the loss is not a number; raise it when dev still rises at the end, and most "
            "searches are for passages that are trained on (see Forgetting)",
            check=above_zero,
        ),
    ] = 5e-4
    weight_decay: Annotated[
        float, Setting(help="AdamW's, on the factors", when="raise it when few pairs are memorised", check=zero_or_more)
    ] = 0.01
    clip_norm: Annotated[float, Setting(help="longest gradient, Euclidean norm", when="lower it when the loss jumps", check=above_zero)] = (
        1.0
    )
