"""The study of a sweep on disk: several processes take trials from it, and what one of them left when it was killed is taken up by another.

A trial belongs to the process whose lock it names. A trial that is under way and whose process is gone is taken up under its own number, with its
settings and the state that its run had written: it is neither lost nor run twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState

from .. import disk
from .dimension import Choice, setting_of
from .journal import open_journal
from .records import State, TrialRecord, best_of
from .rule import Rule
from .space import Space

JOURNAL = "study.jsonl"
_NAME = "sweep"
_STARTUP_PRUNED = 4
"""So many trials run to their end before any is stopped by their median."""
_SPARED = 200
"""Before so many thousandths of its steps no trial is stopped: the learning rate still rises."""
LEAST_FOR_SHARES = 4
_STATES: dict[TrialState, State] = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass(slots=True)
class SweepStudy:
    """A study, as one process sees it.

    Attributes:
        folder: Where it lies.
        space: What is tried.
        seed: Of what is drawn.
        trials: How many there are to be.
        until: What ends it before.
        worker: This process.
    """

    folder: Path
    space: Space
    seed: int
    trials: int
    until: Rule | None = None
    worker: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _study: optuna.Study = field(init=False)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with self._claiming():
            self._study = optuna.create_study(
                storage=open_journal(self.folder / JOURNAL),
                study_name=_NAME,
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_PRUNED, n_warmup_steps=_SPARED),
            )
            if "id" not in self._study.user_attrs:
                self._study.set_user_attr("id", uuid.uuid4().hex[:12])
            if not self._frozen():
                self._study.enqueue_trial(self.space.default()[1])

    @property
    def id(self) -> str:
        """What its versions name it by."""
        return str(self._study.user_attrs["id"])

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Let other processes see, as long as this lasts, that this one is alive."""
        path = self._lock_of(self.worker)
        path.parent.mkdir(exist_ok=True)
        with FileLock(path):
            yield
        path.unlink(missing_ok=True)

    def claim(self) -> tuple[Trial, dict[str, Choice]] | None:
        """Take up a trial that a killed process left, or begin one; None where there is nothing to begin."""
        with self._claiming():
            trials = self._frozen()
            stale = next((each for each in trials if each.state == TrialState.RUNNING and not self._is_alive(each)), None)
            if stale is not None:
                trial = Trial(self._study, stale._trial_id)
            elif self.is_settled() or sum(each.state not in (TrialState.WAITING, TrialState.FAIL) for each in trials) >= self.trials:
                return None
            else:
                self._study.sampler = self._sampler(len(trials))
                trial = self._study.ask()
            trial.set_user_attr("worker", self.worker)
            picks = self.space.pick(trial)
            trial.set_user_attr("settings", picks)
            return trial, picks

    def is_waiting(self) -> bool:
        """Return whether a trial is under way in another process, which may be killed before it ends."""
        return any(each.state == TrialState.RUNNING for each in self._frozen())

    def is_settled(self) -> bool:
        """Return whether a trial has reached what ends the sweep."""
        return self.until is not None and any(
            each.value is not None and self.until.holds(each.value, each.user_attrs.get("before"))
            for each in self._frozen(TrialState.COMPLETE)
        )

    def report(self, trial: Trial, part: int, score: float) -> bool:
        """Record the score at so many thousandths of the steps, and say whether the trial is to be stopped."""
        if part not in self._study._storage.get_trial(trial._trial_id).intermediate_values:
            trial.report(score, part)
        return bool(trial.should_prune())

    def stop(self, trial: Trial, why: str, *, failed: bool = False) -> None:
        """End a trial that does not come to its end."""
        trial.set_user_attr("failed" if failed else "stopped", why)
        self._study.tell(trial, state=TrialState.PRUNED)

    def finish(self, trial: Trial, score: float, before: float | None, write: Callable[[Path], None]) -> None:
        """End a trial; where it is the best so far, what came of it is kept, in place of what was the best before.

        It is written before the trial is said to be complete, so that a kill between the two loses neither.
        """
        trial.set_user_attr("before", before)
        with self._claiming():
            best = best_of(self.records())
            is_best = best is None or best.score is None or (score, -trial.number) > (best.score, -best.number)
            if is_best:
                disk.remove_tree(self.best_folder(trial.number))
                with disk.new_folder(self.best_folder(trial.number)) as folder:
                    write(folder)
            self._study.tell(trial, score)
            if is_best:
                for other in self.folder.glob("best-*"):
                    if other != self.best_folder(trial.number):
                        disk.remove_tree(other)

    def best_folder(self, number: int) -> Path:
        """Return where what came of a trial is kept, while it is the best."""
        return self.folder / f"best-{number}"

    def records(self) -> list[TrialRecord]:
        """Return the trials that have begun, by their numbers."""
        return [_record(each) for each in self._frozen() if each.state != TrialState.WAITING]

    def importances(self) -> dict[str, float]:
        """Return of each setting the share of the scores' differences that it explains, the greatest first; empty for fewer than 4 trials.

        Of a setting that has several parameters, by what else was picked, it is their sum.
        Source: PED-ANOVA (https://arxiv.org/abs/2304.10255), as Optuna has it.
        """
        if len(self._frozen(TrialState.COMPLETE)) < LEAST_FOR_SHARES:
            return {}
        found: dict[str, float] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are few trials of a kind, which the page says itself
            shares = optuna.importance.get_param_importances(self._study)
        for parameter, share in shares.items():
            found[setting_of(parameter)] = found.get(setting_of(parameter), 0.0) + share
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    def _frozen(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states or None)

    def _claiming(self) -> FileLock:
        return FileLock(self.folder / "claim.lock")

    def _lock_of(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    def _is_alive(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get("worker")
        if not isinstance(worker, str):
            return False  # killed between its number and its settings, which are given under the lock that is held here
        lock = self._lock_of(worker)
        if not lock.exists():
            return False
        if worker == self.worker:
            return True
        try:
            with FileLock(lock, timeout=0):
                return False
        except Timeout:
            return True

    def _sampler(self, number: int) -> Any:
        """Return what draws the settings of a trial: by its number, so that a sweep that goes on draws what it would have drawn."""
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {number}".encode()).digest()[:4], "big")
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(4, self.trials // 3)))


def _record(trial: FrozenTrial) -> TrialRecord:
    attributes = trial.user_attrs
    seconds = (trial.datetime_complete - trial.datetime_start).total_seconds() if trial.datetime_complete and trial.datetime_start else None
    return TrialRecord(
        number=trial.number,
        state="failed" if "failed" in attributes else _STATES.get(trial.state, "running"),
        settings=attributes.get("settings", {}),
        score=trial.value,
        before=attributes.get("before"),
        curve=dict(trial.intermediate_values),
        seconds=seconds,
        why=str(attributes.get("failed") or attributes.get("stopped") or ""),
    )
