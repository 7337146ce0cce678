"""What long work reports while it runs: one protocol, for the command line's lines and bars as for a program's own callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a training run is after a step.

    `loss` is the step's own, `dev` the score of the newest evaluation (None before the first, or without a dev split) in `metric`,
    `pairs_per_s` the mean since the run began, in pairs or what `unit` says. `beside` holds the other scores of the newest evaluation, by what they are called.
    `stored_layers`: so many layers were not computed, since the states that they give are stored.
    `rate` is the learning rate of the step, and `is_evaluated` says that the newest evaluation was made after this very step.
    """

    step: int
    steps: int
    loss: float
    dev: float | None
    pairs_per_s: float
    metric: str = "nDCG@10"
    unit: str = "pairs"
    beside: Mapping[str, float] = field(default_factory=dict)
    rate: float = 0.0
    is_evaluated: bool = False
    stored_layers: int = 0


class Events(Protocol):
    """What receives the events of a job. Calls come from the thread that runs the job, and should return at once."""

    def stage(self, what: str) -> None:
        """Something else is being done from now on, such as "loading the base"."""
        ...

    def note(self, text: str) -> None:
        """There is something to know: one line, for people."""
        ...

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        """So many units of `what` are done, of so many in all."""
        ...

    def step(self, at: Step) -> None:
        """A training step is done."""
        ...


class Quiet:
    """Ignores all events; a base class for those who need only some of them."""

    def stage(self, what: str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        """Do nothing."""

    def step(self, at: Step) -> None:
        """Do nothing."""


QUIET = Quiet()


def note_once(events: Events, notes: Iterable[str]) -> None:
    """Report notes, each once however often it comes."""
    for text in dict.fromkeys(notes):
        events.note(text)
