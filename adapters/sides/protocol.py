"""What the loop asks of a side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...base.load import Base
from ...choices import Role
from ...data.dev_set import DevSet
from ...encoders.protocol import Encodes
from ..batches import Batches
from ..others import Others
from ..strategies.protocol import TrainedParameter
from ..token_ids import Ids, TokenIds


@dataclass(frozen=True, slots=True)
class StepLoss:
    """What a step gave: its loss, and how many pairs (or of what `unit` says) it was of."""

    loss: float
    pairs: int
    unit: str = "pairs"


class Steps(Protocol):
    """How many steps a run has."""

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        ...

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        ...


class LoopObjective(Protocol):
    """What the loop asks of the steps of one run: which texts go through the network, and what gradient comes of them."""

    @property
    def batches(self) -> Steps:
        """How many steps there are."""
        ...

    @property
    def others(self) -> Others | None:
        """The other encoders of the run; None where it has none."""
        ...

    def trained(self) -> Sequence[TrainedParameter]:
        """Return what is trained along with the strategy's parameters, and thrown away at the end."""
        ...

    def texts(self) -> dict[Role, list[str]]:
        """Return the texts of each role that every epoch puts through the network."""
        ...

    def refreshes(self, step: int) -> bool:
        """Return whether something is to be computed anew with the network as it stands before a step."""
        ...

    def refresh(self, base: Base, token_ids: TokenIds, some: int | None = None) -> None:
        """Compute it anew; where `some` is given, for so many training queries, which then stand for all: to see how long it takes."""
        ...

    def accumulate(self, base: Base, step: int, seed: int, token_ids: TokenIds | None = None) -> StepLoss:
        """Add the gradient of a step's loss to the parameters'.

        Args:
            base: With a strategy put in, in training.
            step: Counted from 0.
            seed: Of dropout.
            token_ids: Of the texts, where they are known already.
        """
        ...


class Objective(LoopObjective, Protocol):
    """What the steps of one run over pairs are, and what their vectors are compared with."""

    batches: Batches
    others: Others

    def scored(self, dev: DevSet) -> tuple[Role, list[str]]:
        """Return the texts that `score` puts through the network, and the role that they are timed in."""
        ...

    def score(self, dev: DevSet, encoder: Encodes) -> float:
        """Return the mean score on dev of what an encoder makes of the texts that go through the network.

        Raises:
            AdaptError: stored vectors have changed on the disk.
        """
        ...


def repeated_ids(objective: LoopObjective, token_ids: TokenIds) -> Iterator[Ids]:
    """Give the token ids of the texts that steps put through the network again and again: every epoch's, and general ones."""
    texts, others = objective.texts(), objective.others
    if others is not None and others.general:
        texts |= {others.role: [*texts.get(others.role, ()), *others.general]}
    for role, of_role in texts.items():
        yield from token_ids.of(of_role, role)
