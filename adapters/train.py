"""From data and a base to trained factors: what will happen, then the run itself. Load -> compute; saving is `register.py`'s."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from ..base.load import Base
from ..base.resolve import BaseSpec
from ..data.dev_set import DevSet
from ..data.preflight import PreflightWarning, preflight
from ..data.retrieval import TrainingData
from ..encoder import tokenize
from ..lora import LoraFactors
from ..metrics import Metric
from ..timing import estimate_seconds
from .batches import Batches
from .checkpoint import Checkpoint
from .config import TrainConfig
from .evaluation import Evaluation, dev_encoder, make_dev_set
from .gradients import accumulate_gradients
from .loop import Progress, Run, RunState
from .strategies.table import open_strategy, put_in


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What a run will do, before it does it.

    `seconds` is an estimate from one timed step; None where none was timed.
    """

    queries: int
    pairs: int
    passages: int
    steps: int
    parameters: int
    file_bytes: int
    dev: str
    warnings: tuple[PreflightWarning, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a run did.

    `evaluations` holds the dev scores in `metric`, the first before training; `best` is the one whose factors these are. Without a dev
    split there is no metric, and no evaluation.
    """

    factors: LoraFactors
    losses: list[float]
    evaluations: list[Evaluation]
    best: Evaluation | None
    steps: int
    stopped_early: bool
    metric: Metric | None

    @property
    def before(self) -> float | None:
        """The dev score of the base alone."""
        return self.evaluations[0].score if self.evaluations else None

    @property
    def after(self) -> float | None:
        """The dev score of the factors."""
        return self.best.score if self.best else None


def plan_training(base: Base, data: TrainingData, config: TrainConfig, *, timed: bool = False) -> TrainPlan:
    """Say what a run will do and what will go wrong; with `timed`, run one step on the side and estimate the time.

    The base is as it was afterwards, save that an adapter which lay over its weights is taken off when `timed`.
    """
    batches, dev = Batches(data.train, data.corpus, config), make_dev_set(data)
    trained = open_strategy(config).plan(base)
    return TrainPlan(
        queries=len(data.train),
        pairs=data.train.pair_count,
        passages=len(data.corpus),
        steps=batches.steps,
        parameters=trained.parameters,
        file_bytes=trained.file_bytes,
        dev=describe_dev(dev, data),
        warnings=tuple(check_data(base, data, config)),
        seconds=_estimate_run(base, batches, dev, config) if timed else None,
    )


def train_adapter(
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    *,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    on_step: Callable[[Progress], None] = lambda _: None,
) -> TrainResult:
    """Train factors over a base, whose own parameters stay as they are. The same seed on the same machine gives the same factors.

    Args:
        base: Gets what the strategy trains put in while it trains, and has its own modules and weights again afterwards, whatever happens. An adapter
            that lies over its weights is taken off.
        data: What to train on and to choose by.
        config: How.
        checkpoint: Where the state is kept; None keeps none.
        resume: Go on from the checkpoint where there is one.
        on_step: Told after each step.

    Raises:
        TrainingError: the loss is not a number, factors are too large to be stored, or the state cannot be written or read.
        ConfigError: a target module does not exist.
        ValueError: the base is being trained already.
    """
    strategy = open_strategy(config)
    with put_in(strategy, base) as parameters:
        run = Run(base, config, strategy, Batches(data.train, data.corpus, config), make_dev_set(data), parameters, RunState())
        with checkpoint.held() if checkpoint is not None else nullcontext():
            return _train(run, checkpoint, resume, on_step)


def _train(run: Run, checkpoint: Checkpoint | None, resume: bool, on_step: Callable[[Progress], None]) -> TrainResult:
    if checkpoint is not None:
        checkpoint.begin(resume=resume and checkpoint.restore(run))
    try:
        run.go(on_step, checkpoint.save_when_due if checkpoint else lambda _: None)
    except KeyboardInterrupt:
        if checkpoint is not None and run.is_whole:  # else the state before this step is on the disk
            checkpoint.save_if_interrupted(run)
        raise
    if checkpoint is not None:
        checkpoint.save_at_end(run)  # what comes after training takes its time, and need not cost a step when it is cut short
    if run.state.best_weights is not None:
        run.set_weights(run.state.best_weights)
    factors = run.strategy.read_out()
    run.strategy.check_storable(factors)
    return TrainResult(
        factors=factors,
        losses=run.state.losses,
        evaluations=run.state.evaluations,
        best=run.state.best,
        steps=run.state.step,
        stopped_early=run.state.step < run.batches.steps,
        metric=run.dev.metric if run.dev is not None else None,
    )


def describe_dev(dev: DevSet | None, data: TrainingData) -> str:
    """Say what the dev scores are measured on."""
    return dev.describe(len(data.corpus)) if dev else "dev: none, so that the last state is kept and nothing stops early"


def check_data(base: Base, data: TrainingData, config: TrainConfig) -> list[PreflightWarning]:
    """Return what will go wrong with these data on this base."""
    limit = min(config.max_tokens, base.spec.max_tokens)

    def count_truncated(texts: Sequence[str]) -> int:
        return tokenize(base, texts, "document", limit).truncated

    return preflight(
        data,
        batch_size=config.batch_size,
        base_language=base.spec.language,
        query_prompt_known=instruction_is_known(base.spec),
        count_truncated=count_truncated,
        seed=config.seed,
    )


def instruction_is_known(spec: BaseSpec) -> bool:
    """Say whether a base's instruction for queries is stated, or it is a known base that needs none."""
    return bool(spec.query_prompt) or spec.alias is not None


def _estimate_run(base: Base, batches: Batches, dev: DevSet | None, config: TrainConfig) -> float:
    """Time one step (after one to warm up) and a fraction of an evaluation, and multiply."""
    strategy, step_s = open_strategy(config), math.inf
    with put_in(strategy, base):
        strategy.training(True)
        for step in range(2):
            started = time.monotonic()
            accumulate_gradients(base, batches.batch(step % batches.steps), config, step)
            step_s = min(step_s, time.monotonic() - started)
    evaluations = 1 + batches.steps / (config.eval_steps or batches.steps_per_epoch)
    return batches.steps * step_s + evaluations * _estimate_evaluation(base, dev, config)


def _estimate_evaluation(base: Base, dev: DevSet | None, config: TrainConfig) -> float:
    if dev is None:
        return 0.0
    texts = [*dev.queries.values(), *dev.passages.values()]
    return estimate_seconds(dev_encoder(base, config).encode, texts, sample=64)
