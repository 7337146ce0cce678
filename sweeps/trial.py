"""One trial: a training run with the settings that were picked, stopped where others were better as far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from ..adapters.checkpoint import Checkpoint
from ..adapters.job import TrainJob, TrainRequest
from ..adapters.job.guide import find_guide, open_guide
from ..adapters.job.seed_run import SeedRun
from ..adapters.job.watching import read_watch
from ..adapters.watch import Watch
from ..encoders.protocol import Encoder
from ..errors import FailedRunError
from ..events import Events, Quiet, Step
from ..references import Search
from .best import write_best
from .dimension import Choice
from .study import SweepStudy

if TYPE_CHECKING:
    from optuna.trial import Trial

PRUNED, SETTLED = "worse on dev than the median of other trials as far", "another trial reached the score that ends the sweep"


class StoppedError(Exception):
    """A trial is not to be run to its end; says why."""


@dataclass(slots=True)
class TrialEvents(Quiet):
    """Passes on what a run reports, each note once, and stops it where dev says so."""

    study: SweepStudy
    trial: Trial
    events: Events
    told: set[str]

    def stage(self, what: str) -> None:
        """Say which trial it is of."""
        self.events.stage(f"trial {self.trial.number}: {what}")

    def note(self, text: str) -> None:
        """Pass it on, unless an earlier trial had it."""
        if text not in self.told:
            self.told.add(text)
            self.events.note(text)

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        """Pass it on."""
        self.events.progress(what, done, total, unit)

    def step(self, at: Step) -> None:
        """Pass it on, and record the score where there is a new one.

        Raises:
            StoppedError: the trial is worse than others were, or the sweep has found enough.
        """
        self.events.step(at)
        if not at.is_evaluated or at.dev is None or at.step == at.steps:
            return
        if self.study.report(self.trial, round(1000 * at.step / at.steps), at.dev):
            raise StoppedError(PRUNED)
        if self.study.is_settled():
            raise StoppedError(SETTLED)


@dataclass(slots=True)
class Trials:
    """Runs the trials of a process, over one base and one reading of the data."""

    job: TrainJob
    study: SweepStudy
    _guides: dict[str, Encoder] = field(default_factory=dict, init=False)
    _watches: dict[str, Watch | None] = field(default_factory=dict, init=False)
    _told: set[str] = field(default_factory=set, init=False)

    def run(self, trial: Trial, picks: Mapping[str, Choice], events: Events) -> None:
        """Run a trial, from the state that it was left in where there is one, and record what came of it.

        Raises:
            AdaptError: it cannot be run for a reason that other settings share.
            KeyboardInterrupt: the user stopped it; its state is kept.
        """
        run = self._run_of(trial.number, picks)
        told = TrialEvents(self.study, trial, events, self._told)
        try:
            result, _, _ = run.train(run.is_interrupted, told)
        except StoppedError as e:
            self.study.stop(trial, str(e))
        except FailedRunError as e:
            self.study.stop(trial, str(e), failed=True)
        else:
            assert result.after is not None  # a sweep has dev scores
            write = partial(write_best, name=self.job.runs.name, domain=self.job.runs.domain, run=run, result=result)
            self.study.finish(trial, result.after, result.before, write)
        if run.checkpoint is not None:
            run.checkpoint.discard()

    def _run_of(self, number: int, picks: Mapping[str, Choice]) -> SeedRun:
        config, start = self.study.space.config(picks), self.job.runs.start
        if start is not None:
            config = start.fit(config, ())
        request = replace(self.job.request, config=config, register=False)
        runs = replace(self.job.runs, request=request, guide=self._guide(request), watch=self._watch(request))
        about: dict[str, object] = {"name": self.job.runs.name, "domain": self.job.runs.domain, "config": config.as_dict()}
        return runs.of(config.seed).kept(f"trial {number}", Checkpoint(self.study.folder / str(number), about=about))

    def _guide(self, request: TrainRequest) -> Encoder | None:
        """Return the guide of a configuration, opened once."""
        name = request.config.guide
        if name is None:
            return None
        if name not in self._guides:
            found = find_guide(request, request.where or Search(registry=self.job.runs.registry))
            assert found is not None  # it is named
            self._guides[name] = open_guide(found, request)
        return self._guides[name]

    def _watch(self, request: TrainRequest) -> Watch | None:
        """Return what a configuration is scored on: the sets that were named are read as its side has them."""
        side, runs = request.config.side, self.job.runs
        if side == self.job.request.config.side:
            return runs.watch
        if side not in self._watches:
            how = (request.dev, request.general, runs.source.lang, request.skip_dangling)
            self._watches[side] = read_watch(runs.data, request.config, *how)
        return self._watches[side]
