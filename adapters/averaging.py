"""Averages of what is trained, over the steps: one table, and the average of one run. Importing it loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .settings.regularisation import RegularisationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageRow:
    """A row of the table.

    Attributes:
        share: How many states were averaged, the newest one included, and settings -> the share of the newest one; None: nothing is averaged.
        start: Settings -> the share of the steps after which the first one is averaged.
        settings: The names of the settings that it reads.
        source: The paper's URL; empty where nothing is averaged.
        use: One line: when to use it.
    """

    share: Callable[[int, RegularisationSettings], float] | None
    start: Callable[[RegularisationSettings], float] = lambda _: 0.0
    settings: tuple[str, ...] = ()
    source: str = ""
    use: str


AVERAGES: dict[str, AverageRow] = {
    "none": AverageRow(share=None, use="by default: the schedule settles the factors"),
    "ema": AverageRow(
        share=lambda _, settings: 1 - settings.average_decay,
        settings=("average_decay",),
        source="https://arxiv.org/abs/1802.10026",
        use="when dev goes up and down from one evaluation to the next: an exponential moving average",
    ),
    "swa": AverageRow(
        share=lambda count, _: 1 / count,
        start=lambda settings: settings.average_start,
        settings=("average_start",),
        source="https://arxiv.org/abs/1803.05407",
        use="with `schedule=constant` or `cosine_restarts`: the mean of the states after a part of the run",
    ),
}


@dataclass(slots=True)
class Average:
    """The average of one run.

    Attributes:
        settings: Name a row, and what it reads.
        weights: The average so far, in the order of the parameters and where they lie; None: nothing was averaged yet.
        count: How many states it is of.
    """

    settings: RegularisationSettings
    weights: list[Tensor] | None = None
    count: int = field(default=0)

    @property
    def row(self) -> AverageRow:
        """The row of the table."""
        return AVERAGES[self.settings.averaging]

    def is_due(self, step: int, steps: int) -> bool:
        """Return whether the state after so many steps, counted from 1, takes part."""
        return self.row.share is not None and step > self.row.start(self.settings) * steps

    def add(self, parameters: Sequence[nn.Parameter]) -> None:
        """Let a state take part; the first one is the average."""
        assert self.row.share is not None  # else nothing is due
        self.count += 1
        if self.weights is None:
            self.weights = [parameter.detach().clone() for parameter in parameters]
            return
        share = self.row.share(self.count, self.settings)
        for average, parameter in zip(self.weights, parameters, strict=True):
            average.lerp_(parameter.detach(), share)  # at a share of 1 this is the parameter, to the bit
