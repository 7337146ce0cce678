"""Drawing some of many, seeded."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def draw(items: Sequence[T], count: int, seed: int | np.random.Generator) -> list[T]:
    """Draw at most `count` items without replacement, and return them in their order.

    Args:
        items: What is drawn from; all of it is returned, and nothing drawn, where it holds no more than `count`.
        count: 0 or more.
        seed: A seed, or a generator that has drawn before and goes on.
    """
    if len(items) <= count:
        return list(items)
    rows = np.random.default_rng(seed).choice(len(items), size=count, replace=False)
    return [items[row] for row in sorted(rows)]
