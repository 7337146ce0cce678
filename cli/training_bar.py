"""The progress of a training run on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import life
from .output import say

if TYPE_CHECKING:
    from ..events import Step

LINE_EVERY_S = 20.0
"""Sooner than `life` would give a sign of its own."""


def describe(at: Step) -> str:
    """Say where a run is."""
    dev = "" if at.dev is None else f"  dev {at.metric} {at.dev:.4f}"
    beside = "".join(f"  {name} {score:.4f}" for name, score in at.beside.items())
    return f"loss {at.loss:.3f}{dev}{beside}  {at.pairs_per_s:.1f} {at.unit}/s"


@contextmanager
def training_bar() -> Iterator[Callable[[Step], None]]:
    """Give the function that is told after each step."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with life.paused(), Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda at: bar.update(task, completed=at.step, total=at.steps, description=describe(at))


def _lines() -> Callable[[Step], None]:
    started = time.monotonic()
    last, first = -LINE_EVERY_S, None

    def tell(at: Step) -> None:
        nonlocal last, first
        now = time.monotonic() - started
        first = first or (at.step, now)
        if now - last >= LINE_EVERY_S or at.step == at.steps:
            left = (now - first[1]) / max(1, at.step - first[0]) * (at.steps - at.step)
            time_left = f"  {left / 60:.1f} minutes left" if at.step > first[0] else ""  # one step alone says nothing of the pace
            say(f"step {at.step}/{at.steps}  {describe(at)}{time_left}")
            last = now

    return tell
