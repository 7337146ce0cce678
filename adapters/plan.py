"""What a training run will do, before it does it: its size, its time, and what will go wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..base.load import Base
from ..data.dev_set import DevSet
from ..data.pairs import TrainingData
from ..data.preflight import PreflightWarning, preflight
from ..encoders.protocol import Encodes
from ..encoders.tokens import tokenize
from ..errors import ConfigError
from ..plurals import format_size
from ..timing import estimate_seconds
from .batches import Batches
from .config import TrainConfig
from .corpus.open import corpus_encoder, open_corpus
from .corpus.stored import StoredCorpus
from .dev_overlap import check_dev_sets
from .evaluation import dev_encoder
from .frozen.plan import StatesSize, plan_frozen
from .head_start import start_texts
from .held_bytes import bytes_per_number, saved_bytes_per_number
from .others import open_others
from .sides.open import open_side
from .sides.protocol import Objective, repeated_ids
from .strategies.table import STRATEGIES, open_strategy, put_in
from .token_ids import TokenIds
from .watch import Watch, keep_documents, watch_own

_TIMED_QUERIES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What a run will do, before it does it.

    `seconds` is an estimate from one timed step; None where none was timed. `memory_bytes` is what training holds beside the base and the
    batches, and `state_bytes` what is kept on the disk while the run goes on. `frozen`: what the stored states of the layers come to that are
    not trained; None: steps compute those layers.
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
    memory_bytes: int = 0
    state_bytes: int = 0
    frozen: StatesSize | None = None

    def describe_memory(self) -> str:
        """Say what training holds beside the base and the batches, and what a run that can go on keeps on the disk."""
        return (
            f"about {format_size(self.memory_bytes)} beside the base and the batches, of gradients, the optimiser and copies; "
            f"a run's state takes about {format_size(self.state_bytes)} on the disk until it ends"
        )


def plan_training(
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    *,
    timed: bool = False,
    corpus: StoredCorpus | None = None,
    guide: Encodes | None = None,
    watch: Watch | None = None,
) -> TrainPlan:
    """Say what a run will do and what will go wrong; with `timed`, run one step on the side and estimate the time.

    `corpus`, `guide` and `watch` are as in `train_adapter`.
    The base is as it was afterwards, save that an adapter which lay over its weights is taken off when `timed`.
    """
    batches, watched, seconds, frozen = Batches(data.train, data.corpus, config), watch or watch_own(data, config), None, None
    if timed:
        objective = open_side(batches, config, corpus or open_corpus(base, data, config), open_others(base, config, guide))
        seconds, frozen = _estimate_run(base, objective, keep_documents(watched, base, config), config)
    trained = open_strategy(config).plan(base)
    return TrainPlan(
        queries=len(data.train),
        pairs=data.train.pair_count,
        passages=len(data.corpus),
        steps=batches.steps,
        parameters=trained.parameters,
        file_bytes=trained.file_bytes,
        dev="\n".join(describe_watch(watched, data)),
        warnings=(*check_data(base, data, config), *check_dev_sets(watched, data)),
        seconds=seconds,
        memory_bytes=trained.parameters * bytes_per_number(config) + trained.copied_bytes,
        state_bytes=trained.parameters * saved_bytes_per_number(config),
        frozen=frozen,
    )


def describe_dev(dev: DevSet | None, data: TrainingData) -> str:
    """Say what the dev scores are measured on."""
    return dev.describe(len(data.corpus)) if dev else "dev: none, so that the last state is kept and nothing stops early"


def describe_watch(watch: Watch | None, data: TrainingData) -> Iterator[str]:
    """Say what a run is scored on, the main set first, a line each."""
    if watch is None or watch.main.is_own:
        own = watch.main.dev if watch is not None else None
        assert own is None or isinstance(own, DevSet)
        yield describe_dev(own, data)
    for number, each in enumerate(each for each in ((watch.main, *watch.others) if watch else ()) if not each.is_own):
        yield f"dev: {each.label}, {each.dev.describe()}" + (" (the main one)" if number == 0 and watch and watch.others else "")
    if watch is not None and watch.general is not None:
        yield f"general: {watch.general.describe()}, {watch.general.metric}"


def check_data(base: Base, data: TrainingData, config: TrainConfig) -> list[PreflightWarning]:
    """Return what will go wrong with these data on this base."""
    limit = min(config.max_tokens, base.encoding.max_tokens)

    def count_truncated(texts: Sequence[str]) -> int:
        return tokenize(base, texts, "document", limit).truncated

    return check_rate(config) + preflight(
        data,
        batch_size=config.batch_size,
        base_language=base.spec.language,
        query_prompt_known=instruction_is_known(base),
        count_truncated=count_truncated,
        seed=config.seed,
    )


def check_rate(config: TrainConfig) -> list[PreflightWarning]:
    """Warn of a learning rate that is above what suits a strategy."""
    suits = STRATEGIES[config.strategy].usual_rates
    if suits is None or config.peak_rate <= suits[1] or config.optimiser in ("sgd", "adafactor"):  # whose rates are on scales of their own
        return []
    least, most = suits
    message = f"learning_rate is {config.peak_rate:g}, and {least:g} to {most:g} suits strategy={config.strategy}; leave it out for {STRATEGIES[config.strategy].learning_rate:g}"
    return [PreflightWarning("rate", message)]


def instruction_is_known(base: Base) -> bool:
    """Say whether a base's instruction for queries is stated, or it is a known base that needs none."""
    return bool(base.encoding.query_prompt) or base.spec.alias is not None


