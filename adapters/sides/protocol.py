"""What the loop asks of a side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ...base.load import Base
from ...choices import Role
from ...data.dev_set import DevSet
from ...encoders.protocol import Encodes
from ..batches import Batches
from ..others import Others
from ..token_ids import Ids, TokenIds


@dataclass(frozen=True, slots=True)
class StepLoss:
    """What a step gave: its loss, and how many pairs it was of."""

    loss: float
    pairs: int


class Objective(Protocol):
    """What the steps of one run are: which texts go through the network, and what their vectors are compared with."""

    batches: Batches
    others: Others

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

    def scored(self, dev: DevSet) -> tuple[Role, list[str]]:
        """Return the texts that `score` puts through the network, and the role that they are timed in."""
        ...

    def score(self, dev: DevSet, encoder: Encodes) -> float:
        """Return the mean score on dev of what an encoder makes of the texts that go through the network.

        Raises:
            AdaptError: stored vectors have changed on the disk.
        """
        ...


def repeated_ids(objective: Objective, token_ids: TokenIds) -> Iterator[Ids]:
    """Give the token ids of the texts that steps put through the network again and again: every epoch's, and general ones."""
    texts, others = objective.texts(), objective.others
    if others.general:
        texts |= {others.role: [*texts.get(others.role, ()), *others.general]}
    for role, of_role in texts.items():
        yield from token_ids.of(of_role, role)
