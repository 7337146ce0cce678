"""What both objectives share: the texts, the head beside the network, and what the loop does not ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import nn

from ...base.load import Base
from ...choices import Role
from ...data.words import Terms
from ..strategies.protocol import TrainedParameter
from ..token_ids import TokenIds
from .config import PretrainConfig
from .steps import Pieces, TextSteps

HELD_OUT_SEED = 20
"""Of the masks and deletions of texts that are held out: the same in every run, so that losses can be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a run learns from.

    Attributes:
        train: Pieces of the texts to train on.
        held_out: Pieces of the others, to measure on.
        terms: Of a glossary; those that are held out are masked as if there were none, so that losses can be compared.
    """

    train: Pieces
    held_out: tuple[str, ...]
    terms: Terms


class TextObjective(Protocol):
    """What an objective over texts has beside what the loop asks for."""

    def held_out_loss(self, base: Base) -> float:
        """Return the mean loss of the tokens of the texts that are held out, with the network as it stands."""
        ...


class Learner:
    """What the loop asks for, without the step itself."""

    def __init__(self, base: Base, texts: Texts, config: PretrainConfig, head: nn.Module) -> None:
        self._texts, self._config, self.head = texts, config, head.to(base.device)
        self._batches = TextSteps(len(texts.train.texts), config.batch_size, config.epochs, config.steps, config.seed)

    @property
    def batches(self) -> TextSteps:
        """Which pieces stand in which step."""
        return self._batches

    @property
    def others(self) -> None:
        """There are none."""
        return None

    @property
    def head_steps(self) -> int:
        """How many steps train the head alone."""
        return round(self._config.token_head_share * self._batches.steps)

    def trained(self) -> Sequence[TrainedParameter]:
        """Return the head's parameters."""
        return [TrainedParameter(parameter=each, rate_share=self._config.token_head_rate) for each in self.head.parameters()]

    def texts(self) -> dict[Role, list[str]]:
        """Return none: what goes through the network is drawn anew at each step."""
        return {}

    def refreshes(self, step: int) -> bool:  # noqa: ARG002 - as every objective
        """Return false."""
        return False

    def refresh(self, base: Base, token_ids: TokenIds, some: int | None = None) -> None:
        """Do nothing."""

    def _pieces(self, step: int) -> list[str]:
        return [self._texts.train.texts[row] for row in self._batches.rows(step)]


def all_states(base: Base) -> Base:
    """Return the base as one whose network gives the states of all tokens, which pooling by the first one does without in its last layer."""
    return replace(base, encoding=replace(base.encoding, pooling="mean"))


@contextmanager
def own_draws(base: Base) -> Iterator[None]:
    """Keep what is drawn in here out of the global random state."""
    with torch.random.fork_rng(devices=[base.device] if base.device.type == "cuda" else []):
        yield
