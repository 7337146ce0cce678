"""One evaluation during training: what it gave, and the encoder that it is made with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..base.load import Base
from ..data.dev_set import DevSet, draw_dev_set
from ..data.pairs import TrainingData
from ..encoders.lora import LoraEncoder
from .config import TrainConfig

GENERAL = "general Spearman"
"""What general ability and its metric are called beside the other scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One evaluation: after how many steps, and the score on the main dev set in its metric.

    `others`: what other dev sets scored, by name and metric. `general`: the correlation on general sentence pairs; None: it is not watched.
    `fell`: whether that is further below the first one than is allowed. `is_loss`: whether lower scores are better.
    """

    step: int
    score: float
    others: Mapping[str, float] = field(default_factory=dict)
    general: float | None = None
    fell: bool = False
    is_loss: bool = False

    @property
    def merit(self) -> float:
        """What states are compared by: the higher the better."""
        return -self.score if self.is_loss else self.score

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is saved: what only some runs have is left out in the others."""
        plain = {"step": self.step, "score": self.score}
        others = {"others": dict(self.others)} if self.others else {}
        watched = {} if self.general is None else {"general": self.general, "fell": self.fell}
        return plain | others | watched | ({"is_loss": True} if self.is_loss else {})

    @property
    def beside(self) -> dict[str, float]:
        """The scores beside the main one, by what they are called."""
        return {**self.others, **({} if self.general is None else {GENERAL: self.general})}


class Scores(Protocol):
    """What the loop scores a run on."""

    @property
    def metric(self) -> str:
        """What the main score is called."""
        ...

    def evaluate(self, step: int, base: Base) -> Evaluation:
        """Score the network as it stands after so many steps."""
        ...


def dev_encoder(base: Base, config: TrainConfig) -> LoraEncoder:
    """Return the encoder of an evaluation: the network as it stands, at the length and precision of training."""
    return LoraEncoder(base, precision=config.precision, max_tokens=config.max_tokens)


def make_dev_set(data: TrainingData) -> DevSet | None:
    """Draw the dev set of a run, or None where the data have no dev split."""
    return draw_dev_set(data.dev, data.searched) if data.dev is not None else None
