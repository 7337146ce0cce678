"""A projection head beside any strategy: a linear map of the pooled vector to another width, trained along with what the strategy trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from ...base.head import Head
from ...base.load import Base
from ...lora import KeptEnergy
from ..settings.joined import TrainSettings
from .protocol import Strategy, StrategyPlan, TrainedParameter
from .trained import Trained

_BYTES = 4
"""Of each number in the file, which is float32 whatever `store` says: it is small, and what everything else goes through."""


@dataclass(slots=True)
class WithHead:
    """A strategy, and a head over the base's vectors. See `Strategy` for what each method does; what is read out and written is the inner one's.

    The head lies in the base while it is trained (`Base.head`), so that gradients, evaluations and all else go through it.

    Attributes:
        inner: What is trained of the network.
        config: How.
        start: What the head begins as; None: seeded orthonormal directions.
    """

    inner: Strategy
    config: TrainSettings
    start: Head | None = None
    _base: Base | None = field(default=None, init=False)
    _begun: Head | None = field(default=None, init=False)

    def plan(self, base: Base) -> StrategyPlan:
        """Add the head's numbers to what the strategy trains."""
        plan, width = self.inner.plan(base), _width(self.config)
        numbers = width * (base.spec.dimension + self.config.head_bias)
        return replace(plan, parameters=plan.parameters + numbers, file_bytes=plan.file_bytes + _BYTES * numbers)

    def put_in(self, base: Base) -> list[nn.Parameter]:
        """Prepare the network, and put the head over its vectors."""
        self.config.check_headless(base.spec.name, None if base.head is None else base.head.width)
        parameters = self.inner.put_in(base)
        self._begun = (self.start or seeded_head(self.config, base.spec.dimension)).copy(base.device)
        own = [nn.Parameter(tensor.clone()) for tensor in self._begun.tensors]
        self._base, base.head = base, Head(*own)
        return [*parameters, *own]

    def trained(self) -> list[TrainedParameter]:
        """Return what the strategy trains, and the head at its own rate; an L2 term pulls that back to where it began."""
        assert self._base is not None
        assert self._base.head is not None
        assert self._begun is not None
        assert self.config.learning_rate is not None  # each strategy has one of its own
        share = self.config.head_rate / self.config.learning_rate
        own = [
            TrainedParameter(parameter=parameter, rate_share=share, decays=False, origin=origin, is_factor=False)
            for parameter, origin in zip(self._base.head.tensors, self._begun.tensors, strict=True)
            if isinstance(parameter, nn.Parameter)
        ]
        return [*self.inner.trained(), *own]

    def take_out(self) -> None:
        """Leave the base as it was, without a head."""
        if self._base is not None:
            self._base.head, self._base = None, None
        self.inner.take_out()

    def training(self, on: bool) -> None:
        """Switch the strategy; the head is the same in training and in use."""
        self.inner.training(on)

    def begin_step(self, step: int, steps: int) -> None:
        """Let the strategy choose; the head is trained in every step."""
        self.inner.begin_step(step, steps)

    @contextmanager
    def as_stored(self) -> Iterator[None]:
        """Have the network compute as stored; the head's file holds its very numbers."""
        with self.inner.as_stored():
            yield

    def read_out(self) -> Trained:
        """Copy what the strategy trained; the head is the base's (`Base.head`) until it is taken out."""
        return self.inner.read_out()

    def energy(self, trained: Trained) -> KeptEnergy | None:
        """Return how much of the strategy's changes is kept; the head is kept whole."""
        return self.inner.energy(trained)

    def read_in(self, trained: Trained) -> None:
        """Put back what the strategy trained."""
        self.inner.read_in(trained)

    def as_read(self, trained: Trained) -> Trained:
        """Return what the strategy trained as its file gives it back."""
        return self.inner.as_read(trained)

    def check_storable(self, trained: Trained) -> None:
        """Refuse what the strategy's file could not hold."""
        self.inner.check_storable(trained)

    def write(self, trained: Trained, folder: Path, base: Base) -> None:
        """Write what the strategy trained; the head is among the files that make sentence-transformers read the folder."""
        self.inner.write(trained, folder, base)


def seeded_head(config: TrainSettings, inputs: int) -> Head:
    """Return a head of seeded directions at right angles, so that as many as the vectors have numbers change no cosine."""
    width = _width(config)
    drawn = torch.randn(max(width, inputs), min(width, inputs), generator=torch.Generator().manual_seed(config.seed), dtype=torch.float64)
    columns = torch.linalg.qr(drawn).Q.float()  # orthonormal
    return make_head(columns if width >= inputs else columns.T.contiguous(), config)


def make_head(weight: torch.Tensor, config: TrainSettings) -> Head:
    """Return a head of a matrix, (width, inputs) float32, with a bias of zeros where the configuration has one."""
    return Head(weight, torch.zeros(len(weight)) if config.head_bias else None)


def _width(config: TrainSettings) -> int:
    assert config.head is not None  # else there is no head to speak of
    return config.head
