"""From data and a base to trained factors: what will happen, then the run itself. Load -> compute; saving is `folder.py`'s."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from torch import nn

from ..base.load import Base
from ..data.dev_set import DevSet
from ..data.preflight import PreflightWarning, preflight
from ..data.retrieval import TrainingData
from ..encoders.tokens import tokenize
from ..errors import TrainingError
from ..lora import STORE_DTYPES, LoraFactors
from ..lora.grams import GramRank
from .batches import Batches
from .checkpoint import Checkpoint
from .config import TrainConfig
from .dev import dev_encoder, make_dev_set
from .gradients import accumulate_gradients
from .grams import GramPlan, GramRequest, MeasuredGrams, estimate_seconds, measure_grams, plan_grams
from .loop import Look, Progress, Run, RunState
from .lora_layers import lora_layers, read_factors, round_factors, set_training


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What a run will do, before it does it.

    `seconds` is an estimate from one timed step; None where none was timed. `grams` is None where none were asked for.
    """

    queries: int
    pairs: int
    passages: int
    steps: int
    parameters: int
    file_bytes: int
    dev: str
    warnings: tuple[PreflightWarning, ...]
    grams: GramPlan | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a run did.

    `looks` holds the dev scores, the first before training; `best` is the one whose factors these are. `grams` is None where none were asked for.
    """

    factors: LoraFactors
    losses: list[float]
    looks: list[Look]
    best: Look | None
    steps: int
    stopped_early: bool
    grams: MeasuredGrams | None = None

    @property
    def before(self) -> float | None:
        """The dev score of the base alone."""
        return self.looks[0].score if self.looks else None

    @property
    def after(self) -> float | None:
        """The dev score of the factors."""
        return self.best.score if self.best else None


def plan_training(
    base: Base, data: TrainingData, config: TrainConfig, *, gram_rank: GramRank | None = None, timed: bool = False
) -> TrainPlan:
    """Say what a run will do and what will go wrong; with `timed`, run one step on the side and estimate the time.

    The base is as it was afterwards, save that an adapter which lay over its weights is taken off when `timed`.
    """
    batches, dev = Batches(data.train, data.corpus, config), make_dev_set(data)
    parameters, names = count_parameters(base, config), target_modules(base, config)
    of_grams = estimate_seconds(base, names, data, config) if timed and gram_rank is not None else 0.0
    return TrainPlan(
        queries=len(data.train),
        pairs=data.train.pair_count,
        passages=len(data.corpus),
        steps=batches.steps,
        parameters=parameters,
        file_bytes=parameters * STORE_DTYPES[config.store].itemsize,
        dev=describe_dev(dev, data),
        warnings=tuple(check_data(base, data, config)),
        grams=plan_grams(base, names, data, config, gram_rank) if gram_rank is not None else None,
        seconds=_estimate_seconds(base, batches, dev, config) + of_grams if timed else None,
    )


def train_adapter(
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    *,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    on_step: Callable[[Progress], None] = lambda _: None,
    grams: GramRequest | None = None,
) -> TrainResult:
    """Train factors over a base, whose own parameters stay as they are. The same seed on the same machine gives the same factors.

    Args:
        base: Gets LoRA layers put in while it trains, and has its own modules and weights again afterwards, whatever happens. An adapter
            that lies over its weights is taken off.
        data: What to train on and to choose by.
        config: How.
        checkpoint: Where the state is kept; None keeps none.
        resume: Go on from the checkpoint where there is one.
        on_step: Told after each step.
        grams: How to measure Gram matrices after the last step; None: not at all. They are no part of what names the run.

    Raises:
        TrainingError: the loss is not a number, factors or Gram matrices are too large to be stored, or the state cannot be written or read.
        ConfigError: a target module does not exist.
        ValueError: the base is being trained already.
    """
    with lora_layers(base, config) as parameters:
        run = Run(base, config, Batches(data.train, data.corpus, config), make_dev_set(data), parameters, RunState())
        with checkpoint.held() if checkpoint is not None else nullcontext():
            return _train(run, data, checkpoint, resume, on_step, grams)


def _train(
    run: Run,
    data: TrainingData,
    checkpoint: Checkpoint | None,
    resume: bool,
    on_step: Callable[[Progress], None],
    grams: GramRequest | None,
) -> TrainResult:
    if checkpoint is not None:
        checkpoint.begin(resume=resume and checkpoint.restore(run))
    try:
        run.go(on_step, checkpoint.save_when_due if checkpoint else lambda _: None)
    except KeyboardInterrupt:
        if checkpoint is not None and run.is_whole:  # else the state before this step is on the disk
            checkpoint.save_if_interrupted(run)
        raise
    if grams is not None and checkpoint is not None:
        checkpoint.save(run)  # measuring takes its time, and need not cost a step when it is cut short
    if run.state.best_weights is not None:
        run.set_weights(run.state.best_weights)
    factors = _storable(read_factors(run.base), run.config)
    return TrainResult(
        factors=factors,
        losses=run.state.losses,
        looks=run.state.looks,
        best=run.state.best,
        steps=run.state.step,
        stopped_early=run.state.step < run.batches.steps,
        grams=measure_grams(run.base, factors, data, run.config, grams) if grams is not None else None,
    )


def _storable(factors: LoraFactors, config: TrainConfig) -> LoraFactors:
    for name, module in round_factors(factors, config).items():
        if not (module.a.isfinite().all() and module.b.isfinite().all()):
            raise TrainingError(
                f"the factors of {name} are too large to be stored in {config.store}; lower learning_rate (now {config.learning_rate:g})"
            )
    return factors


def describe_dev(dev: DevSet | None, data: TrainingData) -> str:
    """Say what the dev scores are measured on."""
    return dev.describe(len(data.corpus)) if dev else "dev: none, so that the last state is kept and nothing stops early"


def check_data(base: Base, data: TrainingData, config: TrainConfig) -> list[PreflightWarning]:
    """Return what will go wrong with these data on this base."""
    limit = min(config.max_tokens, base.encoding.max_tokens)

    def count_truncated(texts: Sequence[str]) -> int:
        return tokenize(base, texts, "document", limit).truncated

    return preflight(
        data,
        batch_size=config.batch_size,
        base_language=base.spec.language,
        query_prompt_known=instruction_is_known(base),
        count_truncated=count_truncated,
        seed=config.seed,
    )


def instruction_is_known(base: Base) -> bool:
    """Say whether a base's instruction for queries is stated, or it is a known base that needs none."""
    return bool(base.encoding.query_prompt) or base.spec.alias is not None


