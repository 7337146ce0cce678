"""How far long work is: a bar on a terminal, and elsewhere a part of the signs of life."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from ..shown_text import one_line
from . import life

Tell = Callable[[str, int, int], None]
"""(what is being done, units done, units in all)."""


@contextmanager
def text_bar(unit: str = "texts") -> Iterator[Tell]:
    """Give a function that shows units done: as a bar with the time left on a terminal, in the signs of life elsewhere."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: life.doing(f"{what}: {done} of {total} {unit}")
        return
    with ExitStack() as stack:
        shown: list[Tell] = []

        def tell(what: str, done: int, total: int) -> None:
            if not shown:  # until then there is nothing to draw, and the signs of life go on
                stack.enter_context(life.paused())
                shown.append(stack.enter_context(_bars(unit)))
            shown[0](what, done, total)

        yield tell


@contextmanager
def _bars(unit: str) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(one_line(what), total=total)
            progress.update(bars[what], completed=done)

        yield tell
