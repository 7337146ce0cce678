"""What is known of the trials of a sweep, without Optuna."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .dimension import Choice

State = Literal["complete", "pruned", "failed", "running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """A trial.

    Attributes:
        number: From 0.
        state: `pruned`: dev was worse than the median of others as far; `failed`: these settings cannot be trained with.
        settings: What was tried, by name.
        score: On dev: of the state that is kept, or the last one of a trial that was stopped; None: there is none yet.
        before: The base's own.
        curve: Thousandths of the steps -> the score on dev then.
        seconds: How long it took; None: it is not known.
        why: What stopped or failed it.
    """

    number: int
    state: State
    settings: Mapping[str, Choice]
    score: float | None = None
    before: float | None = None
    curve: Mapping[int, float] = field(default_factory=dict)
    seconds: float | None = None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"settings": dict(self.settings), "curve": {str(at): score for at, score in self.curve.items()}}

    def describe(self) -> str:
        """Return its settings, as text."""
        return ", ".join(f"{name}={describe_value(value)}" for name, value in self.settings.items())


def describe_value(value: Choice) -> str:
    """Return a setting's value as text, numbers to three digits."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return "none" if value is None else str(value)


def best_of(records: Iterable[TrialRecord]) -> TrialRecord | None:
    """Return the complete trial with the highest score, the earliest of equals; None where none is complete."""
    complete = [each for each in records if each.state == "complete" and each.score is not None]
    return max(complete, key=lambda each: (each.score or 0.0, -each.number)) if complete else None


def ranked(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return trials, the best first: complete ones by their scores, then those that were stopped, then the others."""
    order = {"complete": 0, "pruned": 1, "running": 2, "failed": 3}
    return sorted(records, key=lambda each: (order[each.state], -(each.score if each.score is not None else -1.0), each.number))
