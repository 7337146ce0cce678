"""The optimisers: one table. Importing it loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from .settings.optimiser import OptimiserSettings

    Make = Callable[[Sequence[nn.Parameter], OptimiserSettings], Optimizer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """A row of the table.

    Attributes:
        make: Parameters and settings -> the optimiser. Its learning rate is set anew before each step.
        settings: The names of the settings that it reads beside `learning_rate` and `clip_norm`, which all have.
        source: The paper's URL.
        use: One line: when to use it.
    """

    make: Make
    settings: tuple[str, ...]
    source: str
    use: str


def _adamw(parameters: Sequence[nn.Parameter], settings: OptimiserSettings) -> Optimizer:
    from torch.optim import AdamW

    is_fused = all(each.device.type == "cuda" for each in parameters)  # one operation for all, where the processor's time is short
    return AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=is_fused or None)


OPTIMISERS: dict[str, Optimiser] = {
    "adamw": Optimiser(make=_adamw, settings=("weight_decay",), source="https://arxiv.org/abs/1711.05101", use="by default"),
}
