"""A job's events on stderr: lines, bars, and the signs of life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from . import life
from .output import say

if TYPE_CHECKING:
    from ..events import Step


class Terminal:
    """Shows events. At most one bar is drawn at a time: a note, another stage and another kind of bar take it away."""

    def __init__(self) -> None:
        self._drawn = ExitStack()
        self._kind: str | None = None
        self._draw: Any = None

    def stage(self, what: str) -> None:
        """Name it in the signs of life."""
        self.close()
        life.doing(what)

    def note(self, text: str) -> None:
        """Print a line."""
        self.close()
        say(text)

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        """Move a bar on."""
        from .bars import text_bar

        if self._kind != unit:
            self.close()
            self._kind, self._draw = unit, self._drawn.enter_context(text_bar(unit))
        self._draw(what, done, total)

    def step(self, at: Step) -> None:
        """Move the training's bar on, or print a line now and then."""
        from .training_bar import training_bar

        if self._kind != "steps of training":
            self.close()
            self._kind, self._draw = "steps of training", self._drawn.enter_context(training_bar())
        self._draw(at)

    def close(self) -> None:
        """Take the bar away."""
        self._drawn.close()
        self._kind = None


@contextmanager
def shown() -> Iterator[Terminal]:
    """Give events that are shown, and leave no bar behind."""
    events = Terminal()
    try:
        yield events
    finally:
        events.close()
