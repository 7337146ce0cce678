"""Units of queries -> splits: drawn by a seed, or the latest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .units import Units

Held = dict[str, list[str]]
"""Split -> ids of the queries that it holds."""


def allot_drawn(units: Units, wanted: Mapping[str, int], seed: int) -> Held:
    """Fill the splits one after another with units in a drawn order, each unit where it still fits.

    Where a split is then further from what is wanted than with one unit more, it gets the smallest of the rest. At least one unit is left.

    Args:
        units: What stays together.
        wanted: Split -> how many queries it is to have.
        seed: Of the order.
    """
    order = [units[row] for row in np.random.default_rng(seed).permutation(len(units))]
    held: Held = {split: [] for split in wanted}
    left = len(order)
    for split, most in wanted.items():
        rest = []
        for unit in order:
            fits = left > 1 and len(held[split]) + len(unit) <= most
            left -= fits
            held[split] += unit if fits else []
            rest += [] if fits else [unit]
        order = rest
        if len(order) > 1 and (least := min(order, key=len)) and abs(len(held[split]) + len(least) - most) < most - len(held[split]):
            held[split] += least
            order.remove(least)
            left -= 1
    return held


def allot_latest(units: Sequence[Sequence[str]], wanted: Mapping[str, int]) -> Held:
    """Fill the splits one after another from the end of units in the order of time, each as near to what is wanted as whole units allow.

    At least one unit is left.
    """
    left, held = list(units), Held()
    for split, most in wanted.items():
        sizes = np.cumsum([len(unit) for unit in reversed(left)])[: len(left) - 1]
        take = 0 if most == 0 or len(sizes) == 0 else int(np.argmin(abs(sizes - most))) + 1
        held[split] = [qid for unit in left[len(left) - take :] for qid in unit]
        left = left[: len(left) - take]
    return held
