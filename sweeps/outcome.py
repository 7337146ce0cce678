"""What a sweep has given: as data, and what is said of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..registry import Entry
from .records import TrialRecord
from .space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutcome:
    """What a sweep has given.

    Attributes:
        entry: The version that the best trial became.
        path: Its folder.
        trials: All of them, the best first.
        best: The best one.
        metric: What they were compared by, on dev.
        importances: Parameter -> the share of the scores' differences that it explains; empty where there are too few trials.
        space: What was tried.
        until: What was to end it; None: the number of trials.
        is_settled: Whether that is what ended it.
        seconds: How long this command took.
    """

    entry: Entry
    path: Path
    trials: tuple[TrialRecord, ...]
    best: TrialRecord
    metric: str
    importances: Mapping[str, float]
    space: Space
    until: str | None
    is_settled: bool
    seconds: float

    @property
    def before(self) -> float | None:
        """The score of the base alone."""
        return self.best.before

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "reference": self.entry.reference,
            "path": str(self.path),
            "metric": self.metric,
            "before": self.before,
            "best": self.best.as_dict(),
            "trials": [each.as_dict() for each in self.trials],
            "importances": dict(self.importances),
            "space": self.space.as_dict(),
            "until": self.until,
            "settled": self.is_settled,
            "seconds": self.seconds,
        }


def describe_trial(record: TrialRecord, best: TrialRecord | None, metric: str) -> str:
    """Say what came of a trial, in a line."""
    score = "no score" if record.score is None else f"{metric} {record.score:.4f}"
    how = {"complete": "", "pruned": f", stopped: {record.why}", "failed": f", failed: {record.why}", "running": ", under way"}[
        record.state
    ]
    then = (
        ""
        if best is None or best.score is None
        else "; the best so far"
        if best == record
        else f"; best {best.score:.4f}, trial {best.number}"
    )
    return f"trial {record.number}: {score}{how}{then}"
