"""The runs of a job: one for each seed, over one base and one reading of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...base.load import Base
from ...data.pairs import TrainingData, hash_lines
from ...data.sources import TrainingSource
from ...encoders.protocol import Encoder
from ...errors import TrainingError
from ...registry import Registry
from ...registry.runs import RUNS, describe_run
from ..checkpoint import Checkpoint, run_id
from ..config import TrainConfig
from ..general_texts import read_general_texts
from ..processes.world import ALONE, World
from ..seeds import SeedGroup, find_group, open_group
from ..watch import Watch, watch_own
from .corpus import CorpusSource
from .guide import guide_content
from .plan import FormerRun
from .request import TrainRequest
from .seed_run import SeedRun
from .start import Start


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRuns:
    """The runs of a job.

    Attributes:
        request: What was asked for.
        registry: Where states are kept, unless nothing is to be written.
        name: Of the versions.
        domain: That they are for.
        source: Gives the data of each seed.
        base: What is trained over.
        data: Of the first seed.
        corpus: Gives what queries are compared with, where they are compared with a whole corpus.
        watch: What runs are scored on; None: the dev split of their data, where there is one.
        guide: What the configuration names as such, opened; None: nothing.
        start: What the factors start from; None: fresh ones.
        world: The processes that train them together.
    """

    request: TrainRequest
    registry: Registry
    name: str
    domain: str
    source: TrainingSource
    base: Base
    data: TrainingData
    corpus: CorpusSource
    watch: Watch | None = None
    guide: Encoder | None = None
    start: Start | None = None
    world: World = ALONE

    def of(self, seed: int) -> SeedRun:
        """Return the run of a seed: base and data are those in memory, apart from what the seed draws."""
        config = self.request.config_of(seed)
        data = self.data if seed == self.request.config.seed else self.source.load(seed)
        watch = self._watch_of(data, config)
        plain = SeedRun(
            config=config,
            data=data,
            base=self.base,
            corpus=self.corpus,
            guide=self.guide,
            gram_rank=self.request.gram_rank,
            watch=watch,
            tensorboard=self.request.tensorboard,
            start=self.start,
            world=self.world,
        )
        if not self.request.register:
            return plain
        about: dict[str, object] = {"name": self.name, "domain": self.domain, "base": self.base.spec.name, "data": data.source}
        about["config"] = config.as_dict()
        run = self.name_of(plain)
        return plain.kept(run, Checkpoint(self.registry.home / RUNS / run, about=about))

    def name_of(self, run: SeedRun) -> str:
        """Return the name of a run: a hash of all that decides about it."""
        config, data = run.config, run.data
        return run_id(config, self.base, data, self.corpus.content(data, config), *self._contents(config, run.watch))

    def call_on(self, run: SeedRun | None) -> None:
        """Have the other processes train a run along, or, with None, end; of one process there are none."""
        if self.world.size > 1:
            self.world.from_first(lambda: run and (run.config.seed, self.name_of(run)))

    def called_on(self) -> SeedRun | None:
        """Wait for the run that the first process trains next; None where there is no further one.

        Raises:
            TrainingError: this process would train something else.
        """
        called: tuple[int, str] | None = self.world.from_first(lambda: None)
        if called is None:
            return None
        seed, name = called
        run = self.of(seed)
        if self.name_of(run) != name:
            raise TrainingError(
                f"process {self.world.rank} of {self.world.size} finds other data, another base or other settings than the first; give all "
                "processes the same command and the same files"
            )
        return run

    def _watch_of(self, data: TrainingData, config: TrainConfig) -> Watch | None:
        """Return what the run of a seed is scored on: general ability beside the dev split of its own data, or what was named."""
        if self.watch is None or not self.watch.main.is_own or data is self.data:
            return self.watch
        own = watch_own(data, config)
        return self.watch if own is None else replace(own, general=self.watch.general)

    def _contents(self, config: TrainConfig, watch: Watch | None) -> Iterator[str]:
        """Yield hashes of what else decides about a run: a guide, general texts, what is started from, and dev sets that were named."""
        if watch is not None and (content := watch.content()) is not None:
            yield f"watch {content}"
        if self.guide is not None:
            yield guide_content(self.guide)
        if self.start is not None:
            yield f"start {self.start.sha256}"
        if config.anchor_texts is not None:
            yield hash_lines(read_general_texts(config))

    def __iter__(self) -> Iterator[SeedRun]:
        """Give the runs one after another, in the order of their seeds."""
        return map(self.of, self.request.seed_range)

    def open_group(self, first: SeedRun) -> SeedGroup:
        """Begin the group of several seeds, or go on with it where that was asked for.

        Raises:
            TrainingError: it cannot be recorded, or its record is damaged.
        """
        return open_group(self.registry.home / RUNS, self.name, first.run, self.request.seeds, resume=self.request.resume)

    def former(self) -> Iterator[FormerRun]:
        """Give what is there already: versions of an interrupted group that are finished, and states that were kept.

        Raises:
            TrainingError: the record of the group is damaged.
        """
        if not self.request.register:
            return
        group, is_single = None, self.request.seeds == 1
        for run in self:
            if not is_single and run.config.seed == self.request.config.seed:
                group = find_group(self.registry.home / RUNS, self.name, run.run, self.request.seeds)
            entry = group.find_finished(self.registry, self.name, run.run) if group else None
            if entry:
                yield FormerRun(seed=run.config.seed, finished=entry.reference, progress=f"finished, as {entry.reference}")
            elif run.checkpoint is not None and run.is_interrupted and (group or is_single):
                kept = describe_run(run.checkpoint.folder)
                yield FormerRun(seed=run.config.seed, run=kept.id, step=kept.step, steps=kept.steps, progress=kept.describe_progress())
