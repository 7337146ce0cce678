"""What a sweep will do, before it does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..adapters.job import JobPlan
from .space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What a sweep will do.

    Attributes:
        of_trial: What its first trial will do.
        space: What is tried.
        trials: How many there will be.
        processes: How many are run at a time.
        metric: What they are compared by.
        before: What is there of the same sweep, as its file says; None: nothing.
        folder: Where it is kept.
    """

    of_trial: JobPlan
    space: Space
    trials: int
    processes: int
    metric: str
    before: dict[str, Any] | None
    folder: Path

    @property
    def seconds(self) -> float:
        """How long all trials take that are not done yet, none stopped early; an estimate."""
        left = max(0, self.trials - int(self.before["trials"] if self.before else 0))
        return self.of_trial.seconds * left / self.processes

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "trials": self.trials,
            "processes": self.processes,
            "metric": self.metric,
            "seconds": self.seconds,
            "space": self.space.as_dict(),
            "before": self.before,
            "trial": self.of_trial.as_dict(),
        }
