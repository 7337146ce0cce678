"""A sweep that can begin: its plan, its trials, and the version of the best one."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .. import disk
from ..adapters.checkpoint import run_id
from ..adapters.job import TrainJob
from ..adapters.sides.table import reads_corpus
from ..errors import RegistryError, TrainingError
from ..events import QUIET, Events
from ..registry import Entry
from ..registry.runs import RUNS, facts_of, lock_of
from .best import register_best
from .outcome import SweepOutcome, describe_trial
from .plan import SweepPlan
from .records import TrialRecord, best_of, ranked
from .request import SweepRequest
from .study import JOURNAL, SweepStudy
from .trial import Trials
from .workers import run_workers

WAIT_S = 0.3
"""How often a process without a trial of its own looks whether one was left by another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """A sweep that can begin. One base in memory, and one reading of the data, serve all trials of a process."""

    request: SweepRequest
    training: TrainJob
    metric: str

    @property
    def folder(self) -> Path:
        """Where the study lies: named by all that decides what its trials give, apart from how many there are."""
        runs, config = self.training.runs, self.training.request.config
        space = [self.request.space.as_dict(), {name: str(value) for name, value in self.request.space.given.items()}, runs.name]
        others = [json.dumps(space, sort_keys=True, ensure_ascii=False)]
        if runs.start is not None:
            others.append(runs.start.sha256)
        if runs.watch is not None and (content := runs.watch.content()) is not None:
            others.append(content)
        name = run_id(config, runs.base, runs.data, runs.corpus.content(runs.data, config), *others)
        return runs.registry.home / RUNS / f"sweep-{name}"

    def plan(self, events: Events = QUIET) -> SweepPlan:
        """Say what `run` would do, and how long it would take; a step of the first trial is timed, and nothing is written.

        Raises:
            AdaptError: the settings do not fit the base.
        """
        return SweepPlan(
            of_trial=self.training.plan(events),
            space=self.request.space,
            trials=self.request.trials,
            processes=self.request.processes,
            metric=self.metric,
            before=describe_sweep(self.folder) if (self.folder / JOURNAL).exists() else None,
            folder=self.folder,
        )

    def run(self, events: Events = QUIET) -> SweepOutcome:
        """Run the trials, and register what came of the best one.

        Raises:
            AdaptError: an interrupted sweep of this request is there and is not to go on, another process is at it, or a trial cannot be run
                for a reason that others share.
            KeyboardInterrupt: the user stopped it; the same request with `resume` goes on.
        """
        started, folder = time.monotonic(), self.folder
        with self._held(folder):
            self._begin(folder, events)
            study = self.open_study()
            self._announce(events)
            try:
                if self.request.processes == 1:
                    self.work(study, events)
                else:
                    self._embed_corpus(events)
                    run_workers(self.request, folder, study, lambda known: self._tell(study, known, events), events.note)
            except KeyboardInterrupt:
                done = sum(each.state != "running" for each in study.records())
                events.note(
                    f"the sweep was interrupted after {done} of {self.request.trials} trials; go on with the same command and --resume"
                )
                raise
            return self._finish(study, events, time.monotonic() - started)

    def open_study(self) -> SweepStudy:
        """Open the study, as one more process that takes trials from it."""
        request, seed = self.request, self.training.request.config.seed
        return SweepStudy(folder=self.folder, space=request.space, seed=seed, trials=request.trials, until=request.until)

    def work(self, study: SweepStudy, events: Events = QUIET) -> None:
        """Run trials until there is none left, those of killed processes included.

        Raises:
            AdaptError: a trial cannot be run for a reason that others share.
        """
        trials, known = Trials(self.training, study), {each.number for each in study.records() if each.state != "running"}
        with study.working():
            while (claimed := study.claim()) is not None or study.is_waiting():
                if claimed is None:
                    time.sleep(WAIT_S)
                    continue
                events.note(f"trial {claimed[0].number}: {TrialRecord(number=0, state='running', settings=claimed[1]).describe()}")
                trials.run(*claimed, events)
                self._tell(study, known, events)

    def _begin(self, folder: Path, events: Events) -> None:
        """Make the folder of a new sweep, or see to what is there.

        Raises:
            RegistryError: an interrupted sweep is there, and is not to go on.
        """
        is_there = (folder / JOURNAL).exists()
        if is_there and not self.request.resume:
            facts = describe_sweep(folder)
            if not facts.get("finished"):
                raise RegistryError(
                    f"an interrupted sweep of this command is there, {facts['trials']} of {facts.get('trials_of', '?')} trials done; add --resume to "
                    f"go on with it, or remove it: adapt runs rm {folder.name}"
                )
            disk.remove_tree(folder)
        elif self.request.resume:
            events.note(
                f"resuming the sweep {folder.name}, {describe_sweep(folder)['trials']} trials done"
                if is_there
                else "nothing to resume: no interrupted sweep of this command with these data is there; starting afresh"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise TrainingError(f"{folder} cannot be written ({e.strerror}); choose another --registry") from e
        self._write_facts(folder, 0 if not is_there else describe_sweep(folder)["trials"])

    @contextlib.contextmanager
    def _held(self, folder: Path) -> Iterator[None]:
        """Hold the sweep: one command at a time.

        Raises:
            RegistryError: another one is at it.
        """
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock_of(folder), timeout=0):
                yield
        except Timeout:
            raise RegistryError(
                f"the sweep {folder.name} is under way in another process; wait for it, or stop it (Ctrl-C where it runs)"
            ) from None
        lock_of(folder).unlink(missing_ok=True)

    def _announce(self, events: Events) -> None:
        """Say what is trained on, and what is tried."""
        next(iter(self.training.runs)).announce(events)
        for each in self.request.space.dimensions:
            events.note(f"tried: {each.name}: {each.describe()}")

    def _embed_corpus(self, events: Events) -> None:
        """Compute the stored vectors of the corpus before several processes would, each for itself."""
        space = self.request.space
        config = next((config for design in space.designs if reads_corpus(config := space.config(design))), None)
        if config is not None:
            self.training.runs.corpus.open(self.training.runs.data, config, events)

    def _tell(self, study: SweepStudy, known: set[int], events: Events) -> None:
        """Say what came of trials that have ended since, and how far the sweep is."""
        records = study.records()
        best = best_of(records)
        for each in records:
            if each.state != "running" and each.number not in known:
                known.add(each.number)
                events.note(describe_trial(each, best, self.metric))
        self._write_facts(study.folder, len(known))
        events.progress("trials", len(known), self.request.trials, "trials")

    def _write_facts(self, folder: Path, trials: int, **more: Any) -> None:
        runs = self.training.runs
        about = {"name": runs.name, "domain": runs.domain, "base": runs.base.spec.name, "data": runs.data.source}
        facts = about | {"trials": trials, "trials_of": self.request.trials} | more
        with contextlib.suppress(OSError):  # the journal says whether the disk is full
            disk.replace_file(facts_of(folder), (json.dumps(facts, ensure_ascii=False) + "\n").encode(), durability="none")

    def _finish(self, study: SweepStudy, events: Events, seconds: float) -> SweepOutcome:
        """Register the best trial, unless it is registered, and leave of the folder what a sweep needs to go on with more trials.

        Raises:
            TrainingError: no trial came to its end.
        """
        records = study.records()
        best = best_of(records)
        if best is None:
            why = next((each.why for each in reversed(records) if each.why), "none was run")
            raise TrainingError(f"no trial came to its end; the last one: {why}. Change the space, or what is fixed with --set")
        events.stage("writing the version")
        about = self._about(study, best, records)
        entry = self._registered(study.id, best) or register_best(
            self.training.runs.registry, study.best_folder(best.number), about, self._history(study, records)
        )
        for folder in study.folder.iterdir():
            if folder.name.isdecimal() or folder.name == "workers":
                shutil.rmtree(folder, ignore_errors=True)
        self._write_facts(study.folder, len(records), finished=entry.reference)
        return SweepOutcome(
            entry=entry,
            path=self.training.runs.registry.folder(entry),
            trials=tuple(ranked(records)),
            best=best,
            metric=self.metric,
            importances=study.importances(),
            space=self.request.space,
            until=self.request.until.requirement.text if self.request.until else None,
            is_settled=study.is_settled(),
            seconds=seconds,
        )

    def _registered(self, study: str, best: TrialRecord) -> Entry | None:
        """Return the version that the best trial became before; None where it did not."""
        of = {"id": study, "trial": best.number}
        registry = self.training.runs.registry
        return next((entry for entry in registry.entries() if of.items() <= (entry.config.get("sweep") or {}).items()), None)

    def _about(self, study: SweepStudy, best: TrialRecord, records: list[TrialRecord]) -> dict[str, Any]:
        """Return what an entry records of the sweep that it is of."""
        counts = {state: sum(each.state == state for each in records) for state in ("complete", "pruned", "failed")}
        until = self.request.until.requirement.text if self.request.until else None
        return {
            "id": study.id,
            "trial": best.number,
            "trials": len(records),
            **counts,
            "until": until,
            "space": self.request.space.as_dict(),
        }

    def _history(self, study: SweepStudy, records: list[TrialRecord]) -> dict[str, Any]:
        return {"metric": self.metric, "trials": [each.as_dict() for each in records], "importances": study.importances()}


def describe_sweep(folder: Path) -> dict[str, Any]:
    """Return what the file beside a sweep's folder says of it."""
    try:
        facts = json.loads(facts_of(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = {}
    return {"trials": 0} | (facts if isinstance(facts, dict) else {})
