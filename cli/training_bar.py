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
    from ..adapters.loop import Progress

LINE_EVERY_S = 20.0
"""Sooner than `life` would give a sign of its own."""


def describe(progress: Progress) -> str:
    """Say where a run is."""
    dev = "" if progress.dev is None else f"  dev {progress.metric} {progress.dev:.4f}"
    return f"loss {progress.loss:.3f}{dev}  {progress.pairs_per_s:.1f} pairs/s"


@contextmanager
def training_bar() -> Iterator[Callable[[Progress], None]]:
    """Give the function that is told after each step."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with life.paused(), RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("measuring the base on dev", total=None)
        yield lambda progress: bar.update(task, completed=progress.step, total=progress.steps, description=describe(progress))


def _lines() -> Callable[[Progress], None]:
    started = time.monotonic()
    last, first = -LINE_EVERY_S, None

    def tell(progress: Progress) -> None:
        nonlocal last, first
        now = time.monotonic() - started
        first = first or (progress.step, now)
        if now - last >= LINE_EVERY_S or progress.step == progress.steps:
            left = (now - first[1]) / max(1, progress.step - first[0]) * (progress.steps - progress.step)
            time_left = f"  {left / 60:.1f} minutes left" if progress.step > first[0] else ""  # one step alone says nothing of the pace
            say(f"step {progress.step}/{progress.steps}  {describe(progress)}{time_left}")
            last = now

    return tell