def count_parameters(base: Base, config: TrainConfig) -> int:
    """Count the numbers that will be trained and saved."""
    return sum(config.rank * (module.in_features + module.out_features) for module in target_modules(base, config).values())


def target_modules(base: Base, config: TrainConfig) -> dict[str, nn.Linear]:
    """Return the linear modules that will get factors, by name."""
    return {
        name: module
        for name, module in base.model.named_modules()
        if isinstance(module, nn.Linear) and any(name == target or name.endswith("." + target) for target in config.targets)
    }


def _estimate_seconds(base: Base, batches: Batches, dev: DevSet | None, config: TrainConfig) -> float:
    """Time one step (after one to warm up) and a fraction of a look at dev, and multiply."""
    with lora_layers(base, config):
        set_training(base, True)
        step_s = math.inf
        for step in range(2):
            started = time.monotonic()
            accumulate_gradients(base, batches.batch(step % batches.steps), config, step)
            step_s = min(step_s, time.monotonic() - started)
    looks = 1 + batches.steps / (config.eval_steps or batches.steps_per_epoch)
    return batches.steps * step_s + looks * _estimate_look(base, dev, config)


def _estimate_look(base: Base, dev: DevSet | None, config: TrainConfig, sample: int = 64) -> float:
    if dev is None:
        return 0.0
    texts = list(dev.passages.values())
    some = texts[:: max(1, len(texts) // sample)]
    started = time.monotonic()
    dev_encoder(base, config).encode(some)
    return (time.monotonic() - started) * (len(texts) + len(dev.queries)) / len(some)
