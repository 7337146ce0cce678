"""One run of a job: what its seed decides, what is said of it before it begins, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...base.load import Base
from ...data.pairs import TrainingData
from ...encoders.protocol import Encoder
from ...events import Events
from ...lora.grams import GramRank
from ...lora.vanished import measure_sparsity
from ...plurals import count
from ...registry.runs import describe_run
from ..after.gram_plan import plan_grams
from ..after.grams import GramRequest, MeasuredGrams, measure_grams
from ..checkpoint import Checkpoint
from ..config import TrainConfig
from ..dev_overlap import check_dev_sets
from ..plan import check_data, describe_watch
from ..processes.world import ALONE, World
from ..train import TrainResult, train_adapter
from ..watch import Watch, watch_own
from .corpus import CorpusPlan, CorpusSource
from .start import Start
from .tensorboard import written_steps

NOTHING_TO_RESUME = "nothing to resume: no interrupted run of this command with these data is there; starting afresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRun:
    """One run, with everything that it needs.

    Attributes:
        config: How; its seed is this run's.
        data: What to train on.
        base: What to train over.
        corpus: Gives the corpus as it is stored, where queries are compared with it.
        guide: What the configuration names as such, opened; None: nothing.
        gram_rank: Of the Gram matrices that are measured afterwards; None: none are.
        watch: What it is scored on; None: the data's own dev split, where there is one.
        start: What the factors start from; None: fresh ones.
        run: What names it, by configuration, base and data; empty where nothing is written.
        checkpoint: Where its state is kept; None keeps none.
        tensorboard: The folder of the files that TensorBoard reads; None: none are written.
        world: The processes that train it together.
    """

    config: TrainConfig
    data: TrainingData
    base: Base
    corpus: CorpusSource
    guide: Encoder | None = None
    gram_rank: GramRank | None
    watch: Watch | None = None
    start: Start | None = None
    run: str = ""
    checkpoint: Checkpoint | None = None
    tensorboard: Path | None = None
    world: World = ALONE

    def kept(self, run: str, checkpoint: Checkpoint) -> SeedRun:
        """Return the run with a name, and a place for its state."""
        return replace(self, run=run, checkpoint=checkpoint)

    @property
    def is_interrupted(self) -> bool:
        """Whether a state of this very run is kept."""
        return self.checkpoint is not None and self.checkpoint.path.exists()

    def describe_progress(self) -> str:
        """Say how far the run came whose state is kept."""
        return describe_run(self.checkpoint.folder).describe_progress() if self.checkpoint else "without a state"

    @property
    def _label(self) -> str:
        """What the run is called where several stand side by side."""
        name = str(self.checkpoint.about.get("name", "run")) if self.checkpoint else "run"
        return f"{name}-{self.run[:8]}" if self.run else name

    def announce(self, events: Events) -> None:
        """Say what will be trained, on what, and what will go wrong."""
        for line in self._describe():
            events.note(line)

    def train(self, resume: bool, events: Events) -> tuple[TrainResult, MeasuredGrams | None, CorpusPlan | None]:
        """Train, then measure what was asked for; also return what queries were compared with, where that is a whole corpus.

        Raises:
            TrainingError: as `train_adapter` and `measure_grams`.
            KeyboardInterrupt: the user stopped it; where a state is kept, that is said.
        """
        self._tell_start(resume, events)
        with self.world.first_alone():
            corpus = self.corpus.open(self.data, self.config, events)
        plan = None if corpus is None or self.world.rank > 0 else self.corpus.describe(corpus, self.data, self.config)
        if plan is not None:
            for line in (f"corpus: {plan.describe()}", *plan.lines()):
                events.note(line)
        events.stage("training")
        try:
            with written_steps(self.tensorboard if self.world.rank == 0 else None, self._label, events.step) as on_step:
                result = train_adapter(
                    self.base,
                    self.data,
                    self.config,
                    checkpoint=self.checkpoint,
                    resume=resume,
                    on_step=on_step,
                    corpus=corpus,
                    watch=self.watch,
                    guide=self.guide,
                    start=self.start.factors if self.start else None,
                    world=self.world,
                    events=events,
                )
            self._tell_general(result, events)
            self._tell_sparsity(result, events)
            return result, self._measure(result, events), plan
        except KeyboardInterrupt:
            if self.is_interrupted:
                events.note(f"interrupted {self.describe_progress()}; the state is saved. Go on with the same command and --resume")
            raise

    def _describe(self) -> Iterator[str]:
        spec, data = self.base.spec, self.data
        why = spec.fallback_reason
        yield f"base: {spec.name} (the embedded one), because {why}" if why else f"base: {spec.name} ({spec.found_in})"
        queries, pairs, passages = count(len(data.train), "query"), count(data.train.pair_count, "pair"), count(len(data.corpus), "passage")
        yield f"data: {data.source}: {queries}, {pairs}, {passages}"
        if self.start is not None:
            yield f"start: {self.start.describe()}"
        yield from (f"note: {note}" for note in data.notes)
        yield from (f"warning: {warning}" for warning in check_data(self.base, data, self.config))
        yield from (f"warning: {warning}" for warning in check_dev_sets(self.watch, data))
        yield from describe_watch(self.watch or watch_own(data, self.config), data)
        if self.gram_rank is not None:
            yield f"grams: {plan_grams(self.base, data, self.config, self.gram_rank).describe()}"

    def _tell_start(self, resume: bool, events: Events) -> None:
        """Say what becomes of a run that was interrupted, where one is there."""
        if resume and not self.is_interrupted:
            events.note(NOTHING_TO_RESUME)
        elif resume:
            events.note(f"resuming the interrupted run {self.describe_progress()}")
        elif self.checkpoint is not None and self.is_interrupted:
            events.note(
                f"note: an interrupted run of this command is there, {self.describe_progress()}. This run starts anew, and replaces its "
                f"state after {self.checkpoint.every_s:g} s; to go on with it instead, stop now (Ctrl-C) and add --resume. "
                f"To remove it: adapt runs rm {self.run}"
            )

    def _tell_general(self, result: TrainResult, events: Events) -> None:
        """Say that general ability fell too far, where it did."""
        last = result.evaluations[-1] if result.evaluations else None
        if last is None or not last.fell or last.general is None or result.best is None:
            return
        before, allowed = result.evaluations[0].general or 0.0, self.config.max_general_loss
        told = (
            f"general ability fell from {before:.4f} to {last.general:.4f} by step {last.step}, by more than max_general_loss ({allowed:g})"
        )
        if result.best.fell:
            events.note(f"warning: {told}, at the first evaluation already; its state is kept. Lower learning_rate or eval_steps")
        else:
            events.note(f"{told}: the run was stopped, and the state of step {result.best.step} is kept")

    def _tell_sparsity(self, result: TrainResult, events: Events) -> None:
        """Say what an L1 term has made zero in what is kept."""
        if not self.config.l1:
            return
        found = measure_sparsity(result.factors)
        events.note(f"l1: {found.describe()}" + (", and are cut off" if found.vanished else ""))
        if found.vanished == found.components:
            events.note(f"warning: nothing of the factors is left, and the vectors are the base's; lower l1 (now {self.config.l1:g})")

    def _measure(self, result: TrainResult, events: Events) -> MeasuredGrams | None:
        if self.gram_rank is None:
            return None

        def tell(done: int, total: int) -> None:
            events.progress("measuring Gram matrices", done, total)

        return measure_grams(self.base, result.factors, self.data, self.config, GramRequest(rank=self.gram_rank, on_texts=tell))
