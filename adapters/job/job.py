"""A training that can begin: its plan, and its runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...events import QUIET, Events
from ..after.gram_plan import estimate_gram_seconds, plan_grams
from ..plan import plan_training
from ..register import register_adapter
from ..seeds import SeedGroup
from .outcome import TrainedVersion, TrainOutcome, note_shortcomings
from .plan import JobPlan
from .request import TrainRequest
from .runs import JobRuns
from .seed_run import NOTHING_TO_RESUME, SeedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """A training that can begin: what was asked for, and its runs. One base in memory serves them all."""

    request: TrainRequest
    runs: JobRuns

    def plan(self, events: Events = QUIET) -> JobPlan:
        """Say what `run` would do, and how long it would take: a step and a few texts are timed, and nothing is written.

        Raises:
            AdaptError: the settings do not fit the base, or the record of an interrupted group is damaged.
        """
        first, rank = next(iter(self.runs)), self.request.gram_rank
        corpus = self.runs.corpus.plan(first.data, first.config, events)
        events.stage("estimating the time")
        of_run = (first.base, first.data, first.config)
        return JobPlan(
            run=plan_training(
                *of_run,
                timed=True,
                corpus=self.runs.corpus.for_timing(first.data, first.config, corpus) if corpus else None,
                watch=first.watch,
                guide=self.runs.guide,
            ),
            corpus=corpus,
            grams=None if rank is None else plan_grams(*of_run, rank),
            gram_seconds=0.0 if rank is None else estimate_gram_seconds(*of_run),
            base=first.base.spec,
            device=first.base.device.type,
            source=first.data.source,
            notes=tuple(first.data.notes),
            config=first.config,
            seeds=self.request.seed_range,
            resume=self.request.resume,
            interrupted=tuple(self.runs.former()),
        )

    def run(self, events: Events = QUIET) -> TrainOutcome:
        """Train every seed, and register each version unless it was to stay in memory.

        Of several processes the first decides what is trained, and registers; the others train along, and keep what they have in memory.

        Raises:
            AdaptError: the settings do not fit the base, the loss is not a number, or a file cannot be read or written.
            KeyboardInterrupt: the user stopped it; where a state is kept, the same request with `resume` goes on.
        """
        if self.runs.world.rank > 0:
            return TrainOutcome(versions=tuple(self._train_along()))
        if self.request.register and self.request.seeds > 1:
            outcome = self._run_group(events)
        else:
            outcome = TrainOutcome(versions=tuple(self._train(run, events, resume=self.request.resume) for run in self.runs))
        self.runs.call_on(None)
        note_shortcomings(outcome, events)
        return outcome

    def _train_along(self) -> Iterator[TrainedVersion]:
        """Train what the first process trains, until it has trained all."""
        while (run := self.runs.called_on()) is not None:
            result, grams, corpus = run.train(False, QUIET)
            yield TrainedVersion(config=run.config, base=run.base, result=result, grams=grams, corpus=corpus)

    def _run_group(self, events: Events) -> TrainOutcome:
        """Train the versions of a group one after another; on resuming, those that are not finished."""
        group: SeedGroup | None = None
        versions = []
        for run in self.runs:
            if group is None:
                group = self.runs.open_group(run)
                if self.request.resume and not group.was_interrupted:
                    events.note(NOTHING_TO_RESUME)
            versions.append(self._train_member(run, group, events))
        assert group is not None  # a group has several runs
        group.close()
        return TrainOutcome(versions=tuple(versions), group=group.group)

    def _train_member(self, run: SeedRun, group: SeedGroup, events: Events) -> TrainedVersion:
        seed, registry = run.config.seed, self.runs.registry
        entry = group.find_finished(registry, self.runs.name, run.run)
        if entry is None:
            events.note(f"seed {seed}")
            return self._train(run, events, resume=group.was_interrupted and run.is_interrupted, group=group)
        events.note(f"seed {seed}: finished before, as {entry.reference}")
        return TrainedVersion(config=run.config, base=run.base, result=None, entry=entry, path=registry.folder(entry))

    def _train(self, run: SeedRun, events: Events, *, resume: bool, group: SeedGroup | None = None) -> TrainedVersion:
        run.announce(events)
        self.runs.call_on(run)
        result, grams, corpus = run.train(resume, events)
        version = TrainedVersion(config=run.config, base=run.base, result=result, grams=grams, corpus=corpus)
        if not self.request.register:
            return version
        events.stage("writing the version")
        seeds, registry = group.member(run.run) if group else None, self.runs.registry
        what = (registry, self.runs.name, self.runs.domain, run.base, run.data, run.config, result)
        parents = (run.start.parent,) if run.start else ()
        entry = register_adapter(*what, grams=grams, seeds=seeds, parents=parents)
        if run.checkpoint is not None:
            run.checkpoint.discard()
        return replace(version, entry=entry, path=registry.folder(entry))