def _estimate_run(base: Base, objective: Objective, watch: Watch | None, config: TrainConfig) -> tuple[float, StatesSize | None]:
    """Time one step (after one to warm up) and a fraction of an evaluation, and multiply; also return what stored states will take."""
    known = TokenIds(base, config.max_tokens)
    strategy, step_s, batches, epoch_s = open_strategy(config), math.inf, objective.batches, 0.0
    others_s = objective.others.seconds(batches.texts_of(range(2)), batches.all_texts()) + _estimate_head(base, batches, config)
    with put_in(strategy, base):
        if objective.refreshes(0):
            queries, started = len(objective.texts()["query"]), time.monotonic()
            objective.refresh(base, known, some=_TIMED_QUERIES)
            epoch_s = (time.monotonic() - started) * queries / min(queries, _TIMED_QUERIES)
        strategy.training(True)
        strategy.begin_step(batches.steps - 1, batches.steps)  # where layers join one after another, with all of them
        frozen = _hold_states(base, objective, known, config)
        for step in range(2):
            started = time.monotonic()
            objective.accumulate(base, step % batches.steps, step, known)
            step_s = min(step_s, time.monotonic() - started)
    evaluations = 1 + batches.steps / (config.eval_steps or batches.steps_per_epoch)
    before_s = others_s + (frozen.seconds or 0.0 if frozen else 0.0)
    evaluation_s = _estimate_evaluation(base, objective, watch, config)
    return before_s + batches.steps * step_s + config.epochs * epoch_s + evaluations * evaluation_s, frozen


def _hold_states(base: Base, objective: Objective, known: TokenIds, config: TrainConfig) -> StatesSize | None:
    """Have the first steps begin with states, where those of the run will; return what these take, in bytes and seconds."""
    try:
        plan = plan_frozen(base, repeated_ids(objective, known), config)
        if plan is None:
            return None
        plan.check_space()
    except ConfigError:
        if config.cache_frozen == "true":
            raise
        return None
    texts = objective.batches.texts_of(range(2))
    known.states = plan.states
    return replace(plan.size, seconds=plan.seconds([ids for role in objective.texts() for ids in known.of(texts[role], role)]))


def _estimate_head(base: Base, batches: Batches, config: TrainConfig) -> float:
    """Estimate how long it takes to embed what a projection head begins from; 0 without one."""
    if config.head is None or config.head >= base.dimension:
        return 0.0
    encoder = corpus_encoder(base, config)
    texts = start_texts(config, batches)
    return sum(estimate_seconds(partial(encoder.encode, role=role), of_role, sample=64) for role, of_role in texts.items())


def _estimate_evaluation(base: Base, objective: Objective, watch: Watch | None, config: TrainConfig) -> float:
    encoder, seconds = dev_encoder(base, config), 0.0
    for role, texts in watch.timed(objective) if watch is not None else ():
        seconds += estimate_seconds(partial(encoder.encode, role=role), texts, sample=64) if texts else 0.0
    return seconds
