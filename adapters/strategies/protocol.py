"""What the loop, the evaluation and the folder ask of a strategy."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from ...base.load import Base
from ...lora import KeptEnergy
from .trained import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPlan:
    """What a strategy will train.

    Attributes:
        parameters: How many numbers.
        file_bytes: The bytes that what is kept of them takes on disk.
        modules: The linear modules that they change.
        copied_bytes: The bytes in memory of the base's own values, which are put aside.
    """

    parameters: int
    file_bytes: int
    modules: tuple[str, ...]
    copied_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedParameter:
    """A parameter that is trained, and what an optimiser may treat it by.

    Attributes:
        parameter: What an optimiser changes.
        is_second_factor: Whether it is B of an update B @ A, which begins at zero.
        rate_share: What the learning rate is multiplied by.
        decays: Whether weight decay is for it.
        origin: What an L2 term pulls it back to; None: zero.
        is_factor: Whether it is of the update of the network's weights, which an L1 term makes sparse; a projection head is not.
    """

    parameter: nn.Parameter
    is_second_factor: bool = False
    rate_share: float = 1.0
    decays: bool = True
    origin: Tensor | None = None
    is_factor: bool = True


class Strategy(Protocol):
    """What is trained in a base's network. One object serves one run, and one base at a time."""

    def plan(self, base: Base) -> StrategyPlan:
        """Say what will be trained; the base stays as it is."""
        ...

    def put_in(self, base: Base) -> list[nn.Parameter]:
        """Prepare a network for training and return what an optimiser changes. An adapter that lies over the base's weights is taken off.

        Raises:
            ConfigError: a setting does not fit the network.
            ValueError: the network is being trained already.
        """
        ...

    def trained(self) -> list[TrainedParameter]:
        """Return the parameters that `put_in` gave, in their order, with what an optimiser may treat them by."""
        ...

    def take_out(self) -> None:
        """Leave the network as it was before `put_in`, bit for bit; without effect where nothing was put in."""
        ...

    def training(self, on: bool) -> None:
        """Switch what differs between training and use: dropout, the kernels of attention."""
        ...

    def begin_step(self, step: int, steps: int) -> None:
        """Let what is to be trained in a step, counted from 0 of so many, get gradients, and nothing else."""
        ...

    def as_stored(self) -> AbstractContextManager[None]:
        """Have the network compute as it will with what was trained out of its file, as long as this lasts."""
        ...

    def read_out(self) -> Trained:
        """Copy what was trained out of the network, in the form in which it is kept: on the CPU, in float32."""
        ...

    def energy(self, trained: Trained) -> KeptEnergy | None:
        """Return how much of the changes, as the network has them now, `trained` keeps, which `read_out` returned; None: all."""
        ...

    def read_in(self, trained: Trained) -> None:
        """Put back what `read_out` returned: the same numbers to the bit, where all is kept; else the base with what is kept.

        Raises:
            ValueError: it was read out of another kind of network, or with other settings.
        """
        ...

    def as_read(self, trained: Trained) -> Trained:
        """Return what was trained as its file gives it back."""
        ...

    def check_storable(self, trained: Trained) -> None:
        """Refuse what its file could not hold.

        Raises:
            TrainingError: numbers are too large for the configured format.
        """
        ...

    def write(self, trained: Trained, folder: Path, base: Base) -> None:
        """Write what was trained: factors with what peft needs to find their base again, or a whole model.

        Args:
            trained: What `read_out` returned.
            folder: Where to.
            base: What was trained over, as it is without it.
        """
        ...
