"""How long work will take: a few of its items are run, and their time is multiplied."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def estimate_seconds(
    run: Callable[[Sequence[T]], object],
    items: Sequence[T],
    *,
    sample: int,
    warm_up: int = 0,
    size: Callable[[Sequence[T]], float] = len,
) -> float:
    """Estimate how long `run(items)` takes.

    Args:
        run: Does the work of some items.
        items: At least one. Those that are run are spread evenly over them: sort them by what their cost depends on.
        sample: About how many are run.
        warm_up: So many of the sample are run before, without being timed: the first run pays for what later ones find done.
        size: What the time of items grows with.
    """
    some = items[:: max(1, len(items) // sample)]
    if warm_up:
        run(some[:warm_up])
    started = time.monotonic()
    run(some)
    return (time.monotonic() - started) * size(items) / size(some)
