"""From data and a base to what was trained. Load -> compute; saving is `register.py`'s."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ..base.head import Head
from ..base.load import Base
from ..data.pairs import TrainingData
from ..encoders.protocol import Encodes
from ..errors import LostProcessError
from ..events import QUIET, Events, Step
from ..lora import KeptEnergy, LoraFactors
from .batches import Batches
from .checkpoint import Checkpoint
from .config import TrainConfig
from .corpus.open import open_corpus
from .corpus.stored import StoredCorpus
from .curve import RunCurve
from .evaluation import Evaluation
from .frozen.open import open_frozen
from .head_start import start_head
from .loop import Run, RunState
from .losses.fit import check_data_fit
from .others import open_others
from .processes.same_state import begin_alike
from .processes.world import ALONE, World
from .sides.open import open_side
from .sides.protocol import repeated_ids
from .strategies.starting import start_from
from .strategies.table import open_strategy, put_in
from .strategies.trained import Trained, factors_of
from .watch import Watch, WatchScores, keep_documents, watch_own


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a run did.

    `trained` is in the form in which it is kept, not yet rounded as its file is, and `energy` is how much of the changes that form keeps (None: all).
    `evaluations` holds the dev scores in `metric`, the first before training; `best` is the one whose state this is. Without a dev
    split there is no metric, and no evaluation. `watch` is what was scored, `rates` are the learning rates of the steps, `head` the projection head that was trained along.
    """

    trained: Trained
    losses: list[float]
    evaluations: list[Evaluation]
    best: Evaluation | None
    steps: int
    stopped_early: bool
    metric: str | None
    watch: Watch | None = field(default=None, repr=False)
    rates: list[float] = field(default_factory=list, repr=False)
    head: Head | None = None
    energy: KeptEnergy | None = None

    @property
    def factors(self) -> LoraFactors:
        """What was trained, as factors; raises an `AdapterError` where it is a whole model."""
        return factors_of(self.trained)

    @property
    def before(self) -> float | None:
        """The dev score of the base alone."""
        return self.evaluations[0].score if self.evaluations else None

    @property
    def after(self) -> float | None:
        """The dev score of what was trained."""
        return self.best.score if self.best else None


def train_adapter(
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    *,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
    corpus: StoredCorpus | None = None,
    guide: Encodes | None = None,
    watch: Watch | None = None,
    start: LoraFactors | None = None,
    events: Events = QUIET,
    world: World = ALONE,
) -> TrainResult:
    """Train factors over a base, whose own parameters stay as they are. The same seed on the same machine gives the same factors.

    Args:
        base: Gets what the strategy trains put in while it trains, and has its own modules and weights again afterwards, whatever happens. An adapter
            that lies over its weights is taken off.
        data: What to train on and to choose by.
        config: How.
        checkpoint: Where the state is kept; None keeps none.
        resume: Go on from the checkpoint where there is one.
        on_step: Called after each step.
        corpus: The corpus as it is stored, where the configuration compares queries with it (`open_corpus`); None: it is embedded first.
        guide: What `config.guide` names; None where it names nothing.
        start: Factors that training starts from, of the modules that the configuration names and of its rank; None: fresh ones.
        watch: What it is scored on; None: the data's own dev split, where there is one.
        events: Receives what there is to know of the layers that are not trained.
        world: The processes that share each step; each of them calls this with the same arguments, the first alone with a checkpoint.

    Raises:
        TrainingError: the loss is not a number, another of several processes has ended, factors are too large to be stored, or the state cannot be written or read.
        ConfigError: a target module does not exist, vectors are too short for a setting, or states of frozen layers cannot be kept.
        DataError: the data do not state what the loss needs, or a file of general texts cannot be read.
        ValueError: the base is being trained already.
    """
    check_data_fit(config, data.train)
    config.check_width(base.dimension)
    batches = Batches(data.train, data.corpus, config)
    strategy = open_strategy(config, world.from_first(lambda: start_head(base, config, batches)))
    strategy.plan(base)  # what does not fit the network is refused before the corpus is embedded
    objective = open_side(batches, config, corpus or open_corpus(base, data, config), open_others(base, config, guide, world), world)
    objective.others.learn(batches.all_texts())  # while the network is the base's own
    watched = watch or watch_own(data, config)
    if world.rank == 0:  # which alone scores
        watched = keep_documents(watched, base, config)
    with put_in(strategy, base) as parameters:
        if start is not None:
            start_from(strategy, start)
        scores = None if watched is None else WatchScores(watched, objective, config)
        run = Run(base, config, strategy, objective, scores, parameters, RunState(), world)
        strategy.training(True)
        with world.first_alone():
            run.token_ids.states = open_frozen(base, repeated_ids(objective, run.token_ids), config, events)
        return replace(go_through(run, checkpoint, resume, on_step), watch=watched)


def go_through(run: Run, checkpoint: Checkpoint | None, resume: bool, on_step: Callable[[Step], None]) -> TrainResult:
    """Take a run from where it is to its end, its state being kept in `checkpoint`; the arguments are those of `train_adapter`.

    Raises:
        TrainingError: as there.
    """
    with checkpoint.held() if checkpoint is not None else nullcontext():
        return _train(run, checkpoint, resume, on_step)


def _train(run: Run, checkpoint: Checkpoint | None, resume: bool, on_step: Callable[[Step], None]) -> TrainResult:
    if checkpoint is not None:
        checkpoint.begin(resume=resume and checkpoint.restore(run))
    told = on_step if checkpoint is None else RunCurve(run, checkpoint, on_step).step
    begin_alike(run)
    try:
        run.go(told, checkpoint.save_when_due if checkpoint else lambda _: None)
    except (KeyboardInterrupt, LostProcessError):
        if checkpoint is not None and run.is_whole:  # else the state before this step is on the disk
            checkpoint.save_if_interrupted(run)
        raise
    if checkpoint is not None:
        checkpoint.save_at_end(run)  # what comes after training takes its time, and need not cost a step when it is cut short
    run.set_kept()
    trained = run.strategy.read_out()
    run.strategy.check_storable(trained)
    return TrainResult(
        trained=trained,
        losses=run.state.losses,
        evaluations=run.state.evaluations,
        best=run.state.best,
        steps=run.state.step,
        stopped_early=run.state.step < run.batches.steps,
        metric=run.watch.metric if run.watch is not None else None,
        rates=[run.rate_of(step) for step in range(1, run.state.step + 1)],
        energy=run.strategy.energy(trained),
        head=run.base.head.copy() if run.config.head is not None and run.base.head is not None else None,
    )
