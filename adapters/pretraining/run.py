"""From texts and a base to factors. Load -> compute; saving is `register.py`'s."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from ...base.load import Base
from ...data.draw import draw
from ...data.unlabelled import UnlabelledTexts
from ...data.words import Terms
from ...errors import ConfigError
from ...events import Step
from ..checkpoint import Checkpoint
from ..evaluation import Evaluation
from ..loop import Run, RunState
from ..sides.protocol import LoopObjective
from ..strategies.table import open_strategy, put_in
from ..train import TrainResult, go_through
from .config import PretrainConfig
from .learner import HELD_OUT_SEED, TextObjective, Texts
from .steps import cut_pieces
from .table import OBJECTIVES

MEASUREMENTS = 10
"""Of the held-out loss in a run, beside the one before it, where nobody says how often."""


MEASURED_PIECES = 256
"""Of the texts that are held out, at most: a measurement takes as long as two or three steps."""


class PretrainObjective(LoopObjective, TextObjective, Protocol):
    """What the steps of a run over texts are."""

    @property
    def head_steps(self) -> int:
        """How many steps train the head alone."""
        ...


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The texts that are held out, as what a run is scored on."""

    objective: PretrainObjective
    metric: str

    def evaluate(self, step: int, base: Base) -> Evaluation:
        """Measure the loss with network and head as they stand."""
        return Evaluation(step=step, score=self.objective.held_out_loss(base), is_loss=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainResult:
    """What a run over texts did.

    Attributes:
        run: The factors, the losses of the steps, and the measurements of the held-out loss.
        head_steps: How many steps trained the head alone.
    """

    run: TrainResult
    head_steps: int

    @property
    def before(self) -> float:
        """The held-out loss of the base with a head that was trained over it: the last one that was measured before the factors changed."""
        return [each.score for each in self.run.evaluations if each.step <= self.head_steps][-1]

    @property
    def after(self) -> float:
        """The held-out loss of what is kept."""
        assert self.run.best is not None  # it is measured at the end
        return self.run.best.score


def make_texts(base: Base, texts: UnlabelledTexts, config: PretrainConfig, terms: Terms) -> Texts:
    """Cut texts into the pieces that a base reads; of those that are held out, so many are drawn, always the same ones."""
    train, held_out = (cut_pieces(base, each, config.max_tokens) for each in (texts.train, texts.held_out))
    measured = tuple(draw(held_out.texts, MEASURED_PIECES, HELD_OUT_SEED))
    return Texts(train=train, held_out=measured, terms=terms)


def check_mask(base: Base, config: PretrainConfig) -> None:
    """Refuse a base whose tokenizer has no token for masked words, where the objective needs one.

    Raises:
        ConfigError: it has none.
    """
    if OBJECTIVES[config.objective].needs_mask and base.tokenizer.mask_token_id is None:
        raise ConfigError(
            f"the tokenizer of {base.spec.name} has no token for masked words, which {config.objective} needs; take --objective tsdae"
        )


def open_objective(base: Base, texts: Texts, config: PretrainConfig) -> PretrainObjective:
    """Return what the steps of a run are; raises as `check_mask`."""
    check_mask(base, config)
    module, name = OBJECTIVES[config.objective].made_by
    made: PretrainObjective = getattr(importlib.import_module(f".{module}", __package__), name)(base, texts, config)
    return made


def pretrain_adapter(
    base: Base,
    texts: Texts,
    config: PretrainConfig,
    *,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
) -> PretrainResult:
    """Train factors over a base on texts. The base is as it was afterwards; the same seed on the same machine gives the same factors.

    Args:
        base: An adapter that lies over its weights is taken off.
        texts: Cut into pieces.
        config: How.
        checkpoint: Where the state is kept; None keeps none.
        resume: Go on from the checkpoint where there is one.
        on_step: Called after each step.

    Raises:
        TrainingError: the loss is not a number, factors are too large to be stored, or the state cannot be written or read.
        ConfigError: a target module does not exist, or the tokenizer has no token for masked words.
        ValueError: the base is being trained already.
    """
    strategy, objective = open_strategy(config), open_objective(base, texts, config)
    scores = HeldOut(objective, OBJECTIVES[config.objective].metric)
    often = replace(config, eval_steps=config.eval_steps or max(1, round(objective.batches.steps / MEASUREMENTS)))
    with put_in(strategy, base) as parameters:
        run = Run(base, often, strategy, objective, scores, parameters, RunState())
        return PretrainResult(run=go_through(run, checkpoint, resume, on_step), head_steps=objective.head_steps)
