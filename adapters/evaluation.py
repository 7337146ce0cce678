"""The evaluation on the dev split during training: on the set that the search for merge weights uses too."""

from dataclasses import dataclass

from ..base.load import Base
from ..data.dev_set import DevSet, draw_dev_set
from ..data.pairs import TrainingData
from ..encoders.lora import LoraEncoder
from .config import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One evaluation on the dev split: after how many steps, and the mean score in the dev set's metric."""

    step: int
    score: float


def dev_encoder(base: Base, config: TrainConfig) -> LoraEncoder:
    """Return the encoder of an evaluation: the network as it stands, at the length and precision of training."""
    return LoraEncoder(base, precision=config.precision, max_tokens=config.max_tokens)


def make_dev_set(data: TrainingData) -> DevSet | None:
    """Draw the dev set of a run, or None where the data have no dev split."""
    return draw_dev_set(data.dev, data.searched) if data.dev is not None else None
